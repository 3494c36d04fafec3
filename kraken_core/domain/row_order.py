"""What the order of a file's rows shows: which rows are sure, and which silences between them (domain rule 4).

A row that is absent between two rows that follow each other in the file was not traded; that is all a file can show
of it. Where a row between them could not be read, or time falls from one to the next, something may be lost: nothing
is known there. So a file is believed step by step, and not from its first time to its last.

Where parts of it overlap in time, it is believed only in what it says twice: rows that come again are no harm, but what
they have overwritten is. The step out of them, into them, and the rows at such joints look like all others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kraken_core.domain.disputed_time import JOINT_ROWS, covered_twice
from kraken_core.domain.timerange import END_OF_TIME, TimeRanges

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]


_FEWEST_TURNED = 2


class ReadRows(NamedTuple):
    """The rows of a file that could be read, in its order: their times, and how many unreadable ones come before each.

    ``unreadable`` counts those in all. ``earliest`` and ``latest`` are the bounds of whatever times were read, also in
    rows that are not believed. ``torn``: the last line has no end, so that more may have followed it.
    """

    times: Ints  # epoch seconds
    unreadable_before: Ints
    unreadable: int
    earliest: int
    latest: int
    torn: bool = False

    def newest_last(self) -> ReadRows:
        """The same rows in the order of time, where the file has all of them the other way round."""
        if self.unreadable or not _newest_first(self.times):
            return self
        return self._replace(times=self.times[::-1])


def out_of_order(times: Ints, *, whole: bool) -> Bools:
    """The rows on both sides of a fall of time: one of the two has a wrong time, and it is unknown which.

    Not where one of them is there twice, with the same values: there a part of the file was repeated. Nor where all
    of a ``whole`` file (no row of it is unreadable) runs backwards.
    """
    found = np.zeros(len(times), dtype=np.bool_)
    falls = np.flatnonzero(np.diff(times) < 0)
    if len(falls) and not (whole and _newest_first(times)):
        unique, counts = np.unique(times, return_counts=True)
        repeated = counts[np.searchsorted(unique, times)] > 1
        falls = falls[~(repeated[falls] | repeated[falls + 1])]
        found[falls] = found[falls + 1] = True
    return found


def unknown_slots(rows: ReadRows, width: int) -> Iterator[tuple[int, int]]:
    """The ranges in which the rows (at least one) do not show whether there was a candle.

    Between neighbours in time that do not follow each other in the file; before the first or behind the last of
    them, where that row does not begin or end the file; and what parts of the file dispute.
    """
    ordered = rows.newest_last()
    times, before = ordered.times, ordered.unreadable_before
    turned = ordered is not rows
    unique = np.unique(times)
    places = np.searchsorted(unique, times)
    steps = np.flatnonzero((np.diff(places) == 1) & (np.diff(before) == 0))
    lost = np.ones(len(unique) - 1, dtype=np.bool_)
    lost[places[steps]] = False
    lost &= np.diff(unique) > width
    yield from zip((unique[:-1][lost] + width).tolist(), unique[1:][lost].tolist(), strict=True)
    first, last = int(times[0]), int(times[-1])
    torn_first, torn_last = rows.torn and turned, rows.torn and not turned
    if torn_first or before[0] or first != rows.earliest:
        yield 0, int(unique[0]) + width * torn_first
    if torn_last or before[-1] != rows.unreadable or last != rows.latest:
        yield int(unique[-1]) + width * (not torn_last), END_OF_TIME
    if rows.torn:
        yield int(rows.times[-1]), int(rows.times[-1]) + width
    yield from _disputed(ordered, width)


def _disputed(rows: ReadRows, width: int) -> Iterator[tuple[int, int]]:
    """Where parts of a file overlap, time falls, or it begins or ends amid its time, up to the second row around.

    But for rows and steps that come again. Where there are no more rows on one side, nothing on that side is known. A
    file that is there twice as a whole has no joint but the one between the two.
    """
    times = rows.times
    unique, places, counts = np.unique(times, return_inverse=True, return_counts=True)
    steps = np.diff(places)
    if not (steps < 0).any() or np.array_equal(times, np.tile(unique, counts[0])):
        return
    together = np.diff(rows.unreadable_before) == 0
    broken, falls = (steps < 0) | ~together, (steps < 0) & together
    sections = zip(times[np.append(True, broken)].tolist(), times[np.append(broken, True)].tolist(), strict=True)
    joints = times[np.append(falls, False) | np.append(False, falls)].tolist()
    joints += [at for at, end in ((int(times[0]), rows.earliest), (int(times[-1]), rows.latest)) if at != end]
    overlaps = np.array([*covered_twice(sections), *((time, time) for time in joints)], dtype=np.int64)
    overlaps = overlaps.reshape(-1, 2)
    before = np.searchsorted(unique, overlaps[:, 0]) - JOINT_ROWS
    behind = np.searchsorted(unique, overlaps[:, 1], side="right") + JOINT_ROWS - 1
    starts = np.where(before >= 0, unique[np.maximum(before, 0)] + width, 0)
    ends = np.append(unique, END_OF_TIME)[np.minimum(behind, len(unique))]
    again = np.append(unique[counts > 1], unique[counts > 1] + width).reshape(2, -1).T
    begun, often = np.unique(places[:-1][(steps == 1) & ~broken], return_counts=True)
    begun = begun[often > 1]
    silent = np.append(unique[begun], unique[begun + 1]).reshape(2, -1).T
    disputed = TimeRanges.of(zip(starts.tolist(), ends.tolist(), strict=True))
    yield from disputed - TimeRanges.of((start, end) for start, end in [*again.tolist(), *silent.tolist()])


def _newest_first(times: Ints) -> bool:
    """Whether rows are in the reverse order of time; two alone may be halves of files glued together."""
    return len(times) > _FEWEST_TURNED and times[0] > times[-1] and not (np.diff(times) > 0).any()
