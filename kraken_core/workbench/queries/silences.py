"""Silences: the spans of a series that are covered, and in which nothing traded (domain rule 12)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

import numpy as np
import polars as pl

from kraken_core.domain.coverage import DataCoverageRange
from kraken_core.domain.grades import Grade
from kraken_core.domain.market import Series
from kraken_core.domain.request import Selection
from kraken_core.domain.timerange import END_OF_TIME, TimeRanges
from kraken_core.domain.verification.silences import KNOWN_SILENCES, Activity, silent_runs
from kraken_core.ports import CandleStore
from kraken_core.workbench.queries.holdings import Holdings


class SilenceKind(StrEnum):
    """What explains a silence."""

    SUSPICIOUS = "suspicious"  # nothing does, and trades were likely: its slots are doubtful
    EXCHANGE = "exchange"  # the whole exchange was down for a part of it
    QUIET = "no trades"


class SilentSpan(NamedTuple):
    """A span in which nothing traded: ``[start, end)``, epoch seconds, whole slots of the series.

    ``expected_trades`` by the pair's own rate around it, nothing while the exchange is known to have been down.
    """

    series: Series
    start: int
    end: int
    kind: SilenceKind
    expected_trades: float

    @property
    def slots(self) -> int:
        """How many slots of the series it has."""
        return (self.end - self.start) // self.series.width


class SilenceQuery(NamedTuple):
    """Reads silences from what is stored and covered; the candles of one series at a time are in memory."""

    store: CandleStore
    holdings: Holdings

    def of(self, selection: Selection, at_least: int = 1) -> Iterator[SilentSpan]:
        """The silences of so many slots or more that reach into the selection, by series and time."""
        window = selection.window(END_OF_TIME)
        by_series: dict[Series, list[DataCoverageRange]] = defaultdict(list)
        for covered in self.holdings.coverage(selection):
            by_series[covered.series].append(covered)
        for series in sorted(by_series):
            for found in self._of_series(series, by_series[series], at_least):
                if found.start < window.end and window.start < found.end:
                    yield found

    def _of_series(self, series: Series, coverage: list[DataCoverageRange], at_least: int) -> Iterator[SilentSpan]:
        known = TimeRanges.of((each.start, each.end) for each in coverage)
        doubtful = TimeRanges.of((each.start, each.end) for each in coverage if each.grade is Grade.DOUBTFUL)
        candles = self.store.candles({series: known}, columns=("trades",)).sort("time")
        opens = candles["time"].dt.epoch("s").to_numpy()
        trades = candles["trades"].cast(pl.Int64).fill_null(1).to_numpy()  # at least one, where nobody counted them
        starts, ends = silent_runs(opens, known, series.width)
        long_enough = ends - starts >= at_least * series.width
        starts, ends = starts[long_enough], ends[long_enough]
        expected = Activity(opens, trades, known).expected(starts, ends, KNOWN_SILENCES)
        for start, end, many in zip(*map(np.ndarray.tolist, (starts, ends, expected)), strict=True):
            yield SilentSpan(series, start, end, _kind(start, end, doubtful), many)


def _kind(start: int, end: int, doubtful: TimeRanges) -> SilenceKind:
    if doubtful.meets(start, end):
        return SilenceKind.SUSPICIOUS
    return SilenceKind.EXCHANGE if KNOWN_SILENCES.meets(start, end) else SilenceKind.QUIET
