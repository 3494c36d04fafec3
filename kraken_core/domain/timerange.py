"""Half-open ranges of time, and sets of them.

Instants are integers: seconds since 1970-01-01T00:00:00Z. A range is ``[start, end)``: the end is not in it, so that
neighbours touch without overlapping and no arithmetic ever needs ``- 1``.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime
from math import gcd
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


END_OF_TIME = 253_370_764_800  # 9999-01-01T00:00:00Z, after every date in use


def floor(instant: int, width: int) -> int:
    """The start of the epoch-aligned slot of ``width`` seconds that contains ``instant``."""
    return instant - instant % width


def ceil(instant: int, width: int) -> int:
    """The first slot start at or after ``instant``."""
    return instant + -instant % width


def day_start(day: date) -> int:
    """Midnight UTC of a day."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def iso(instant: int) -> str:
    """The instant in ISO 8601, UTC: ``2024-01-31T00:00:00Z``."""
    return f"{datetime.fromtimestamp(instant, UTC).isoformat()[:19]}Z"  # several times as fast as strftime()


class TimeRange(NamedTuple):
    """One half-open range ``[start, end)`` of epoch seconds."""

    start: int
    end: int

    def __str__(self) -> str:
        return f"[{iso(self.start)}, {iso(self.end)})"


@dataclass(frozen=True, slots=True)
class TimeRanges:
    """A set of instants, kept as sorted, disjoint, non-touching half-open ranges.

    ``bounds`` is flat: start, end, start, end, …, strictly increasing. Build one with :meth:`of`, which normalises.
    All operations are linear in the number of ranges; with a single one, such as a window, they look at its part only.
    """

    bounds: tuple[int, ...] = ()

    @classmethod
    def of(cls, ranges: Iterable[tuple[int, int]]) -> TimeRanges:
        """The union of ``ranges``, in any order, overlapping or touching; empty ones add nothing."""
        pieces = sorted(ranges)
        if len(pieces) < 2:  # noqa: PLR2004 - nothing to join, as of most sets
            return cls.single(*pieces[0]) if pieces else _EMPTY
        bounds: list[int] = []
        for start, end in pieces:
            if start >= end:
                continue
            if bounds and start <= bounds[-1]:
                bounds[-1] = max(bounds[-1], end)
            else:
                bounds += (start, end)
        return cls(tuple(bounds))

    @classmethod
    def single(cls, start: int, end: int) -> TimeRanges:
        """One range, or nothing where it is empty."""
        return cls((start, end)) if start < end else _EMPTY

    def __iter__(self) -> Iterator[TimeRange]:
        return map(TimeRange._make, self._pairs())

    def __len__(self) -> int:
        return len(self.bounds) // 2

    def __bool__(self) -> bool:
        return bool(self.bounds)

    def __contains__(self, instant: int) -> bool:
        return bool(bisect_right(self.bounds, instant) % 2)

    def __or__(self, other: TimeRanges) -> TimeRanges:
        if not self.bounds or not other.bounds or self.bounds == other.bounds:
            return self if self.bounds else other
        if self.bounds[-1] < other.bounds[0]:
            return TimeRanges(self.bounds + other.bounds)
        if other.bounds[-1] < self.bounds[0]:
            return TimeRanges(other.bounds + self.bounds)
        return TimeRanges.of([*self._pairs(), *other._pairs()])

    def __and__(self, other: TimeRanges) -> TimeRanges:
        if not self.bounds or not other.bounds:
            return other if self.bounds else self
        if len(self.bounds) == 2:  # noqa: PLR2004 - a single range
            return other.clip(*self.bounds)
        if len(other.bounds) == 2:  # noqa: PLR2004 - likewise
            return self.clip(*other.bounds)
        bounds: list[int] = []
        mine, theirs = self._pairs(), other._pairs()
        try:
            start, end = next(mine)
            their_start, their_end = next(theirs)
            while True:
                first = start if start > their_start else their_start  # noqa: FURB136 - twice as fast as max()
                if end < their_end:
                    if first < end:
                        bounds += (first, end)
                    start, end = next(mine)
                else:
                    if first < their_end:
                        bounds += (first, their_end)
                    their_start, their_end = next(theirs)
        except StopIteration:
            return TimeRanges(tuple(bounds))

    def __sub__(self, other: TimeRanges) -> TimeRanges:
        if not self.bounds or not other.bounds:
            return self
        if other.bounds[-1] <= self.bounds[0] or self.bounds[-1] <= other.bounds[0]:
            return self
        bounds: list[int] = []
        theirs = other.bounds
        j = 0
        for start, end in self._pairs():
            at = start
            while j < len(theirs) and theirs[j + 1] <= at:
                j += 2
            k = j
            while k < len(theirs) and theirs[k] < end:
                if at < theirs[k]:
                    bounds += (at, theirs[k])
                at = theirs[k + 1]
                k += 2
            if at < end:
                bounds += (at, end)
        return TimeRanges(tuple(bounds))

    def meets(self, start: int, end: int) -> bool:
        """Whether any of it lies inside ``[start, end)``."""
        if not self.bounds:
            return False
        at = bisect_right(self.bounds, start)
        return at % 2 == 1 or (at < len(self.bounds) and self.bounds[at] < end)

    def holds(self, start: int, end: int) -> bool:
        """Whether all of ``[start, end)``, which is not empty, lies inside."""
        at = bisect_right(self.bounds, start)
        return at % 2 == 1 and end <= self.bounds[at]

    def clip(self, start: int, end: int) -> TimeRanges:
        """What lies inside ``[start, end)``; looks only at that part."""
        if start >= end:
            return _EMPTY
        if not self.bounds or (start <= self.bounds[0] and self.bounds[-1] <= end):
            return self
        if self.bounds[-1] <= start or end <= self.bounds[0]:
            return _EMPTY
        first, behind = bisect_right(self.bounds, start), bisect_left(self.bounds, end)
        begun, unended = (start,) * (first % 2), (end,) * (behind % 2)
        return TimeRanges((*begun, *self.bounds[first:behind], *unended))

    def inner(self, width: int) -> TimeRanges:
        """The whole slots of ``width`` seconds that lie inside."""
        if self._is_aligned(width):
            return self
        if len(self.bounds) == 2:  # noqa: PLR2004 - a single range, as most are
            return TimeRanges.single(ceil(self.bounds[0], width), floor(self.bounds[1], width))
        return TimeRanges.of((ceil(start, width), floor(end, width)) for start, end in self._pairs())

    def outer(self, width: int) -> TimeRanges:
        """The slots of ``width`` seconds that are touched."""
        if self._is_aligned(width):
            return self
        if len(self.bounds) == 2:  # noqa: PLR2004 - likewise
            return TimeRanges((floor(self.bounds[0], width), ceil(self.bounds[1], width)))
        return TimeRanges.of((floor(start, width), ceil(end, width)) for start, end in self._pairs())

    def slots(self, width: int) -> int:
        """How many slots of ``width`` seconds; the ranges must be aligned to it."""
        return self.seconds // width

    @property
    def seconds(self) -> int:
        """The total length."""
        return sum(self.bounds[1::2]) - sum(self.bounds[::2])

    @property
    def hull(self) -> TimeRange:
        """From the first start to the last end. Raises IndexError when empty."""
        return TimeRange(self.bounds[0], self.bounds[-1])

    def _is_aligned(self, width: int) -> bool:
        """Whether all bounds are bounds of slots: cheap to check, and of most sets true."""
        return gcd(*self.bounds) % width == 0

    def _pairs(self) -> Iterator[tuple[int, int]]:
        """Start and end of each range, without the names: several times as fast."""
        bounds = iter(self.bounds)
        return zip(bounds, bounds, strict=True)


_EMPTY = TimeRanges()  # made once: most of what is cut, subtracted or joined is nothing
