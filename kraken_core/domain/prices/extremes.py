"""Highs and lows of coarse candles that no finer candle reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kraken_core.domain.prices.findings import PriceFinding, PriceKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kraken_core.domain.prices.candle_arrays import CandleArrays


def unmatched_extremes(coarse: CandleArrays, fine: CandleArrays) -> Iterator[PriceFinding]:
    """Coarse candles whose high or low lies outside of all finer candles in their slot.

    Both are all candles of slots that the finer ones cover as a whole. Slots without any finer candle are left out:
    the check ``silences`` has them.
    """
    if not fine.height or not coarse.height:
        return
    slots = fine.opens // coarse.series.width * coarse.series.width
    first = np.flatnonzero(np.append(True, slots[1:] != slots[:-1]))
    highs, lows = np.maximum.reduceat(fine.high, first), np.minimum.reduceat(fine.low, first)
    _, mine, theirs = np.intersect1d(coarse.opens, slots[first], assume_unique=True, return_indices=True)
    above, below = coarse.high[mine] > highs[theirs], coarse.low[mine] < lows[theirs]
    for at in np.flatnonzero(above | below).tolist():
        row, slot = mine[at], theirs[at]
        finer, own = (highs[slot], coarse.high[row]) if above[at] else (lows[slot], coarse.low[row])
        start = int(coarse.opens[row])
        span = (coarse.series, start, start + coarse.series.width)
        yield PriceFinding(*span, PriceKind.EXTREME, float(finer), float(own), str(fine.series))
