"""Half-open ranges and sets of them, compared with plain sets of integers."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kraken_core.domain.timerange import TimeRange, TimeRanges, ceil, floor, iso
from tests.support.ranges import LAST, instants_of, pieces, time_ranges

NOTHING = TimeRanges()
WIDTHS = st.integers(1, 30)
INSTANTS = st.integers(-LAST - 5, LAST + 5)


# Slots are epoch-aligned, ranges half-open (rule 1)


@given(INSTANTS, WIDTHS)
def test_floor_is_the_start_of_the_slot_that_holds_the_instant(instant: int, width: int) -> None:
    start = floor(instant, width)
    assert start % width == 0
    assert start <= instant < start + width


@given(INSTANTS, WIDTHS)
def test_ceil_is_the_first_slot_that_begins_no_earlier(instant: int, width: int) -> None:
    start = ceil(instant, width)
    assert start % width == 0
    assert start - width < instant <= start


def test_a_slot_start_is_its_own_floor_and_ceil() -> None:
    assert floor(7200, 3600) == ceil(7200, 3600) == 7200


def test_instants_are_shown_in_utc_wherever_the_machine_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        assert iso(1_704_067_200) == "2024-01-01T00:00:00Z"
        assert str(TimeRange(0, 1_709_251_199)) == "[1970-01-01T00:00:00Z, 2024-02-29T23:59:59Z)"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_the_end_of_a_range_is_not_in_it() -> None:
    ranges = TimeRanges.single(60, 120)
    assert 59 not in ranges
    assert 60 in ranges
    assert 119 in ranges
    assert 120 not in ranges


# Building them


@given(pieces())
def test_ranges_are_sorted_disjoint_and_never_touch(given_pieces: list[tuple[int, int]]) -> None:
    bounds = TimeRanges.of(given_pieces).bounds
    assert len(bounds) % 2 == 0
    assert all(before < after for before, after in pairwise(bounds))


@given(pieces())
def test_ranges_hold_what_any_of_their_pieces_holds(given_pieces: list[tuple[int, int]]) -> None:
    expected = {instant for start, end in given_pieces for instant in range(start, end)}
    assert instants_of(TimeRanges.of(given_pieces)) == expected


@given(st.data(), pieces())
def test_the_order_of_the_pieces_makes_no_difference(data: st.DataObject, given_pieces: list[tuple[int, int]]) -> None:
    shuffled = data.draw(st.permutations(given_pieces))
    assert TimeRanges.of(shuffled) == TimeRanges.of(given_pieces)
    assert hash(TimeRanges.of(shuffled)) == hash(TimeRanges.of(given_pieces))


@given(time_ranges())
def test_ranges_built_from_their_own_ranges_are_the_same(ranges: TimeRanges) -> None:
    assert TimeRanges.of(ranges) == ranges


@given(INSTANTS, INSTANTS)
def test_a_single_range_is_the_union_of_one_piece(start: int, end: int) -> None:
    assert TimeRanges.single(start, end) == TimeRanges.of([(start, end)])


def test_neighbours_that_touch_become_one_range() -> None:
    assert list(TimeRanges.of([(60, 120), (0, 60)])) == [TimeRange(0, 120)]


# Set algebra


@given(time_ranges(), time_ranges())
def test_union_intersection_and_difference_are_those_of_sets(left: TimeRanges, right: TimeRanges) -> None:
    mine, theirs = instants_of(left), instants_of(right)
    for result, expected in (
        (left | right, mine | theirs),
        (left & right, mine & theirs),
        (left - right, mine - theirs),
    ):
        assert instants_of(result) == expected
        assert result == TimeRanges.of(result), "not normalised"


@given(time_ranges(), INSTANTS, INSTANTS)
def test_a_set_meets_a_range_that_holds_any_of_its_instants(ranges: TimeRanges, start: int, end: int) -> None:
    assume(start < end)
    assert ranges.meets(start, end) == bool(instants_of(ranges) & set(range(start, end)))


@given(time_ranges(), time_ranges(), time_ranges())
def test_the_laws_of_sets_hold(a: TimeRanges, b: TimeRanges, c: TimeRanges) -> None:
    assert a | b == b | a
    assert a & b == b & a
    assert (a | b) | c == a | (b | c)
    assert (a & b) & c == a & (b & c)
    assert a & (b | c) == (a & b) | (a & c)
    assert a | (b & c) == (a | b) & (a | c)
    assert a - (b | c) == (a - b) - c == (a - b) & (a - c)
    assert a | a == a & a == a
    assert a - a == a & NOTHING == NOTHING
    assert a | NOTHING == a - NOTHING == a
    assert (a & b) | (a - b) == a


@given(time_ranges(), INSTANTS)
def test_membership_is_that_of_the_set(ranges: TimeRanges, instant: int) -> None:
    assert (instant in ranges) == (instant in instants_of(ranges))


@given(time_ranges(), INSTANTS, INSTANTS)
def test_clipping_keeps_what_lies_inside(ranges: TimeRanges, start: int, end: int) -> None:
    assert instants_of(ranges.clip(start, end)) == instants_of(ranges) & set(range(start, end))


# Slots


@given(time_ranges(), WIDTHS)
def test_the_inner_slots_are_those_wholly_inside(ranges: TimeRanges, width: int) -> None:
    held = instants_of(ranges)
    opens = range(floor(-LAST, width), LAST + width, width)
    whole = [slot for slot in opens if held.issuperset(range(slot, slot + width))]
    assert ranges.inner(width) == TimeRanges.of((slot, slot + width) for slot in whole)


@given(time_ranges(), WIDTHS)
def test_the_outer_slots_are_those_touched(ranges: TimeRanges, width: int) -> None:
    touched = {floor(instant, width) for instant in instants_of(ranges)}
    assert ranges.outer(width) == TimeRanges.of((slot, slot + width) for slot in touched)


@given(time_ranges(), WIDTHS)
def test_slots_are_counted_one_each(ranges: TimeRanges, width: int) -> None:
    aligned = ranges.outer(width)
    assert aligned.slots(width) == len({floor(instant, width) for instant in instants_of(ranges)})


@given(time_ranges())
def test_length_seconds_and_truth_speak_of_the_same_set(ranges: TimeRanges) -> None:
    assert ranges.seconds == len(instants_of(ranges))
    assert len(ranges) == len(list(ranges))
    assert bool(ranges) == bool(instants_of(ranges))


@given(time_ranges().filter(bool))
def test_the_hull_reaches_from_the_first_instant_to_the_last(ranges: TimeRanges) -> None:
    held = instants_of(ranges)
    assert ranges.hull == (min(held), max(held) + 1)


def test_nothing_has_no_hull() -> None:
    with pytest.raises(IndexError):
        _ = NOTHING.hull


# Size


def test_hundreds_of_thousands_of_ranges_are_no_trouble() -> None:
    """A sparse pair's fifteen years of minutes; anything quadratic would not come back."""
    count = 200_000
    even = TimeRanges.of((n * 120, n * 120 + 60) for n in range(count))
    odd = TimeRanges.of((n * 120 + 60, n * 120 + 120) for n in range(count))
    everything = TimeRanges.single(0, count * 120)
    assert even | odd == everything
    assert everything - even == odd
    assert even & odd == NOTHING
    assert even - odd == even & everything == even
    assert even.inner(60) == even.outer(60) == even
    assert even.outer(120) == everything
    assert even.slots(60) == count
    assert all(n * 120 in even and n * 120 + 60 not in even for n in range(0, count, 997))
