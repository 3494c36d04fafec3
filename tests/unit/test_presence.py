"""One source has a candle where another one claims none: which of them differ, by what is known of each."""

from __future__ import annotations

import numpy as np

from kraken_core.domain.candles import Source, rank_of
from kraken_core.domain.coverage import Assertion
from kraken_core.domain.differences import SILENT, Difference, Origin, contested, disagreements
from kraken_core.domain.grading import grades
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.presence import SourceKey, Stated, claims_of_sources, known_silences, shared, silent_slots
from kraken_core.domain.timerange import TimeRanges

HOURS = Series(Pair("BTC", "USD"), 60)
WIDTH = HOURS.width
OLD, NEW, THIRD, ANSWERS = (Source.CSV, "a1"), (Source.CSV, "b1"), (Source.CSV, "c1"), (Source.OHLC, "")


def slots(start: int, end: int) -> TimeRanges:
    return TimeRanges.single(start * WIDTH, end * WIDTH)


def stated(claims: dict[SourceKey, TimeRanges], **candles: list[int]) -> Stated:
    """Sources, and the slots in which the one named so (``old``, ``answers``, ``derived``, …) has candles."""
    keys = {"old": OLD, "new": NEW, "third": THIRD, "answers": ANSWERS, "derived": (Source.DERIVED, "")}
    return Stated(claims, {keys[name]: np.array(found) * WIDTH for name, found in candles.items()})


def found(before: Stated, new: Stated) -> dict[tuple[SourceKey, SourceKey], list[int]]:
    return {(source, silent): (opens // WIDTH).tolist() for source, silent, opens in silent_slots(before, new)}


def test_a_new_source_is_silent_where_an_earlier_one_has_candles_inside_of_what_it_claims() -> None:
    before = stated({OLD: slots(0, 9)}, old=[1, 2, 3, 8])
    assert found(before, stated({NEW: slots(0, 5)}, new=[1, 3])) == {(OLD, NEW): [2]}


def test_an_earlier_source_is_silent_where_a_new_one_is_the_first_to_have_candles() -> None:
    before = stated({OLD: slots(0, 5)}, old=[1])
    assert found(before, stated({NEW: slots(0, 9)}, new=[1, 2, 8])) == {(NEW, OLD): [2]}


def test_all_earlier_sources_are_silent_where_none_has_a_candle_and_nothing_is_known_of_those_that_lost_one() -> None:
    before = stated({OLD: slots(0, 5), ANSWERS: slots(0, 5)}, old=[1])
    assert found(before, stated({NEW: slots(0, 5)}, new=[1, 2])) == {(NEW, OLD): [2], (NEW, ANSWERS): [2]}


def test_a_candle_in_force_that_was_derived_is_no_source_and_shows_nobody_to_be_silent() -> None:
    before = stated({OLD: slots(0, 5)}, old=[1], derived=[2])
    assert found(before, stated({NEW: slots(0, 5)}, new=[1, 2])) == {}
    assert found(before, stated({NEW: slots(0, 5)}, new=[1])) == {}


def test_a_source_that_is_known_to_be_silent_is_compared_with_every_one_that_comes() -> None:
    before = Stated({OLD: slots(0, 5), THIRD: slots(0, 5)}, {THIRD: np.array([WIDTH, 2 * WIDTH])}, {OLD: slots(2, 3)})
    assert found(before, stated({NEW: slots(0, 5)}, new=[1, 2])) == {(NEW, OLD): [2]}


def test_a_range_in_which_a_source_is_silent_in_some_slots_only_does_not_say_in_which() -> None:
    some = Difference(HOURS, 0, 4 * WIDTH, 3, Origin(*NEW), Origin(*OLD), *SILENT)
    every = Difference(HOURS, 6 * WIDTH, 8 * WIDTH, 2, Origin(*NEW), Origin(*OLD), *SILENT)
    other = Difference(HOURS, 9 * WIDTH, 10 * WIDTH, 1, Origin(*NEW), Origin(*OLD), volume=0.5)
    assert known_silences([some, every, other]) == {HOURS: {OLD: slots(6, 8)}}


def test_two_that_come_together_are_compared_with_each_other() -> None:
    new = stated({NEW: slots(0, 5), ANSWERS: slots(2, 9)}, new=[1, 2], answers=[3, 8])
    assert found(stated({}), new) == {(NEW, ANSWERS): [2], (ANSWERS, NEW): [3]}


def test_a_source_is_not_compared_with_itself_whatever_it_said_before() -> None:
    before = stated({ANSWERS: slots(0, 5)}, answers=[1, 2])
    assert found(before, stated({ANSWERS: slots(0, 5)}, answers=[2, 3])) == {}


def test_only_what_another_source_claims_is_to_be_looked_at() -> None:
    assert shared({}, {NEW: slots(0, 5)}) == TimeRanges()
    assert shared({NEW: slots(0, 5)}, {NEW: slots(0, 5)}) == TimeRanges()
    assert shared({OLD: slots(3, 9)}, {NEW: slots(0, 5), ANSWERS: slots(4, 6)}) == slots(3, 6)


def claim(source: Source, evidence: str, *, start: int = 0, end: int = 5, adopted: bool = False) -> Assertion:
    rank = rank_of(source) if source is Source.OHLC else rank_of(Source.CSV)
    return Assertion(HOURS, start * WIDTH, end * WIDTH, source, rank, evidence, adopted=adopted)


def test_all_answers_of_an_endpoint_are_one_source_and_what_is_derived_or_adopted_is_none() -> None:
    claims = [
        claim(Source.OHLC, "OHLC XBTUSD 60 at noon", end=3),
        claim(Source.OHLC, "OHLC XBTUSD 60 at midnight", start=3),
        claim(Source.CSV, "a1"),
        claim(Source.DERIVED, "derived:5"),
        claim(Source.CSV, "b1", adopted=True),
        claim(Source.CSV, "a1", start=4)._replace(withdrawn=True),
    ]
    assert claims_of_sources(claims) == {HOURS: {ANSWERS: slots(0, 5), OLD: slots(0, 4)}}


def test_two_sources_do_not_confirm_each_other_where_one_is_silent() -> None:
    claims = [claim(Source.CSV, "a1"), claim(Source.OHLC, "OHLC XBTUSD 60 at noon")]
    silent = Difference(HOURS, WIDTH, 3 * WIDTH, 2, Origin(*OLD), Origin(*ANSWERS), *SILENT)
    graded = grades(claims, {HOURS: slots(0, 9)}, {}, contested([silent]))
    assert graded[HOURS].confirmed == slots(0, 1) | slots(3, 5)


def test_where_one_is_silent_is_summed_up_apart_and_says_so() -> None:
    kept, other = Origin(*OLD, "/a/2026Q2.zip"), Origin(*ANSWERS)
    both = [
        Difference(HOURS, 0, 2 * WIDTH, 2, kept, other, *SILENT),
        Difference(HOURS, 5 * WIDTH, 6 * WIDTH, 1, kept, other, volume=0.01),
        Difference(HOURS, 8 * WIDTH, 9 * WIDTH, 1, other, kept, *SILENT),
    ]
    archive, answers = "2026Q2.zip", "the exchange's OHLC answers"
    assert {each.description for each in disagreements(both)} == {
        (
            f"2 slots of 1 series differ between {archive} and {answers}: "
            f"{answers} have no trades where {archive} has candles"
        ),
        f"1 slot of 1 series differs between {archive} and {answers}; {archive} is in force (volume by up to 1 %)",
        (
            f"1 slot of 1 series differs between {answers} and {archive}: "
            f"{archive} has no trades where {answers} have candles"
        ),
    }


def test_of_two_versions_of_an_archive_one_may_be_silent_too() -> None:
    kept, other = (Origin(Source.CSV, content, "/a/Kraken_OHLCVT.zip") for content in "ab")
    [found_one] = disagreements([Difference(HOURS, 0, WIDTH, 1, kept, other, *SILENT)])
    assert found_one.description == (
        "1 slot of 1 series differs between two versions of Kraken_OHLCVT.zip: one has no trades where the other has "
        "candles"
    )
