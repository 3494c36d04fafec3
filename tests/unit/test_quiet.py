"""Silences judged around what changed: as good as judging all of them, with less to read."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.candles import SCHEMA, chosen
from kraken_core.domain.findings import Findings
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRanges
from kraken_core.domain.verification.silences import KNOWN_SILENCES, SUSPICIOUS, Activity, Silence, silent_runs
from kraken_core.pipeline.quiet import Watched, narrowed, suspicious, uncounted
from tests.support.candle_frames import Row, frame

BTC = Pair("BTC", "USD")
HOURS, DAYS = Series(BTC, 60), Series(BTC, 1440)
DAY = 86_400


class Table:
    """Candles in memory; remembers how much of each series was read."""

    def __init__(self, *rows: Row) -> None:
        self.rows = rows
        self.read: dict[Series, TimeRanges] = {}

    def candles(self, ranges: Mapping[Series, TimeRanges], columns: Collection[str] = SCHEMA) -> pl.DataFrame:
        for series, some in ranges.items():
            self.read[series] = self.read.get(series, TimeRanges()) | some
        inside = [row for row in self.rows if row.slot * row.series.width in ranges.get(row.series, TimeRanges())]
        return frame(inside).select(*chosen(columns)).sort("pair", "interval_minutes", "time")


def trading(slots: Collection[int], trades: int) -> list[Row]:
    return [Row(HOURS, slot, value=trades) for slot in sorted(slots)]


@given(st.sets(st.integers(0, 24 * 40)), st.integers(1, 40), st.integers(0, 38), st.integers(1, 3))
def test_what_is_judged_around_a_change_is_what_judging_everything_says(
    traded: set[int], trades: int, first: int, days: int
) -> None:
    known = TimeRanges.single(0, 41 * DAY)
    within = TimeRanges.single(first * DAY, (first + days) * DAY) & known
    opens = np.array(sorted(traded), dtype=np.int64) * 3600
    starts, ends = silent_runs(opens, known, 3600)
    activity = Activity(opens, np.full(len(opens), trades), known)
    judged = zip(starts.tolist(), ends.tolist(), activity.expected(starts, ends, KNOWN_SILENCES).tolist(), strict=True)
    expected = [span for span in judged if span[2] >= SUSPICIOUS and within.meets(*span[:2])]
    found = suspicious(Table(*trading(traded, trades)), [Watched(HOURS, known, known, within)])  # type: ignore[arg-type]
    assert [(s.start, s.end) for s in found] == [span[:2] for span in expected]
    assert np.allclose([s.expected for s in found], [span[2] for span in expected])


def test_only_what_lies_around_is_read() -> None:
    table = Table(*trading(range(24 * 400), 5))
    known, within = TimeRanges.single(0, 400 * DAY), TimeRanges.single(200 * DAY, 201 * DAY)
    assert suspicious(table, [Watched(HOURS, known, known, within)]) == []  # type: ignore[arg-type]
    assert table.read == {HOURS: TimeRanges.single(198 * DAY, 203 * DAY)}


def test_a_silence_is_judged_by_what_is_covered_around_it_also_where_finer_candles_explain_other_silences() -> None:
    table = Table(*trading(range(24 * 10), 5))
    covered, silent = TimeRanges.single(0, 20 * DAY), TimeRanges.single(10 * DAY, 20 * DAY)
    assert suspicious(table, [Watched(HOURS, covered, silent, silent)]) == [  # type: ignore[arg-type]
        Silence(HOURS, 10 * DAY, 20 * DAY, 1200)
    ]


SILENCE = Silence(HOURS, 30 * 3600, 33 * 3600, 60)
AGREED = {DAYS: Findings({60: TimeRanges.single(DAY, 2 * DAY)})}


def test_a_silence_is_explained_by_a_coarser_candle_that_counts_no_other_trades() -> None:
    table = Table(Row(DAYS, 1, value=90))
    assert uncounted(table, [SILENCE], AGREED) == []  # type: ignore[arg-type]


def test_but_not_by_one_that_is_silent_too_does_not_agree_or_was_not_compared() -> None:
    for rows, findings in (((), AGREED), ([Row(DAYS, 1)], {}), ([Row(DAYS, 1)], {DAYS: Findings({60: TimeRanges()})})):
        assert uncounted(Table(*rows), [SILENCE], findings) == [SILENCE]  # type: ignore[arg-type]


def test_agreement_reaches_through_intervals_between() -> None:
    halves = Series(BTC, 720)
    day = TimeRanges.single(DAY, 2 * DAY)
    findings = {DAYS: Findings({720: day}), halves: Findings({60: day})}
    assert uncounted(Table(Row(DAYS, 1, value=90)), [SILENCE], findings) == []  # type: ignore[arg-type]


@given(
    st.sets(st.integers(0, 24 * 20), min_size=1),
    st.sets(st.integers(0, 20)),
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=3),
    st.lists(st.tuples(st.integers(0, 24 * 20), st.integers(0, 24 * 20)), min_size=1, max_size=4),
)
def test_what_coarser_candles_explain_need_not_be_looked_at(
    traded: set[int], days: set[int], agreed: list[tuple[int, int]], spans: list[tuple[int, int]]
) -> None:
    table = Table(*trading(traded, 9), *(Row(DAYS, day, value=9) for day in sorted(days)))
    findings = {DAYS: Findings({60: TimeRanges.of((start * DAY, end * DAY) for start, end in agreed)})}
    known = TimeRanges.single(0, 21 * DAY)
    watched = [Watched(HOURS, known, known, TimeRanges.of((start * 3600, end * 3600) for start, end in spans))]
    found = uncounted(table, suspicious(table, watched), findings)  # type: ignore[arg-type]
    less = list(narrowed(table, watched, findings))  # type: ignore[arg-type]
    again = uncounted(table, suspicious(table, less), findings)  # type: ignore[arg-type]
    assert [s[:3] for s in again] == [s[:3] for s in found]
    assert np.allclose([s.expected for s in again], [s.expected for s in found])


def test_a_series_that_coarser_candles_count_throughout_is_hardly_read() -> None:
    whole = TimeRanges.single(0, 400 * DAY)
    table = Table(*trading(range(24 * 400), 5), *(Row(DAYS, day) for day in range(400)))
    [left] = narrowed(table, [Watched(HOURS, whole, whole, whole)], {DAYS: Findings({60: whole})})  # type: ignore[arg-type]
    assert left.within == TimeRanges.of([(0, 3600), (400 * DAY - 3600, 400 * DAY)])
    assert HOURS not in table.read
