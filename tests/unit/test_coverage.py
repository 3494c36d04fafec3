"""What sources claim to know, and the coverage that follows (rules 3 and 4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.archive_names import stated_by_name
from kraken_core.domain.candles import Source, Vintage, derived_rank, rank_of
from kraken_core.domain.coverage import (
    ArchiveStatement,
    Assertion,
    CoverageSource,
    closed_by,
    counter_claims,
    coverage_ranges,
    file_covers,
    refuted,
    silence_covers,
    standing_claims,
)
from kraken_core.domain.knowledge import Knowledge
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.timerange import TimeRanges, floor
from tests.support.ranges import from_slots, slots_of, time_ranges

DAY_S = 86_400
QUARTER = ArchiveStatement(*stated_by_name("Kraken_OHLCVT_Q1_2026.zip"))
START, END = QUARTER.start or 0, QUARTER.end or 0
BTC = Pair("BTC", "USD")
ALL_INTERVALS = pytest.mark.parametrize("series", [Series(BTC, interval) for interval in INTERVALS], ids=str)


# Rule 4, OHLCVT file: from the archive's stated start to its stated end


@ALL_INTERVALS
@pytest.mark.parametrize("first_day", [0, 40])
def test_a_file_knows_its_whole_archive_however_late_its_first_candle_is(series: Series, first_day: int) -> None:
    first = START + first_day * DAY_S
    assert file_covers(series, QUARTER, first, END - series.width, finest=True) == TimeRanges.single(START, END)


@ALL_INTERVALS
@pytest.mark.parametrize("finest", [True, False])
def test_an_absent_last_slot_is_covered_by_no_statement(series: Series, finest: bool) -> None:
    """XBTUSD lacks the last slot of 2024-03-31 at 240, 720 and 1440 minutes, and was traded in it."""
    covers = file_covers(series, QUARTER, START, END - 2 * series.width, finest=finest)
    assert covers == TimeRanges.single(START, END - series.width)


@ALL_INTERVALS
def test_with_a_stated_end_the_last_slot_is_provisional_at_all_but_the_finest_interval(series: Series) -> None:
    last = END - series.width
    assert file_covers(series, QUARTER, START, last, finest=False) == TimeRanges.single(START, END - series.width)


@ALL_INTERVALS
def test_without_a_stated_end_the_files_last_slot_is_provisional_at_every_interval(series: Series) -> None:
    first, last = START + 5 * DAY_S, START + 9 * DAY_S
    for finest in (True, False):
        assert file_covers(series, ArchiveStatement(), first, last, finest=finest) == TimeRanges.single(first, last)


@ALL_INTERVALS
def test_a_full_release_states_its_end_only(series: Series) -> None:
    full = stated_by_name("Kraken_OHLCVT_Full_2026Q1.zip.part00")
    first = START - 900 * DAY_S
    assert file_covers(series, full, first, END - series.width, finest=True) == TimeRanges.single(first, END)


def covered(claims: Iterable[Assertion]) -> Mapping[Series, TimeRanges]:
    """What is known once these claims were made."""
    return Knowledge({}, list(claims)).covered()


def test_a_folder_called_master_q4_states_nothing() -> None:
    assert stated_by_name("master_q4") == ArchiveStatement()


@ALL_INTERVALS
def test_a_single_candle_without_a_statement_proves_nothing(series: Series) -> None:
    assert file_covers(series, ArchiveStatement(), START, START, finest=True) == TimeRanges()


@given(
    st.sampled_from(INTERVALS),
    st.none() | st.integers(START, START + 3 * DAY_S),
    st.none() | st.integers(START + 3 * DAY_S, START + 6 * DAY_S),
    st.booleans(),
    st.tuples(st.integers(0, 8639), st.integers(0, 8639)).map(sorted),
)
def test_a_file_covers_the_slots_that_its_archive_and_its_rows_vouch_for(
    interval: int,
    start: int | None,
    end: int | None,
    finest: bool,
    minutes: Sequence[int],
) -> None:
    """Slot by slot, whatever the statement, which need not fall on slots."""
    series = Series(BTC, interval)
    first, last = (floor(START + minute * 60, series.width) for minute in minutes)
    expected = []
    for slot in range(START - DAY_S, START + 7 * DAY_S, series.width):
        begun = slot >= (first if start is None else min(start, first))
        if end is None:
            ended = slot < last
        else:
            last_stated = end // series.width * series.width - series.width
            ended = slot < last_stated or (slot == last_stated and finest and last >= last_stated)
        if begun and ended:
            expected.append(slot)
    covers = file_covers(series, ArchiveStatement(start, end), first, last, finest=finest)
    assert covers == from_slots(expected, series.width)


# Rule 4, absent file: a complete archive without any file of the pair


@ALL_INTERVALS
def test_an_absence_is_silence_for_the_statement_but_its_last_slot(series: Series) -> None:
    assert silence_covers(series, QUARTER) == TimeRanges.single(START, END - series.width)


@pytest.mark.parametrize("statement", [ArchiveStatement(), ArchiveStatement(None, END), ArchiveStatement(START, None)])
def test_an_absence_from_an_archive_that_does_not_say_from_when_to_when_is_nothing(statement: ArchiveStatement) -> None:
    assert silence_covers(Series(BTC, 1), statement) == TimeRanges()


# Rule 1: only slots closed by as_of exist


@given(st.sampled_from(INTERVALS), st.integers(START - DAY_S, END + DAY_S))
def test_no_slot_is_known_before_it_has_closed_whatever_is_stated(interval: int, now: int) -> None:
    width = interval * 60
    known = closed_by(TimeRanges.single(START, END), width, now)
    assert all(end <= now for _, end in known)
    assert known == TimeRanges.single(START, min(END, floor(now, width)))


# Rule 3: assertions are append-only; a withdrawn one is a counter-entry

HOUR = Series(BTC, 60)
CSV_RANK = derived_rank(rank_of(Source.CSV, Vintage(END)))
API_RANK = rank_of(Source.OHLC)


def claim(start: int, end: int, evidence: str = "a", *, withdrawn: bool = False) -> Assertion:
    return Assertion(HOUR, start * 3600, end * 3600, Source.CSV, CSV_RANK, evidence, withdrawn=withdrawn)


def hours(*ranges: tuple[int, int]) -> TimeRanges:
    return TimeRanges.of((start * 3600, end * 3600) for start, end in ranges)


def test_a_withdrawn_range_of_an_assertion_no_longer_counts() -> None:
    claims = [claim(0, 10), claim(4, 6, withdrawn=True)]
    assert covered(claims) == {HOUR: hours((0, 4), (6, 10))}
    assert standing_claims(claims) == [(claim(0, 10), hours((0, 4), (6, 10)))]


def test_withdrawing_one_evidence_leaves_another_standing() -> None:
    claims = [claim(0, 10, "a"), claim(2, 8, "b"), claim(0, 10, "a", withdrawn=True)]
    assert covered(claims) == {HOUR: hours((2, 8))}


def test_an_assertion_withdrawn_whole_leaves_nothing() -> None:
    claims = [claim(0, 10), claim(0, 10, withdrawn=True)]
    assert standing_claims(claims) == []
    assert covered(claims) == {}


def test_what_was_derived_may_be_derived_again_once_it_was_withdrawn() -> None:
    entries = [claim(0, 10), claim(0, 10, withdrawn=True), claim(3, 5)]
    assert covered(entry._replace(source=Source.DERIVED) for entry in entries) == {HOUR: hours((3, 5))}


def test_evidence_that_was_contradicted_never_counts_again_at_whatever_rank() -> None:
    newer = claim(0, 12)._replace(rank=derived_rank(rank_of(Source.CSV, Vintage(END + 86_400))))
    for entries in ([claim(0, 10), claim(4, 6, withdrawn=True), newer], [newer, claim(4, 6, withdrawn=True)]):
        assert covered(entries) == {HOUR: hours((0, 4), (6, 12))}
    assert covered([claim(0, 10), claim(4, 6, withdrawn=True), claim(5, 8, "b")]) == {HOUR: hours((0, 4), (5, 10))}


def test_contradicted_slots_are_remembered_though_others_know_them() -> None:
    entries = [claim(0, 10), claim(4, 6, withdrawn=True), claim(0, 10, "b"), claim(8, 9, withdrawn=True)]
    assert refuted(entries) == {HOUR: hours((4, 6), (8, 9))}
    assert refuted(entry._replace(source=Source.DERIVED) for entry in entries) == {}


def test_counter_claims_leave_suspect_slots_to_nobody() -> None:
    entries = [claim(0, 10, "a"), claim(5, 15, "b"), claim(2, 3, "a", withdrawn=True)]
    suspects = {HOUR: hours((1, 3), (8, 12))}
    counter = counter_claims(standing_claims(entries), suspects)
    assert counter == [
        claim(1, 2, "a", withdrawn=True),
        claim(8, 10, "a", withdrawn=True),
        claim(8, 12, "b", withdrawn=True),
    ]
    assert covered([*entries, *counter]) == {HOUR: hours((0, 1), (3, 8), (12, 15))}
    assert counter_claims(standing_claims([*entries, *counter]), suspects) == []


def test_other_series_are_never_touched_by_a_withdrawal() -> None:
    euro = claim(0, 10)._replace(series=Series(Pair("BTC", "EUR"), 60))
    assert covered([euro, claim(0, 10), claim(0, 10, withdrawn=True)]) == {euro.series: hours((0, 10))}


RANKS = {
    CoverageSource.CSV: [CSV_RANK, derived_rank(rank_of(Source.CSV))],
    CoverageSource.API: [API_RANK, rank_of(Source.TRADES), derived_rank(API_RANK)],
}


@st.composite
def histories(draw: st.DrawFn) -> list[Assertion]:
    """Claims and counter-claims of two series by four sources, in the order they were made."""
    entries = []
    for _ in range(draw(st.integers(0, 12))):
        start = draw(st.integers(0, 30))
        series = Series(BTC, draw(st.sampled_from((60, 240))))
        width = series.width
        rank = draw(st.sampled_from([rank for ranks in RANKS.values() for rank in ranks]))
        source = draw(st.sampled_from([Source.CSV, Source.DERIVED]))
        span = (start * width, (start + draw(st.integers(1, 12))) * width)
        entries.append(
            Assertion(series, *span, source, rank, draw(st.sampled_from("ab")), withdrawn=draw(st.booleans()))
        )
    return entries


def known_slots(history: Sequence[Assertion]) -> dict[tuple[Series, int], set[CoverageSource]]:
    """Which kinds of source know each slot, worked out an entry and a slot at a time."""
    evidence: dict[tuple[Series, int], set[tuple[Source, str, int]]] = {}
    contradicted: dict[tuple[Series, int], set[str]] = {}
    for entry in history:
        for slot in range(entry.start, entry.end, entry.series.width):
            known = evidence.setdefault((entry.series, slot), set())
            if entry.withdrawn and entry.source is Source.CSV:
                contradicted.setdefault((entry.series, slot), set()).add(entry.evidence)
            elif entry.withdrawn:
                known.discard((entry.source, entry.evidence, entry.rank))
            else:
                known.add((entry.source, entry.evidence, entry.rank))
    for key, names in contradicted.items():
        evidence[key] = {k for k in evidence[key] if k[0] is Source.DERIVED or k[1] not in names}
    kinds = {rank: kind for kind, ranks in RANKS.items() for rank in ranks}
    return {key: {kinds[rank] for _, _, rank in known} for key, known in evidence.items() if known}


@given(histories())
def test_a_slot_is_covered_while_any_assertion_of_it_stands(history: list[Assertion]) -> None:
    found = {(series, slot) for series, ranges in covered(history).items() for slot in slots_of(ranges, series.width)}
    assert found == known_slots(history).keys()


@given(histories(), time_ranges())
def test_covered_ranges_are_the_longest_of_one_set_of_sources_inside_life(
    history: list[Assertion], alive: TimeRanges
) -> None:
    """DataCoverageRange: CSV, API or both, MIXED."""
    lives = {
        Series(BTC, interval): TimeRanges.of((s * interval * 60, e * interval * 60) for s, e in alive)
        for interval in (60, 240)
    }
    expected: dict[tuple[Series, int], CoverageSource] = {}
    for (series, slot), kinds in known_slots(history).items():
        if slot in lives[series]:
            expected[series, slot] = kinds.pop() if len(kinds) == 1 else CoverageSource.MIXED
    found: dict[tuple[Series, int], CoverageSource] = {}
    for series, ranges in coverage_ranges(history, lives).items():
        assert all(each.series == series for each in ranges)
        for before, after in pairwise(ranges):
            assert before.end <= after.start, "out of order, or a slot twice"
            assert before.end < after.start or before.source != after.source, "not maximal"
        for each in ranges:
            found |= {(series, slot): each.source for slot in range(each.start, each.end, series.width)}
    assert found == expected


def test_a_series_all_of_whose_claims_were_withdrawn_is_told_to_have_no_ranges() -> None:
    """Left out, it would keep those that it had before."""
    assert coverage_ranges([claim(0, 8), claim(0, 8, withdrawn=True)], {HOUR: hours((0, 100))}) == {HOUR: []}


def test_a_range_known_to_csv_and_api_is_mixed_only_where_both_know_it() -> None:
    api = Assertion(HOUR, 6 * 3600, 12 * 3600, Source.OHLC, API_RANK, "request")
    ranges = coverage_ranges([claim(0, 8), api], {HOUR: hours((0, 100))})[HOUR]
    assert [(r.start // 3600, r.end // 3600, r.source) for r in ranges] == [
        (0, 6, CoverageSource.CSV),
        (6, 8, CoverageSource.MIXED),
        (8, 12, CoverageSource.API),
    ]


@pytest.mark.parametrize(
    ("origin", "kind"),
    [
        (CSV_RANK, CoverageSource.CSV),
        (API_RANK, CoverageSource.API),
        (rank_of(Source.TRADES), CoverageSource.API),
    ],
)
def test_what_is_derived_is_known_to_the_source_it_goes_back_to(origin: int, kind: CoverageSource) -> None:
    derived = Assertion(HOUR, 0, 3600, Source.DERIVED, derived_rank(origin), "derived:5")
    (only,) = coverage_ranges([derived], {HOUR: hours((0, 9))})[HOUR]
    assert only.source is kind


def test_a_hole_between_first_and_last_is_seen() -> None:
    """One range from MIN to MAX would hide it."""
    assert covered([claim(0, 5), claim(7, 9)]) == {HOUR: hours((0, 5), (7, 9))}


def test_the_holes_of_dollars_are_not_hidden_by_euros() -> None:
    euro = claim(0, 24)._replace(series=Series(Pair("BTC", "EUR"), 60))
    assert covered([euro, claim(0, 3)])[HOUR] == hours((0, 3))
