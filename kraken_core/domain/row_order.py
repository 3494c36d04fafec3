"""What the order of a file's rows shows: which rows are sure, and which silences between them (domain rule 4).

A row that is absent between two rows that follow each other in the file was not traded; that is all a file can show
of it. Where a row between them could not be read, or time falls from one to the next, something may be lost: nothing
is known there. So a file is believed step by step, and not from its first time to its last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kraken_core.domain.timerange import END_OF_TIME

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

    Between neighbours in time that do not follow each other in the file; and before the first or behind the last of
    them, where that row does not begin or end the file.
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


def _newest_first(times: Ints) -> bool:
    """Whether rows are in the reverse order of time; two alone may be halves of files glued together."""
    return len(times) > _FEWEST_TURNED and times[0] > times[-1] and not (np.diff(times) > 0).any()
