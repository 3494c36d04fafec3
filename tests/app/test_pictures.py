"""What is drawn is what is held: pictures against candles, coverage and gaps read one by one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kraken_core import Workbench
from kraken_core.domain.completeness import Completeness
from kraken_core.domain.grades import Grade
from kraken_core.domain.life import Life
from kraken_core.domain.market import Series
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.ports import PairRecord
from kraken_core.workbench.charts.share import COMPLETE, Share, shares_of
from kraken_core.workbench.charts.timeline import LEVELS, Known, Timeline, levels
from tests.support.doubted import doubt
from tests.support.little_market import BTC_EUR, BTC_USD, FIRST_HOLE, LAST_HOLE, PEPE_USD

HOUR, DAY = 3_600, 86_400


@pytest.fixture(scope="module")
def held(full_home: Path) -> Iterator[Workbench]:
    with Workbench.open(full_home) as workbench:
        yield workbench


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def whole(held: Workbench) -> TimeRange:
    window = held.charts.window(held.select())
    assert window
    return window


def known_of(timeline: Timeline, row: int, *known: Known) -> TimeRanges:
    return TimeRanges.of((s.start, s.end) for s in timeline.stretches if s.row == row and s.known in known)


def test_the_window_is_all_that_was_wanted_and_the_series_are_those_wanted(held: Workbench) -> None:
    assert whole(held).end == at(LAST_HOLE[1][:-1])
    assert held.charts.series(held.select(pairs=["BTC/USD"], intervals=[60])) == [Series(BTC_USD, 60)]
    assert held.charts.window(held.select(pairs=["XRP/USD"])) is None


def test_a_timeline_opens_the_table_once_whatever_intervals_it_shows(
    held: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[object] = []
    view = type(held.store).view

    def counted(store: Any, connection: Any) -> Any:
        opened.append(connection)
        return view(store, connection)

    monkeypatch.setattr(type(held.store), "view", counted)
    series = held.charts.series(held.select(pairs=["BTC/USD"]))
    assert len({each.interval for each in series}) > 1
    held.charts.timeline(series, whole(held))
    assert len(opened) == 1


def test_a_close_timeline_tells_each_slot_present_silent_or_missing(held: Workbench) -> None:
    series = Series(PEPE_USD, 5)
    window = TimeRange(at("2024-03-31T20:00"), at("2024-04-01T04:00"))
    timeline = held.charts.timeline([series], window)
    assert timeline.width == 300
    times = held.store.candles({series: TimeRanges.single(*window)})["time"].dt.epoch("s")
    traded = TimeRanges.of((time, time + 300) for time in times)
    covered = TimeRanges.of((c.start, c.end) for c in held.ledger.coverage([series]))
    inside = TimeRanges.single(*window)
    assert known_of(timeline, 0, Known.PRESENT) == traded & covered & inside
    assert known_of(timeline, 0, Known.SILENT) == (covered & inside) - traded
    assert known_of(timeline, 0, Known.MISSING) == inside - covered
    assert known_of(timeline, 0, Known.PRESENT, Known.SILENT, Known.MISSING) == inside


def test_a_far_timeline_says_where_something_is_missing_and_counts_what_is_there(held: Workbench) -> None:
    series = held.charts.series(held.select(intervals=[1]))
    timeline = held.charts.timeline(series, whole(held))
    for row, each in enumerate(series):
        mine = [s for s in timeline.stretches if s.row == row]
        gaps = held.ledger.gaps([each])
        assert sum(s.slots for s in mine) == sum(gap.candles for gap in gaps)
        lacking = known_of(timeline, row, Known.PARTLY, Known.MISSING)
        assert all(lacking.clip(gap.start, gap.end).seconds == gap.end - gap.start for gap in gaps)


@pytest.mark.parametrize("window", ["whole", "cut"])
def test_a_step_agrees_with_its_evidence_to_the_slot(held: Workbench, window: str) -> None:
    """Also where the window begins and ends inside a slot, and for candles that no source vouches for."""
    seen = whole(held) if window == "whole" else TimeRange(at("2024-03-30T07:13"), at("2024-04-03T23:59"))
    series = held.charts.series(held.select(pairs=["BTC/USD", "PEPE/USD"]))
    for stretch in held.charts.timeline(series, seen).stretches:
        each, span = series[stretch.row], TimeRange(stretch.start, stretch.end)
        assert span.start % each.width == span.end % each.width == 0
        covered = TimeRanges.of((c.start, c.end) for c in held.ledger.coverage([each])).clip(*span)
        [present] = [sum(counts) for counts in held.store.count({each: covered}).values()] or [0]
        missing = TimeRanges.of((g.start, g.end) for g in held.ledger.gaps([each])).clip(*span)
        assert (stretch.candles, stretch.silent) == (present, covered.slots(each.width) - present)
        assert stretch.slots == missing.slots(each.width)


def test_one_candle_in_a_month_of_silence_does_not_make_the_month_present(held: Workbench) -> None:
    series = held.charts.series(held.select(pairs=["PEPE/USD"], intervals=[1]))
    sparse = [s for s in held.charts.timeline(series, whole(held)).stretches if s.candles and s.silent]
    assert sparse
    assert {s.known for s in sparse} <= {Known.SPARSE, Known.PARTLY}
    assert all(s.levels[0] and s.levels[1] for s in sparse)


@given(st.lists(st.integers(0, 10**9) | st.integers(0, 3), min_size=4, max_size=4))
@example([1, 1, 1, 1])
def test_whatever_there_is_of_a_step_is_seen_however_small_its_share(counts: list[int]) -> None:
    found = levels(*counts)
    assert sum(found) == (LEVELS if any(counts) else 0)
    assert [bool(level) for level in found] == [bool(count) for count in counts]
    assert all(level >= 0 for level in found)


@pytest.mark.parametrize("window", ["whole", "cut"])
def test_a_step_counts_its_doubtful_slots_and_the_candles_in_them(full: Path, window: str) -> None:
    series = [Series(BTC_EUR, 60), Series(PEPE_USD, 1)]
    with Workbench.open(full) as workbench:
        for each in series:
            start = workbench.ledger.coverage([each])[0].start
            spans = [(start + n * 500 * 60, start + n * 500 * 60 + 5 * each.width) for n in range(9)]
            long = (start + 2 * DAY, start + 4 * DAY)
            doubt(workbench, each, TimeRanges.of([*spans, long]).inner(each.width))
        seen = whole(workbench) if window == "whole" else TimeRange(at("2024-03-29T07:13"), at("2024-04-01T01:01"))
        stretches = workbench.charts.timeline(series, seen).stretches
        for stretch in stretches:
            each = series[stretch.row]
            known = workbench.ledger.coverage([each])
            doubtful = TimeRanges.of((c.start, c.end) for c in known if c.grade is Grade.DOUBTFUL)
            here = doubtful.clip(stretch.start, stretch.end)
            assert stretch.doubtful == here.slots(each.width)
            assert stretch.doubtful_candles == sum(workbench.store.count({each: here})[each])
            assert (stretch.grade is Grade.DOUBTFUL) == bool(here)
    assert any(stretch.doubtful_candles for stretch in stretches)
    assert any(stretch.doubtful > stretch.doubtful_candles for stretch in stretches)


def test_a_timeline_has_the_grade_of_each_slot_and_from_afar_the_weakest(held: Workbench) -> None:
    series, window = Series(PEPE_USD, 5), TimeRange(at("2024-03-31T20:00"), at("2024-04-01T04:00"))
    close = held.charts.timeline([series], window)
    graded = {c.grade for c in held.ledger.coverage([series])}
    for grade in graded:
        of_grade = TimeRanges.of((s.start, s.end) for s in close.stretches if s.grade is grade)
        known = TimeRanges.of((c.start, c.end) for c in held.ledger.coverage([series]) if c.grade is grade)
        assert of_grade == known & TimeRanges.single(*window)
    far = held.charts.timeline([series], whole(held))
    order = list(Grade)
    for stretch in far.stretches:
        inside = [c for c in held.ledger.coverage([series]) if c.start < stretch.end and stretch.start < c.end]
        assert stretch.grade == max((c.grade for c in inside), key=order.index, default=None)


def test_a_chart_adds_candles_up_and_loses_none(held: Workbench) -> None:
    series = Series(BTC_USD, 1)
    drawn = held.charts.drawn(series, whole(held))
    every = held.store.candles({series: TimeRanges.single(*whole(held))})
    assert drawn.width > series.width
    assert drawn.bars.height <= 1_000
    assert drawn.bars["candles"].sum() == every.height
    assert drawn.bars["volume"].sum() == pytest.approx(every["volume"].sum())
    assert (drawn.bars["high"].max(), drawn.bars["low"].min()) == (every["high"].max(), every["low"].min())
    times = every["time"].dt.epoch("s")
    assert (drawn.candles, drawn.opened) == (every.height, (times.min(), times.max()))
    assert (drawn.bars["open"][0], drawn.bars["close"][-1]) == (every["open"][0], every["close"][-1])


def test_a_close_chart_shows_candles_as_they_are_held(held: Workbench) -> None:
    series = Series(BTC_USD, 60)
    window = TimeRange(at("2024-03-30T00:00"), at("2024-03-31T00:00"))
    drawn = held.charts.drawn(series, window)
    candles = held.candles("BTC/USD", 60, window.start, window.end, to="polars")
    columns = ["open", "high", "low", "close", "volume", "source"]
    assert drawn.width == series.width
    assert drawn.bars.select(columns).equals(candles.select(columns))


def test_a_chart_shades_what_is_missing_and_what_is_silent(held: Workbench) -> None:
    drawn = held.charts.drawn(Series(PEPE_USD, 1), TimeRange(at("2024-03-31T22:00"), at("2024-04-01T02:00")))
    gap = TimeRange(at("2024-04-01T00:00"), at("2024-04-01T02:00"))
    assert drawn.missing == TimeRanges.single(*gap)
    traded = TimeRanges.of((start, start + 60) for start in drawn.bars["start"])
    assert drawn.silent == TimeRanges.single(at("2024-03-31T22:00"), gap.start) - traded
    assert drawn.silent


def test_the_share_known_of_a_selection_is_that_of_the_report(held: Workbench) -> None:
    for chosen in (held.select(), held.select(pairs=["BTC/USD"], intervals=[1, 1440])):
        overall = held.holdings.report(chosen).overall
        share = held.charts.spans(chosen).within(whole(held))
        assert (share.wanted, share.covered, share.missing) == (overall.wanted, overall.covered, overall.missing)
        assert share.part == overall.completeness


def test_doubtful_slots_are_no_part_of_the_share_that_is_complete() -> None:
    assert Share(wanted=10, covered=8, doubtful=3).part == Completeness(wanted=10, covered=8, doubtful=3).completeness


def test_the_shares_by_series_are_those_of_the_report_and_the_least_complete_come_first(held: Workbench) -> None:
    report = held.holdings.report(held.select())
    shares = held.charts.spans(held.select()).by_series(whole(held))
    expected = {line.series: (c.wanted, c.covered, c.doubtful) for line in report.series if (c := line.counts).wanted}
    assert {series: tuple(share) for series, share in shares.items()} == expected
    assert list(shares)[: len(report.worst)] == [line.series for line in report.worst]


def test_shares_as_a_table_are_those_by_series_and_their_complete_ones_are_the_same(held: Workbench) -> None:
    spans, seen = held.charts.spans(held.select()), set()
    for start in range(*whole(held), DAY):
        day = TimeRange(start, start + DAY)
        found, shares = spans.shares(day), spans.by_series(day)
        assert list(shares_of(found).items()) == list(shares.items())
        complete = [series for series, share in shares.items() if share.is_complete]
        assert list(shares_of(found.filter(COMPLETE))) == complete
        seen |= {share.is_complete for share in shares.values()}
    assert seen == {True, False}


def test_the_share_known_in_a_window_is_of_the_slots_that_open_in_it(held: Workbench) -> None:
    window = TimeRange(at("2024-03-31T21:07"), at("2024-04-01T02:10"))
    share = held.charts.spans(held.select(pairs=["PEPE/USD"], intervals=[60])).within(window)
    assert (share.wanted, share.covered) == (5, 2), "from 22:00 to 02:00, and known until midnight"
    assert held.charts.spans(held.select(pairs=["XRP/USD"])).within(window).part == 0


@pytest.mark.parametrize("row", ["pair", "tier"])
def test_the_heatmap_adds_up_to_the_gaps(held: Workbench, row: str) -> None:
    everything = held.select()
    gaps = held.charts.gaps(everything)
    found = held.charts.missing(gaps, row, everything, whole(held), slice(0, 100))
    assert found.total == len(found.rows) == gaps[row].n_unique()
    of_row = dict(gaps.group_by(row).agg(pl.col("candles").sum()).iter_rows())
    assert dict(zip(found.rows, found.slots.sum(axis=1), strict=True)) == pytest.approx(of_row, rel=0.01)
    assert found.missing.sum() == (gaps["end"] - gaps["start"]).sum()
    assert (found.missing <= found.wanted).all()


def test_a_day_nobody_knows_is_missing_whole_in_the_heatmap(held: Workbench) -> None:
    chosen = held.select(pairs=["BTC/USD"], intervals=[1, 5])
    found = held.charts.missing(held.charts.gaps(chosen), "pair", chosen, whole(held), slice(0, 10))
    [shares] = found.share
    days = {span.start: share for span, share in zip(found.bins, shares, strict=True)}
    assert days[at(FIRST_HOLE[0][:-1])] == 1
    assert days[at("2024-03-29T00:00")] == 0


def test_rows_that_lack_the_most_come_first_and_any_part_of_them_can_be_asked_for(held: Workbench) -> None:
    everything = held.select()
    gaps = held.charts.gaps(everything)
    every, second = (
        held.charts.missing(gaps, "pair", everything, whole(held), part) for part in (slice(0, 9), slice(1, 2))
    )
    assert list(every.missing.sum(axis=1)) == sorted(every.missing.sum(axis=1), reverse=True)
    assert second.rows == every.rows[1:2]
    assert second.total == every.total


def test_the_gaps_of_a_picture_are_the_open_ones_of_the_selection(held: Workbench) -> None:
    chosen = held.select(pairs=["BTC/EUR"], intervals=[1, 60])
    shown = held.charts.gaps(chosen)
    gaps = held.holdings.gaps(chosen)
    assert [tuple(row) for row in shown.select("gap_id", "start", "end", "route", "reason").iter_rows()] == [
        (gap.id, gap.start, gap.end, gap.route.value, gap.reason) for gap in gaps
    ]
    assert set(shown["tier"]) == {"TIER1"}


@pytest.mark.parametrize("listed", ["2024-03-01T00:00", "2024-03-28T13:00"])
def test_the_totals_are_those_of_the_report_also_where_lives_cut_what_was_counted(full: Path, listed: str) -> None:
    with Workbench.open(full) as workbench:
        workbench.ledger.record_pairs([PairRecord(BTC_EUR, "TIER1", (Life(at(listed), at("2024-04-05T06:00")),))])
        report, found = workbench.holdings.report(workbench.select()), workbench.charts.totals()
        coverage = workbench.ledger.coverage()
    lines = {(str(line.series.pair), line.series.interval): line.counts for line in report.series}
    told = {
        (pair, interval): Completeness(*counts)
        for pair, interval, *counts in found.series.drop("start", "end").iter_rows()
    }
    assert told == lines
    assert set(found.gaps["gap_id"]) == {gap.id for gap in report.gaps}
    ends: dict[tuple[str, int], int] = {}
    for each in coverage:
        key = (str(each.series.pair), each.series.interval)
        ends[key] = max(each.end, ends.get(key, 0))
    assert {(pair, interval): end for pair, interval, end in found.ends.iter_rows()} == ends
    assert found.as_of == report.as_of


@pytest.mark.parametrize("listed", ["2024-03-01T00:00", "2024-03-28T12:00"])
def test_doubtful_slots_are_known_to_the_candle_also_where_lives_cut_them(full: Path, listed: str) -> None:
    series = Series(BTC_EUR, 60)
    silent = Series(PEPE_USD, 1)
    with Workbench.open(full) as workbench:
        for each in (series, silent):
            start = workbench.ledger.coverage([each])[0].start
            doubt(workbench, each, TimeRanges.single(start, start + 40 * each.width))
        workbench.ledger.record_pairs([PairRecord(BTC_EUR, "TIER1", (Life(at(listed), at("2024-04-05T06:00")),))])
        found = workbench.charts.doubtful()
        report = workbench.holdings.report(workbench.select())
        for each in (series, silent):
            ranges = TimeRanges.of(found.of(each))
            [line] = [line for line in report.series if line.series == each]
            assert ranges.slots(each.width) == line.counts.doubtful > 0
            assert found.candles_of(each) == sum(workbench.store.count({each: ranges})[each])
            assert found.candles_by_interval()[each.interval] == found.candles_of(each)
    assert found.candles_of(silent) < 40, "some of it without trades"


def test_evidence_names_the_file_and_when_it_was_read(held: Workbench) -> None:
    series = Series(BTC_EUR, 1)
    span = TimeRange(at("2024-03-30T00:00"), at("2024-03-30T01:00"))
    [claim] = held.ledger.evidence(series, span).to_dicts()
    assert claim["member"].endswith("XBTEUR_1.csv")
    assert claim["path"].endswith("Kraken_OHLCVT_Q1_2024.zip")
    assert (claim["start"] <= span.start, claim["end"] >= span.end, claim["withdrawn"]) == (True, True, False)
    assert claim["job_id"] == 1
    assert not held.ledger.evidence(series, TimeRange(*(at(each[:-1]) for each in FIRST_HOLE))).height
