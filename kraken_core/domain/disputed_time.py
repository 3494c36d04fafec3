"""The time that more than one part of a file shows: something was moved there, overwritten, or doubled (domain rule 4).

A part is rows that follow each other in the file and in time. Where two of them overlap, the step by which one enters
that time, or leaves it, may lead over rows that are lost, and the row at such a joint may be two halves of others and
still read well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

JOINT_ROWS = 2  # a row that may be torn, and the whole one beside it


def covered_twice(sections: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """What lies in more than one of the sections; one of a single instant lasts until the next."""
    edges = sorted(edge for start, last in sections for edge in ((start, 1), (last if last > start else start + 1, -1)))
    depth, since = 0, 0
    for instant, step in edges:
        if depth > 1 and since < instant:
            yield since, instant
        depth, since = depth + step, instant
