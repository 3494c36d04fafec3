"""Which time a file of trades shows, by the order of its rows (domain rule 4).

Between two trades that follow each other in the file there was none; that is all a file can show. Where a row between
them could not be read, or time falls, trades may be lost, or a part of the file may be there twice, and two equal
trades cannot be distinguished from a repeated one. So a file is a row of sections, each with its own time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kraken_core.domain.exchange import NS
from kraken_core.domain.timerange import END_OF_TIME, TimeRanges

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

FALL_NS = NS  # trades less than a second out of order are those of clocks; rows further back are out of place


@dataclass(slots=True)
class TradeSections:
    """The sections of a file, which is added portion by portion. Times are epoch nanoseconds, sections in seconds."""

    _ranges: list[tuple[int, int]] = field(default_factory=list)  # of sections that ended
    _start: int | None = None  # of the section that is being read
    _last: int | None = None  # the time of the last good trade
    _interrupted: bool = False  # by now
    _whole_head: bool = False  # the file begins with a good row

    def add(self, times: Ints, breaks: Iterable[int]) -> None:
        """The times of the next good rows; ``breaks`` are the numbers of those that come before each bad row."""
        if len(times) and self._last is not None and times[0] <= self._last - FALL_NS:
            self._break()
        at = 0
        for place in sorted(set(breaks)):
            self._take(times[at:place])
            self._break()
            at = place
        self._take(times[at:])

    def unknown(self, *, torn: bool) -> TimeRanges:
        """The seconds that the file does not show, all of it added; ``torn``: its last line has no end."""
        whole_tail = self._start is not None and not torn
        self._break()
        if not self._ranges:
            return TimeRanges.single(0, END_OF_TIME)
        earliest, latest = min(start for start, _ in self._ranges), max(end for _, end in self._ranges)
        (first, first_end), (last, last_end) = self._ranges[0], self._ranges[-1]
        if self._whole_head and first == earliest:
            self._ranges[0] = (0, first_end)
            last = 0 if len(self._ranges) == 1 else last
        if whole_tail and last_end == latest:
            self._ranges[-1] = (last, END_OF_TIME)
        return TimeRanges.single(0, END_OF_TIME) - _covered_once(self._ranges)

    def _take(self, times: Ints) -> None:
        if not len(times):
            return
        if self._start is None:
            # Of the second in which a broken section begins, or any ends, more trades may be lost.
            self._start = int(times[0]) // NS + self._interrupted
            self._whole_head |= not self._interrupted
        self._last = int(times[-1])

    def _break(self) -> None:
        if self._start is not None and self._last is not None:
            self._ranges.append((self._start, self._last // NS))
        self._start = None
        self._interrupted = True


def _covered_once(ranges: Iterable[tuple[int, int]]) -> TimeRanges:
    """What lies in one of the ranges, and in no other."""
    edges = sorted(edge for start, end in ranges if start < end for edge in ((start, 1), (end, -1)))
    found, depth, since = [], 0, 0
    for instant, step in edges:
        if depth == 1:
            found.append((since, instant))
        depth, since = depth + step, instant
    return TimeRanges.of(found)
