"""Time ranges the plain way: sets of integers, one for every instant or slot. Slow, and obviously right."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import strategies as st

from kraken_core.domain.timerange import TimeRanges

LAST = 120  # the instants of :func:`time_ranges` are from -LAST to LAST


def instants_of(ranges: TimeRanges) -> set[int]:
    return {instant for start, end in ranges for instant in range(start, end)}


def slots_of(ranges: TimeRanges, width: int) -> set[int]:
    """The opens of the slots in ranges, which must be aligned to them."""
    assert all(bound % width == 0 for bound in ranges.bounds)
    return {slot for start, end in ranges for slot in range(start, end, width)}


def from_slots(slots: Iterable[int], width: int) -> TimeRanges:
    return TimeRanges.of((slot, slot + width) for slot in slots)


def pieces() -> st.SearchStrategy[list[tuple[int, int]]]:
    """Pairs of instants in any order, overlapping, touching, empty or the wrong way round."""
    instant = st.integers(-LAST, LAST)
    near = st.builds(lambda start, length: (start, min(start + length, LAST)), instant, st.integers(-2, 12))
    return st.lists(st.one_of(near, st.tuples(instant, instant)), max_size=12)


def time_ranges() -> st.SearchStrategy[TimeRanges]:
    return pieces().map(TimeRanges.of)
