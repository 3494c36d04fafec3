"""Silences: the spans of a series that are covered, and in which nothing traded (domain rule 12)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

import polars as pl

from kraken_core.domain.coverage import DataCoverageRange
from kraken_core.domain.grades import Grade
from kraken_core.domain.market import Series
from kraken_core.domain.request import Selection
from kraken_core.domain.timerange import END_OF_TIME, TimeRanges
from kraken_core.domain.verification.frame import opens_of
from kraken_core.domain.verification.silences import KNOWN_SILENCES, SUSPICIOUS, Activity, known_silences, silent_runs
from kraken_core.workbench.queries.holdings import Holdings

_COLUMNS = {
    "pair": pl.String,
    "interval_minutes": pl.Int32,
    "start_time": pl.Int64,
    "end_time": pl.Int64,
    "slots": pl.Int64,
    "kind": pl.String,
    "expected_trades": pl.Float64,
}


class SilenceKind(StrEnum):
    """What explains a silence, those that need a look first."""

    SUSPICIOUS = "suspicious"  # nothing does, and trades were likely
    EXPLAINED = "explained"  # the whole exchange stood still, or other candles confirm it
    NO_TRADES = "no trades"  # the pair trades seldom enough


class SilentSpan(NamedTuple):
    """A span in which nothing traded: ``[start, end)``, epoch seconds, whole slots of the series.

    ``expected_trades`` by the pair's own rate around it, none while the exchange is known to have been down.
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

    holdings: Holdings

    def of(self, selection: Selection, at_least: int = 1) -> Iterator[SilentSpan]:
        """The silences of so many slots or more that reach into the selection, by series and time."""
        window = selection.window(END_OF_TIME)
        chosen = sorted({covered.series for covered in self.holdings.coverage(selection)})
        by_series: dict[Series, list[DataCoverageRange]] = defaultdict(list)
        # All of each series: a silence may reach out of the selection, and its neighbourhood says what was likely.
        for covered in self.holdings.ledger.coverage(chosen):
            by_series[covered.series].append(covered)
        # By the finest interval of a pair, whichever is chosen.
        asleep = self.holdings.ledger.asleep({series.pair for series in chosen})
        for series in chosen:
            for found in self._of_series(series, by_series[series], asleep.get(series.pair, TimeRanges()), at_least):
                if found.start < window.end and window.start < found.end:
                    yield found

    def _of_series(
        self, series: Series, coverage: list[DataCoverageRange], asleep: TimeRanges, at_least: int
    ) -> Iterator[SilentSpan]:
        known = TimeRanges.of((each.start, each.end) for each in coverage)
        always_known = known_silences(series.pair)
        judgement = _Judgement.of(coverage, asleep, always_known)
        candles = self.holdings.store.candles({series: known}, columns=("trades",))
        trades = candles["trades"].cast(pl.Int64).fill_null(1).to_numpy()  # one at least, where nobody counted them
        activity = Activity(opens_of(candles), trades, known)
        starts, ends = silent_runs(activity.opens, known, series.width)
        long_enough = ends - starts >= at_least * series.width
        starts, ends = starts[long_enough], ends[long_enough]
        expected = activity.expected(starts, ends, always_known).tolist()
        for start, end, likely in zip(starts.tolist(), ends.tolist(), expected, strict=True):
            yield SilentSpan(series, start, end, judgement.kind(start, end, likely), likely)


def silence_frame(found: Iterable[SilentSpan]) -> pl.DataFrame:
    """Spans as SQL sees them: pair, interval_minutes, start_time, end_time (UTC), slots, kind, expected_trades."""
    rows = [
        (str(each.series.pair), each.series.interval, each.start, each.end, each.slots, each.kind, each.expected_trades)
        for each in found
    ]
    times = {
        name: pl.from_epoch(name, time_unit="s").dt.replace_time_zone("UTC") for name in ("start_time", "end_time")
    }
    return pl.DataFrame(rows, schema=_COLUMNS, orient="row").with_columns(**times)


class _Judgement(NamedTuple):
    """Where the slots of a series are doubtful, and where confirmed.

    And when the whole exchange was found without trades, or ``always_known`` to have had none.
    """

    doubtful: TimeRanges
    confirmed: TimeRanges
    asleep: TimeRanges
    always_known: TimeRanges = KNOWN_SILENCES

    @classmethod
    def of(cls, coverage: list[DataCoverageRange], asleep: TimeRanges, always_known: TimeRanges) -> _Judgement:
        doubtful, confirmed = (
            TimeRanges.of((each.start, each.end) for each in coverage if each.grade in grades)
            for grades in ({Grade.DOUBTFUL}, {Grade.CONFIRMED, Grade.PROVED})
        )
        return cls(doubtful, confirmed, asleep, always_known)

    def kind(self, start: int, end: int, expected: float) -> SilenceKind:
        """What explains a span. Where many trades were likely it is suspicious, until something does."""
        if self.doubtful.meets(start, end):
            return SilenceKind.SUSPICIOUS
        if expected < SUSPICIOUS:
            mostly = 2 * self.always_known.clip(start, end).seconds > end - start
            return SilenceKind.EXPLAINED if mostly else SilenceKind.NO_TRADES
        confirmed = self.confirmed.clip(start, end).seconds == end - start
        return SilenceKind.EXPLAINED if confirmed or self.asleep.meets(start, end) else SilenceKind.SUSPICIOUS
