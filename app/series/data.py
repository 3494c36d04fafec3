"""What the page of a series reads; each of it remembered until the home changes."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from app.shared.workbench_cache import remembered
from kraken_core import Workbench
from kraken_core.domain.completeness import Completeness
from kraken_core.domain.jobs import FileIngestionRecord
from kraken_core.domain.market import Series
from kraken_core.domain.record_list import RecordList
from kraken_core.domain.request import Selection
from kraken_core.domain.timerange import TimeRange
from kraken_core.workbench.charts.candle_chart import Drawn
from kraken_core.workbench.charts.timeline import Timeline


class SeriesState(NamedTuple):
    """How complete a series is; ``span`` is where it is expected, ``covered`` from where to where any of it is.

    ``doubtful_candles``: how many of its doubtful slots have a candle.
    ``age``: how many seconds ago what is covered ends; None for a pair that left the exchange.
    """

    series: Series
    counts: Completeness
    doubtful_candles: int
    span: TimeRange
    covered: TimeRange | None
    gaps: pl.DataFrame
    age: int | None
    differences: list[str]


def selected(workbench: Workbench, series: Series) -> Selection:
    """The selection of this series alone."""
    return workbench.select(pairs=[series.pair], intervals=[series.interval])


@remembered
def state(workbench: Workbench, series: Series) -> SeriesState | None:
    """The state of a series; None where it is not expected."""
    chosen = selected(workbench, series)
    report = workbench.holdings.report(chosen)
    if not report.series:
        return None
    [line] = report.series
    covered = workbench.holdings.coverage(chosen)
    return SeriesState(
        series,
        line.counts,
        workbench.charts.doubtful().candles_of(series) if line.counts.doubtful else 0,
        TimeRange(line.start, line.end),
        TimeRange(min(each.start for each in covered), max(each.end for each in covered)) if covered else None,
        workbench.charts.gaps(chosen),
        workbench.holdings.ages(chosen, workbench.clock.now()).get(series) if covered else None,
        [each.description for each in report.differences],
    )


@remembered
def pictured(workbench: Workbench, series: Series, at: TimeRange) -> Timeline:
    """What is known of the series in a window."""
    return workbench.charts.timeline([series], at)


@remembered
def mini_chart(workbench: Workbench, series: Series, at: TimeRange) -> Drawn:
    """Its candles in a window."""
    return workbench.charts.drawn(series, at)


@remembered
def silences_of(workbench: Workbench, series: Series) -> pl.DataFrame:
    """Its silences, suspicious ones first, then the longest: times in epoch seconds."""
    chosen = selected(workbench, series)
    found = workbench.silences(pairs=chosen.pairs, intervals=chosen.intervals)
    frame = pl.from_pandas(found).with_columns(pl.col("start", "end").dt.epoch("s"))
    return frame.sort(pl.col("kind") != "suspicious", -pl.col("slots"), "start")


@remembered
def evidence_of(workbench: Workbench, series: Series, span: TimeRange) -> pl.DataFrame:
    """The claims about it."""
    return workbench.evidence(series, span)


@remembered
def files_of(workbench: Workbench, series: Series, most: int) -> RecordList[FileIngestionRecord]:
    """The newest of its files."""
    return workbench.files_of(series, most)
