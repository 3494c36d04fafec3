"""One series as a chart shows it: bars of candles, and what is known of the time without one."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from kraken_core.domain.market import Series
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.ports import CandleStore
from kraken_core.workbench.charts.bins import width_for
from kraken_core.workbench.charts.buckets import bars

BARS = 1_000  # at most


@dataclass(frozen=True, slots=True)
class Drawn:
    """Bars of ``width`` seconds, as :func:`bars` gives them.

    ``silent`` is covered and without a candle for a whole bar or longer, ``missing`` is not covered.
    """

    series: Series
    window: TimeRange
    width: int
    bars: pl.DataFrame
    silent: TimeRanges
    missing: TimeRanges

    @property
    def candles(self) -> int:
        """How many are drawn."""
        return int(self.bars["candles"].sum())

    @property
    def slots_missing(self) -> int:
        """How many slots of it no source covers."""
        return self.missing.slots(self.series.width)

    @property
    def opened(self) -> TimeRange | None:
        """From where the first candle opens to where the last one does."""
        if not self.candles:
            return None
        return TimeRange(self.bars["first"][0], self.bars["last"][-1])


def drawn(store: CandleStore, covered: TimeRanges, wanted: TimeRanges, series: Series, window: TimeRange) -> Drawn:
    """The series in the window, its candles made wider where there are too many for a chart."""
    width = width_for(window, BARS, series.interval)
    whole = TimeRange(window.start - window.start % width, window.end)
    found = bars(store, series, whole, width)
    traded = TimeRanges.of((start, start + width) for start in found["start"])
    inside = TimeRanges.single(*whole)
    silent = (covered & inside) - traded
    long_enough = TimeRanges.of(span for span in silent if span.end - span.start >= width)
    return Drawn(series, window, width, found, long_enough, (wanted - covered) & inside)
