"""Domain rule 15: the grade of every covered slot follows from claims and findings."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.audit import AuditedSlots
from kraken_core.domain.candles import Source, rank_of
from kraken_core.domain.coverage import Assertion, coverage_ranges
from kraken_core.domain.findings import Doubt, Findings
from kraken_core.domain.grades import Grade
from kraken_core.domain.grading import Grades, graded_ranges, grades
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRanges
from tests.support.ranges import slots_of, time_ranges

BTC = Pair("BTC", "USD")
HOURS, FOURS = Series(BTC, 60), Series(BTC, 240)
RANKS = {source: rank_of(source) for source in (Source.CSV, Source.OHLC, Source.TRADES)}
ALIVE = {HOURS: TimeRanges.single(0, 10**9), FOURS: TimeRanges.single(0, 10**9)}
NONE = TimeRanges()


def hours(*ranges: tuple[int, int]) -> TimeRanges:
    return TimeRanges.of((start * 3600, end * 3600) for start, end in ranges)


def claim(
    start: int,
    end: int,
    evidence: str = "a",
    *,
    source: Source = Source.CSV,
    series: Series = HOURS,
    proved: bool = False,
) -> Assertion:
    rank = RANKS.get(source, RANKS[Source.CSV])
    return Assertion(series, start * 3600, end * 3600, source, rank, evidence, proved=proved)


def derived(start: int, end: int) -> Assertion:
    return claim(start, end, "derived:60", source=Source.DERIVED, series=FOURS)


def graded(
    claims: Sequence[Assertion],
    findings: dict[Series, Findings] | None = None,
    differing: dict[Series, TimeRanges] | None = None,
    series: Series = HOURS,
) -> dict[Grade, TimeRanges]:
    """The slots of each grade."""
    found: dict[Grade, TimeRanges] = {}
    for covered in graded_ranges(claims, ALIVE, findings or {}, differing or {})[series]:
        found[covered.grade] = found.get(covered.grade, NONE) | TimeRanges.single(covered.start, covered.end)
    return found


def doubt(start: int, end: int) -> Findings:
    return Findings(doubts=(Doubt(start * 3600, end * 3600, "no trades"),))


# ---------------------------------------------------------------------------------------------------------- audits


def audit(proved: TimeRanges = NONE, doubtful: TimeRanges = NONE) -> dict[Series, AuditedSlots]:
    return {HOURS: AuditedSlots(proved, doubtful)}


def by_audit(claims: Sequence[Assertion], audited: dict[Series, AuditedSlots], series: Series = HOURS) -> Grades:
    return grades(claims, ALIVE, {}, {}, audited)[series]


def test_what_an_audit_proves_is_proved_and_what_was_derived_from_it_too() -> None:
    claims = [claim(0, 12), derived(0, 12)]
    assert by_audit(claims, audit(hours((0, 9)))).proved == hours((0, 9))
    assert by_audit(claims, audit(hours((0, 9))), FOURS).proved == hours((0, 8))


def test_where_ids_count_more_trades_all_is_in_doubt_at_coarser_intervals_too_until_ids_prove_it() -> None:
    swept = claim(4, 6, "sweep", source=Source.TRADES, proved=True)
    claims = [claim(0, 12), claim(0, 12, "other", source=Source.OHLC), claim(0, 24, "days", series=FOURS), swept]
    assert by_audit(claims, audit(doubtful=hours((3, 9)))).doubtful == hours((3, 4), (6, 9))
    assert by_audit(claims, audit(doubtful=hours((3, 9))), FOURS).doubtful == hours((0, 12))


# ------------------------------------------------------------------------------------------------ sources and trade ids


def test_what_one_source_says_is_claimed() -> None:
    assert graded([claim(0, 10)]) == {Grade.CLAIMED: hours((0, 10))}


def test_what_trade_ids_prove_is_proved_whoever_else_says_so() -> None:
    claims = [claim(0, 10), claim(4, 8, "b", source=Source.TRADES, proved=True)]
    assert graded(claims) == {Grade.CLAIMED: hours((0, 4), (8, 10)), Grade.PROVED: hours((4, 8))}


@pytest.mark.parametrize("other", [Source.CSV, Source.OHLC, Source.TRADES])
def test_what_two_independent_sources_know_is_confirmed_unless_their_values_differ(other: Source) -> None:
    claims = [claim(0, 10), claim(4, 12, "b", source=other)]
    assert graded(claims) == {Grade.CLAIMED: hours((0, 4), (10, 12)), Grade.CONFIRMED: hours((4, 10))}
    assert graded(claims, differing={HOURS: hours((6, 7))})[Grade.CONFIRMED] == hours((4, 6), (7, 10))


def test_the_exchange_asked_twice_and_the_same_file_claimed_twice_are_one_source() -> None:
    again = [claim(0, 10, "OHLC then", source=Source.OHLC), claim(0, 10, "OHLC later", source=Source.OHLC)]
    assert graded(again) == {Grade.CLAIMED: hours((0, 10))}
    assert graded([claim(0, 10), claim(2, 8)]) == {Grade.CLAIMED: hours((0, 10))}


def test_what_was_adopted_confirms_nothing_as_it_may_be_a_copy_of_what_is_stored() -> None:
    copy = claim(0, 12, "copy")._replace(adopted=True)
    answers = claim(0, 12, "OHLC", source=Source.OHLC)
    doubted = {HOURS: doubt(0, 4)}
    for other in (claim(0, 12), claim(0, 12, "another")._replace(adopted=True), answers):
        assert graded([other, copy]) == {Grade.CLAIMED: hours((0, 12))}
        assert graded([other, copy], doubted)[Grade.DOUBTFUL] == hours((0, 4))
    assert graded([claim(0, 12), copy, answers]) == {Grade.CONFIRMED: hours((0, 12))}


def test_a_withdrawn_source_confirms_nothing() -> None:
    claims = [claim(0, 10), claim(0, 10, "b"), claim(2, 4, "b")._replace(withdrawn=True)]
    assert graded(claims) == {Grade.CONFIRMED: hours((0, 2), (4, 10)), Grade.CLAIMED: hours((2, 4))}


def test_another_interval_that_agrees_confirms_and_is_confirmed() -> None:
    claims = [claim(0, 16), claim(0, 16, "b", series=FOURS)]
    findings = {FOURS: Findings({60: hours((4, 12))})}
    for series in (HOURS, FOURS):
        assert graded(claims, findings, series=series) == {
            Grade.CLAIMED: hours((0, 4), (12, 16)),
            Grade.CONFIRMED: hours((4, 12)),
        }


# -------------------------------------------------------------------------------------------------------------- derived


def test_derived_is_as_good_as_the_worst_of_the_slots_it_was_made_of() -> None:
    ids = claim(0, 7, "trades", source=Source.TRADES, proved=True)
    two = [claim(0, 15), claim(0, 11, "b")]
    found = graded([ids, *two, derived(0, 16)], series=FOURS)
    assert found == {
        Grade.PROVED: hours((0, 4)),
        Grade.CONFIRMED: hours((4, 8)),
        Grade.CLAIMED: hours((8, 16)),
    }


def test_the_slot_of_the_listing_lacks_nothing_before_it() -> None:
    lives = {HOURS: hours((2, 100)), FOURS: hours((0, 100))}
    claims = [claim(2, 8, "trades", source=Source.TRADES, proved=True), derived(0, 8)]
    assert grades(claims, lives, {}, {})[FOURS].proved == hours((0, 8))


# --------------------------------------------------------------------------------------------------------------- doubts


def test_a_suspicious_silence_is_doubtful_at_its_interval_and_at_coarser_ones() -> None:
    claims = [claim(0, 24), claim(0, 24, "b", series=FOURS)]
    findings = {HOURS: doubt(7, 13)}
    assert graded(claims, findings)[Grade.DOUBTFUL] == hours((7, 13))
    assert graded(claims, findings, series=FOURS)[Grade.DOUBTFUL] == hours((8, 12))


def test_a_suspicious_silence_is_doubtful_at_finer_intervals_too_as_none_of_them_has_candles_there() -> None:
    claims = [claim(0, 24), claim(0, 24, "b", series=FOURS)]
    assert graded(claims, {FOURS: doubt(8, 16)})[Grade.DOUBTFUL] == hours((8, 16))


def test_candles_of_one_file_of_trades_lack_the_trades_that_its_minutes_lack() -> None:
    """All intervals of a file of trades are one evidence: where its silence is wrong, so are its coarse candles."""
    claims = [claim(0, 24), claim(0, 24, series=FOURS)]
    assert graded(claims, {HOURS: doubt(7, 13)}, series=FOURS)[Grade.DOUBTFUL] == hours((4, 16))


def test_only_the_source_that_may_lack_trades_is_doubted_beyond_its_silence() -> None:
    """A file that counts the rest of a slot, and no more, is no worse for a silence that reaches into it."""
    claims = [claim(0, 8), claim(8, 24, "b"), claim(0, 8, "b", series=FOURS), claim(8, 24, series=FOURS)]
    assert graded(claims, {HOURS: doubt(7, 9)}, series=FOURS) == {Grade.CLAIMED: hours((0, 24))}


def test_what_was_derived_of_any_doubtful_slot_is_doubtful() -> None:
    claims = [claim(0, 24), derived(0, 24)]
    assert graded(claims, {HOURS: doubt(7, 13)}, series=FOURS)[Grade.DOUBTFUL] == hours((4, 16))


def test_two_archives_do_not_settle_a_doubt_but_ids_and_the_exchange_do() -> None:
    findings = {HOURS: doubt(4, 8)}
    assert graded([claim(0, 10), claim(0, 10, "b")], findings)[Grade.DOUBTFUL] == hours((4, 8))
    answer = claim(5, 10, "Trades", source=Source.TRADES)
    assert graded([claim(0, 10), answer], findings)[Grade.DOUBTFUL] == hours((4, 5))
    assert graded([claim(0, 10), answer], findings, {HOURS: hours((6, 7))})[Grade.DOUBTFUL] == hours((4, 5), (6, 7))
    assert Grade.DOUBTFUL not in graded([claim(0, 10), answer._replace(start=0, proved=True)], findings)


def test_a_doubt_of_what_nobody_knows_is_no_grade() -> None:
    assert graded([claim(0, 4)], {HOURS: doubt(6, 9)}) == {Grade.CLAIMED: hours((0, 4))}


# ------------------------------------------------------------------------------------------------------------- findings


def test_what_is_compared_again_agrees_only_where_it_does_now() -> None:
    before = Findings({60: hours((0, 12)), 30: hours((20, 24))})
    now = before.compared(hours((4, 8)), {60: hours((4, 6)), 15: hours((6, 8))})
    assert now.agreed == {15: hours((6, 8)), 30: hours((20, 24)), 60: hours((0, 6), (8, 12))}
    assert before.compared(hours((0, 24)), {}).agreed == {}


def test_a_silence_that_is_judged_again_is_doubted_only_if_it_is_now() -> None:
    before = doubt(0, 4)._replace(doubts=(*doubt(0, 4).doubts, *doubt(10, 12).doubts))
    assert before.watched(hours((11, 20)), doubt(13, 15).doubts).doubts == (*doubt(0, 4).doubts, *doubt(13, 15).doubts)


# ----------------------------------------------------------------------------------------------------------- properties


@st.composite
def histories(draw: st.DrawFn) -> list[Assertion]:
    entries = []
    for _ in range(draw(st.integers(1, 10))):
        series, source = draw(st.sampled_from((HOURS, FOURS))), draw(st.sampled_from(list(RANKS)))
        step = series.interval // 60
        start = draw(st.integers(0, 8)) * step
        entry = claim(
            start, start + draw(st.integers(1, 6)) * step, draw(st.sampled_from("abc")), source=source, series=series,
            proved=source is Source.TRADES and draw(st.booleans()),
        )  # fmt: skip
        entries.append(entry._replace(withdrawn=draw(st.integers(0, 5)) == 0))
    return entries


@given(histories(), time_ranges(), time_ranges(), time_ranges())
def test_grades_only_cut_what_is_covered_and_never_lift_it_above_its_evidence(
    history: list[Assertion], agreed: TimeRanges, doubted: TimeRanges, differing: TimeRanges
) -> None:
    agreed, doubted, differing = (hours(*ranges) for ranges in (agreed, doubted, differing))
    findings = {
        FOURS: Findings({60: agreed.inner(FOURS.width)}),
        HOURS: Findings(doubts=tuple(Doubt(*r, "") for r in doubted)),
    }
    found = graded_ranges(history, ALIVE, findings, {HOURS: differing})
    plain = coverage_ranges(history, ALIVE)
    for series, ranges in found.items():
        width = series.width
        for before, after in pairwise(ranges):
            assert before.end <= after.start, "out of order, or a slot twice"
            assert before.end < after.start or (before.source, before.grade) != (after.source, after.grade), (
                "not maximal"
            )
        assert {(slot, r.source) for r in ranges for slot in range(r.start, r.end, width)} == {
            (slot, r.source) for r in plain[series] for slot in range(r.start, r.end, width)
        }
        proved = {s for a in history if a.proved and not a.withdrawn for s in range(a.start, a.end, 3600)}
        for each in ranges:
            slots = set(range(each.start, each.end, width))
            if each.grade is Grade.PROVED:
                assert slots <= proved
            if each.grade is Grade.DOUBTFUL:
                assert slots <= slots_of(doubted.outer(width), width)
            if each.grade is Grade.CONFIRMED and series == HOURS and not agreed:
                assert not slots & slots_of(differing, width)


# ------------------------------------------------------------------------------- contents that may be another pair's


def of_ambiguous(
    claims: Sequence[Assertion],
    evidence: dict[Series, frozenset[str]],
    findings: dict[Series, Findings] | None = None,
    differing: dict[Series, TimeRanges] | None = None,
) -> dict[Series, Grades]:
    return grades(claims, ALIVE, findings or {}, differing or {}, ambiguous=evidence)


SHARED = {HOURS: frozenset({"a"})}


def test_what_only_a_file_shows_whose_content_another_pair_has_is_doubtful_and_what_derives_from_it() -> None:
    found = of_ambiguous([claim(0, 12), derived(0, 12)], SHARED)
    assert found[HOURS].doubtful == found[FOURS].doubtful == hours((0, 12))


def test_another_source_ends_that_doubt_where_it_agrees() -> None:
    found = of_ambiguous([claim(0, 12), claim(4, 12, "b")], SHARED, differing={HOURS: hours((8, 12))})
    assert found[HOURS] == Grades(confirmed=hours((4, 8)), doubtful=hours((0, 4), (8, 12)))


def test_another_interval_ends_it_unless_its_content_is_another_pairs_too() -> None:
    claims = [claim(0, 12), claim(0, 12, "b", series=FOURS)]
    agreed = {FOURS: Findings({60: hours((0, 12))})}
    found = of_ambiguous(claims, SHARED, agreed)
    assert found == {HOURS: Grades(confirmed=hours((0, 12)))}
    both = of_ambiguous(claims, {**SHARED, FOURS: frozenset({"b"})}, agreed)
    assert both[HOURS].doubtful == both[FOURS].doubtful == hours((0, 12))
