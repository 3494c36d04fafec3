"""Volumes out of proportion to the number of trades, and prices that are stuck."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kraken_core.domain.prices.candle_arrays import FEWEST, usual
from kraken_core.domain.prices.findings import PriceFinding, PriceKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kraken_core.domain.prices.candle_arrays import CandleArrays
    from kraken_core.domain.prices.findings import PriceLimits

_SIGMAS = 8  # by which mean trade sizes may differ, in logarithms
_MAD = 1.4826  # makes a median deviation a standard deviation
_COUNTED = 20  # trades, from which on a small mean size is no chance: one trade may be as small as can be
_RUNS = 10  # times the longest of a hundred runs of one price


def disproportions(candles: CandleArrays, limits: PriceLimits) -> Iterator[PriceFinding]:
    """Candles whose mean trade, in the quote currency, is many times as large or small as is usual around them."""
    known = candles.trades > 0
    counted = candles if known.all() else candles.of_rows(known)
    if counted.height < FEWEST:
        return
    size = np.log(counted.volume * counted.close / counted.trades)  # what a redenomination leaves as it is
    most, least = usual(size), usual(size, widest=False)
    spread = _SIGMAS * _MAD * usual(np.abs(size - (most + least) / 2))
    allowed = np.maximum(np.log(limits.volume), spread)
    large = size - most > allowed
    small = (least - size > allowed) & (counted.trades >= _COUNTED)
    for at in np.flatnonzero(large | small).tolist():
        expected = float(np.exp(most[at] if large[at] else least[at]))
        start, trades = int(counted.opens[at]), int(counted.trades[at])
        evidence = f"the usual size of a trade; {trades:,} counted"
        span = (counted.series, start, start + counted.series.width)
        yield PriceFinding(*span, PriceKind.VOLUME, expected, float(np.exp(size[at])), evidence)


def stuck_prices(candles: CandleArrays, limits: PriceLimits) -> Iterator[PriceFinding]:
    """Runs of candles that all have one price, many times as long as the pair's runs are.

    Runs of a random price end by chance, so that ten times the longest of a hundred does not come about by itself.
    """
    if candles.height < FEWEST:
        return
    flat = candles.high == candles.low
    same = np.append(False, flat[1:] & flat[:-1] & (candles.close[1:] == candles.close[:-1]))
    starts = np.flatnonzero(~same)
    lengths = np.diff(np.append(starts, candles.height))
    usually = float(np.quantile(lengths, 0.99, method="lower"))
    for run in np.flatnonzero(lengths >= max(limits.stuck, _RUNS * usually)).tolist():
        first, last = int(starts[run]), int(starts[run] + lengths[run]) - 1
        span = (candles.series, int(candles.opens[first]), int(candles.opens[last]) + candles.series.width)
        evidence = f"candles in a row at {candles.close[first]:.8g}; of a hundred runs the longest"
        yield PriceFinding(*span, PriceKind.STUCK, usually, float(lengths[run]), evidence)
