"""The values of a series as arrays, and the measures that the checks share."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from kraken_core.domain.candles import PRICES

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from kraken_core.domain.market import Series

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

SIDE = 7  # candles on each side of one: their median is right while at most three of them are wrong
BLOCK = 128  # candles that share a measure of what is usual
FEWEST = 50  # candles, below which nothing is known of what is usual
_US = 1_000_000


class CandleArrays(NamedTuple):
    """Candles of ``series`` by time: opens (epoch seconds), prices, volume, trades (NaN where not counted)."""

    series: Series
    opens: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    trades: Floats

    @classmethod
    def of(cls, series: Series, candles: pl.DataFrame) -> CandleArrays:
        """Those of a frame (columns of SCHEMA), which are all of the series."""
        opens = candles["time"].to_physical().to_numpy() // _US
        opening, high, low, close, volume = (candles[name].to_numpy() for name in (*PRICES, "volume"))
        return cls(series, opens, opening, high, low, close, volume, candles["trades"].cast(float).to_numpy())

    @property
    def height(self) -> int:
        """How many candles there are."""
        return len(self.opens)

    def sound(self) -> CandleArrays:
        """Those whose prices are possible at all; the others fail the check ``sane``."""
        possible: Flags = np.isfinite(self.high) & np.isfinite(self.volume) & (self.low > 0) & (self.volume > 0)
        return self if possible.all() else self.of_rows(possible)

    def of_rows(self, chosen: Flags | slice) -> CandleArrays:
        """Some of the candles."""
        prices = (self.open[chosen], self.high[chosen], self.low[chosen], self.close[chosen])
        return CandleArrays(self.series, self.opens[chosen], *prices, self.volume[chosen], self.trades[chosen])

    def joined(self, later: CandleArrays) -> CandleArrays:
        """These and those that follow."""
        opens = np.concatenate([self.opens, later.opens])
        opening, high, low, close, volume, trades = (
            np.concatenate(both) for both in zip(self[2:], later[2:], strict=True)
        )
        return CandleArrays(self.series, opens, opening, high, low, close, volume, trades)


def sides(values: Floats, rows: Ints) -> tuple[Floats, Floats]:
    """For some values, by number, the median of the SIDE ones before and behind each; NaN where fewer than four are."""
    padding = np.full(SIDE, np.nan)
    windows = sliding_window_view(np.concatenate([padding, values, padding]), SIDE)
    return _medians(windows[rows]), _medians(windows[rows + SIDE + 1])


def _medians(windows: Floats) -> Floats:
    medians: Floats = np.median(windows, axis=1)  # NaN where any of a window is
    for at in np.flatnonzero(np.isnan(medians)).tolist():
        known = windows[at][~np.isnan(windows[at])]
        if len(known) > SIDE // 2:
            medians[at] = np.median(known)
    return medians


def blocks_of(candles: int) -> Ints:
    """The bounds of blocks of BLOCK candles; the last has what remains, or all where there are fewer than two."""
    return np.append(np.arange(max(1, candles // BLOCK)) * BLOCK, candles)


def usual(values: Floats, *, widest: bool = True) -> Floats:
    """For each value the median of its block, or of a block beside it: the greatest of them, or the least."""
    bounds = blocks_of(len(values))
    last = int(bounds[-2])
    medians = np.append(np.median(values[:last].reshape(-1, BLOCK), axis=1), np.median(values[last:]))
    return np.repeat(beside(medians, np.maximum if widest else np.minimum), np.diff(bounds))


def beside(blocks: Floats, how: np.ufunc) -> Floats:
    """The greatest, or the least, of each block and the two beside it."""
    found: Floats = how(blocks, how(np.append(blocks[:1], blocks[:-1]), np.append(blocks[1:], blocks[-1:])))
    return found


def moving(candles: CandleArrays, share: float) -> Ints:
    """The numbers of the candles around which prices lie farther apart than a log return: nearly none in minutes."""
    bounds = blocks_of(candles.height)
    highest = beside(np.maximum.reduceat(candles.high, bounds[:-1]), np.maximum)
    lowest = beside(np.minimum.reduceat(candles.low, bounds[:-1]), np.minimum)
    return np.flatnonzero(np.repeat(np.log(highest / lowest) > share, np.diff(bounds)))


def volatility(candles: CandleArrays) -> Floats:
    """How far the price usually moves within a candle, gaps from the one before included, as a log return."""
    before = np.append(candles.open[:1], candles.close[:-1])
    moved = np.log(np.maximum(candles.high, before) / np.minimum(candles.low, before))
    return usual(moved)


def tick(candles: CandleArrays) -> float:
    """The least step of the prices that is seen."""
    steps = np.abs(np.diff(candles.close))
    steps = steps[steps > candles.close[1:] * 1e-12]
    return float(steps.min()) if len(steps) else 0.0
