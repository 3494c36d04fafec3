"""One series as a chart shows it: bars of candles, and what is known of the time without one."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import polars as pl

from kraken_core.domain.coverage import DataCoverageRange
from kraken_core.domain.grades import Grade
from kraken_core.domain.market import Series
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.ports import CandleStore
from kraken_core.workbench.charts.bins import width_for
from kraken_core.workbench.charts.buckets import bars

BARS = 1_000  # at most


@dataclass(frozen=True, slots=True)
class Drawn:
    """Bars of ``width`` seconds, as :func:`bars` gives them.

    ``silent`` is covered and without a candle for a whole bar or longer, ``missing`` is not covered. ``doubtful`` is
    covered too, with a candle or without one. ``provisional`` candles are stored and not covered: they are in the bars.
    """

    series: Series
    window: TimeRange
    width: int
    bars: pl.DataFrame
    silent: TimeRanges
    missing: TimeRanges
    doubtful: TimeRanges = TimeRanges()  # noqa: RUF009 - it cannot be changed
    provisional: int = 0

    @property
    def candles(self) -> int:
        """How many are covered, as the report counts them."""
        return int(self.bars["candles"].sum()) - self.provisional

    @property
    def slots_missing(self) -> int:
        """How many slots of it no source covers."""
        return self.missing.slots(self.series.width)

    @property
    def slots_doubtful(self) -> int:
        """How many slots of it are covered and doubtful."""
        return self.doubtful.slots(self.series.width)

    @property
    def doubtful_by_bar(self) -> list[int]:
        """How many slots of each bar are doubtful."""
        starts = self.bars["start"]
        return [self.doubtful.clip(start, start + self.width).slots(self.series.width) for start in starts]

    @property
    def opened(self) -> TimeRange | None:
        """From where the first candle opens to where the last one does."""
        if not self.bars.height:
            return None
        return TimeRange(self.bars["first"][0], self.bars["last"][-1])


def drawn(
    store: CandleStore, coverage: Collection[DataCoverageRange], wanted: TimeRanges, series: Series, window: TimeRange
) -> Drawn:
    """The series, of this coverage, in the window, its candles made wider where there are too many for a chart."""
    covered = TimeRanges.of((known.start, known.end) for known in coverage)
    doubtful = TimeRanges.of((known.start, known.end) for known in coverage if known.grade is Grade.DOUBTFUL)
    width = width_for(window, BARS, series.interval)
    whole = TimeRange(window.start - window.start % width, window.end)
    found = bars(store, series, whole, width)
    traded = TimeRanges.of((start, start + width) for start in found["start"])
    inside = TimeRanges.single(*whole)
    silent = (covered & inside) - traded
    long_enough = TimeRanges.of(span for span in silent if span.end - span.start >= width)
    provisional = sum(store.count({series: inside - covered})[series]) if inside - covered else 0
    missing = (wanted - covered) & inside
    return Drawn(series, window, width, found, long_enough, missing, doubtful & wanted & inside, provisional)
