"""Prices far from those on both sides of them: outliers, and decimals that slipped for a few candles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kraken_core.domain.prices.candle_arrays import FEWEST, SIDE, moving, sides, tick, volatility
from kraken_core.domain.prices.findings import PriceFinding, PriceKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kraken_core.domain.prices.candle_arrays import CandleArrays
    from kraken_core.domain.prices.findings import PriceLimits

_LEAST_TICKS = 5
SLIPPED = 0.1  # of a log return: how near to a power of ten a price that slipped lies, besides its volatility
TEN = float(np.log(10))


def outliers(candles: CandleArrays, limits: PriceLimits) -> Iterator[PriceFinding]:
    """Candles whose high or low is far from the prices before and behind it, on the same side of both.

    A step that lasts is none: it is near to what follows. Volatility is the usual range of the candles around.
    """
    if candles.height < FEWEST:
        return
    rows = moving(candles, limits.deviation)
    if not len(rows):
        return
    before, behind = sides(candles.close, rows)
    upper, lower = np.maximum(before, behind), np.minimum(before, behind)  # NaN, and so no finding, where one is
    usual = volatility(candles)[rows]
    allowed = np.maximum(limits.deviation, limits.outlier * usual)
    allowed = np.maximum(allowed, np.log1p(_LEAST_TICKS * tick(candles) / lower))
    above, below = np.log(candles.high[rows] / upper), np.log(lower / candles.low[rows])
    for at in np.flatnonzero(np.maximum(above, below) > allowed).tolist():
        row, high = int(rows[at]), above[at] >= below[at]
        away, stored = (above[at], candles.high[row]) if high else (-below[at], candles.low[row])
        yield PriceFinding(
            candles.series,
            int(candles.opens[row]),
            int(candles.opens[row]) + candles.series.width,
            PriceKind.SHIFT if _slipped(away, usual[at]) else PriceKind.OUTLIER,
            float(upper[at] if high else lower[at]),
            float(stored),
            f"{SIDE} candles on each side",
        )


def _slipped(away: float, usual: float) -> bool:
    powers = round(away / TEN)
    return powers != 0 and abs(away - powers * TEN) <= SLIPPED + 3 * usual
