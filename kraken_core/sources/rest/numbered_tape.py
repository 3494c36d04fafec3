"""Where an instant lies on a tape that is paged by the numbers of its trades, newest first, and by no time.

Numbers grow with time, as far as a little disorder: so an instant is found by narrowing down, a page at a time, between
which numbers it lies. Numbers that were never given are no matter, nor is where they begin; and what one page seemed to
show, a later one corrects.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from kraken_core.domain.trade_ids import SWAPPED

_MOST_MARKS = 4_096


class NumberedTrade(NamedTuple):
    """A number, and when the last trade up to it was made, in nanoseconds; 0 where there is none."""

    number: int
    time: int


class NumberedTape:
    """What is known of one pair's tape; an answer has up to ``page`` trades below a number.

    Each request takes two steps: :meth:`aim`, and :meth:`read` with its answer; :meth:`gave` where it was found. Safe
    to use from several threads, though they disturb each other's search.
    """

    def __init__(self, page: int) -> None:
        self._page = page
        self._marks = [NumberedTrade(0, 0)]
        self._last: Sequence[NumberedTrade] = ()  # the trades of the last answer, by number
        self._newest = 0  # the greatest number seen
        self._given: tuple[int, int] | None = None  # the cursor after the last page given, and its last number
        self._after = 0  # the number to begin the next page with
        self._is_over = False  # nothing is known to follow it
        self._missed = 0  # the number of the first trade after a cursor, as far as was seen, before which may be others
        self._lock = threading.Lock()

    def aim(self, cursor: int) -> int | None:
        """Below which number to request, to see what follows an instant (nanoseconds); None for the newest.

        A page begins a little before what it is for, as numbers may be swapped.
        """
        with self._lock:
            if self._given and cursor == self._given[0]:
                return None if self._is_over else self._after + self._page
            if self._last and self._last[0].time <= cursor < self._last[-1].time:
                first = next(mark.number for mark in self._last if mark.time > cursor)
                return self._from(first)
            place = max(place for place, mark in enumerate(self._marks) if mark.time <= cursor)
            if place + 1 == len(self._marks):
                return None
            low, high = self._marks[place : place + 2]
            if high.number - low.number > self._page - SWAPPED:
                return _between(low, high, cursor, self._page)
            is_odd = high.number == self._missed and high.number > low.number + 1
            return high.number if is_odd else self._from(low.number + 1)

    def read(self, trades: Sequence[NumberedTrade], below: int | None, cursor: int) -> bool:
        """Remember an answer to such a request; whether it shows what follows the instant, if anything does."""
        with self._lock:
            self._remember(trades, below)
            if self._given and cursor == self._given[0]:
                return self._follows(below)
            if not trades:
                return below is None
            first, last = self._last[0], self._last[-1]
            begins = first.time <= cursor or NumberedTrade(first.number - 1, 0) in self._marks
            self._missed = 0 if begins else first.number
            return begins and (below is None or last.time > cursor)

    def gave(self, cursor: int, number: int, below: int | None) -> None:
        """Remember that trades up to a number were given, of an answer to such a request, and what follows them."""
        with self._lock:
            self._given = cursor, number
            self._after = max(1, number + 1 - SWAPPED)
            self._is_over = number >= self._newest and (below is None or number < below - 1)

    def _from(self, number: int) -> int:
        return max(1, number - SWAPPED) + self._page

    def _follows(self, below: int | None) -> bool:
        """Whether the last answer shows what follows the last page given."""
        known = self._given[1] if self._given else 0
        if not self._last:  # which is no answer, as there are those given
            return False
        first, last = self._last[0].number, self._last[-1].number
        if below is None:
            self._is_over = last <= known
            return first <= known + 1
        if last > known:
            return True
        self._after, self._is_over = below, self._newest < below
        return False

    def _remember(self, trades: Sequence[NumberedTrade], below: int | None) -> None:
        self._last = sorted(trades)
        if not trades:
            found = [NumberedTrade(below - 1, 0)] if below else []
        else:
            first, last = self._last[0], self._last[-1]
            self._newest = max(self._newest, last.number)
            found = [first, last, *([NumberedTrade(below - 1, last.time)] if below and below - 1 > last.number else [])]
        if found:
            places = (bisect_left(self._marks, (at,)) for at in (max(1, found[0].number), found[-1].number + 1))
            self._marks[slice(*places)] = dict.fromkeys(mark for mark in found if mark.number)
        if len(self._marks) > _MOST_MARKS:
            self._marks = [self._marks[0], *self._marks[1:-1:2], self._marks[-1]]


def _between(low: NumberedTrade, high: NumberedTrade, cursor: int, page: int) -> int:
    """A number to request below, whose page is likely to have the instant in it, and surely narrows it down.

    By the line between the two, but never at their edges: trading is seldom even.
    """
    share = (cursor - low.time) / max(1, high.time - low.time) if low.time else 1 / 2
    number = low.number + round((high.number - low.number) * min(max(share, 1 / 8), 7 / 8)) + page // 2
    return min(max(number, low.number + 2), high.number)
