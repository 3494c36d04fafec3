"""What a page of trades shows of a pair's numbering: how many trades came before an instant (domain 1.3, rule 15).

Kraken numbers the trades of a pair in steps of one, so the id of the first trade at or after an instant says how many
came before it. Single ids may be unknown (0) or swapped with a neighbour's, so an id is believed only in a row of
consecutive ones.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

import polars as pl

from kraken_core.domain.exchange import NS
from kraken_core.domain.timerange import ceil, floor
from kraken_core.domain.trade_ids import NO_IDS, skipped

IN_A_ROW = 3  # consecutive ids: so many swapped ones hardly ever follow each other in order


class IdMark(NamedTuple):
    """For every instant in ``(after, until]``, nanoseconds: the first trade at or after it has this id."""

    after: int
    until: int
    id: int

    @classmethod
    def at(cls, instant: int, number: int) -> IdMark:
        """Known of one instant (epoch seconds) alone."""
        return cls(instant * NS - 1, instant * NS, number)


def id_marks(page: pl.DataFrame, since: int, settled: int) -> list[IdMark]:
    """What a page of trades (PAGE) that was asked for from ``since`` on (nanoseconds) shows.

    Between two trades of consecutive ids nothing is missing. Before the first trade of the page something may be that
    is not visible yet, unless it was made before ``settled`` (nanoseconds).
    """
    times, ids = page["time"].to_list(), [number or 0 for number in page["id"].to_list()]
    enough = min(IN_A_ROW, len(ids))
    found = []
    for first, behind in _rows(ids):
        if behind - first < enough:
            continue
        if first == 0 and since <= times[0] < settled:
            found.append(IdMark(since - 1, times[0], ids[0]))
        found += [IdMark(times[k - 1], times[k], ids[k]) for k in range(first + 1, behind) if times[k - 1] < times[k]]
    return found


def skipped_between(tape: pl.DataFrame, start: int, end: int) -> int | None:
    """How many ids trades (PAGE) skip between two instants (epoch seconds); None where some have no id there.

    The tape has those around both too.
    """
    inside = tape.filter(pl.col("time").is_between(start * NS, end * NS, closed="left"))
    if (inside["id"].fill_null(0) == 0).any():
        return None
    skips = skipped(NO_IDS, tape["time"].to_list(), tape["id"].to_list())
    return sum(skip.last - skip.first + 1 for skip in skips if skip.since < end * NS and skip.until >= start * NS)


def _rows(ids: list[int]) -> Iterable[tuple[int, int]]:
    """Where known ids are consecutive: from each first place to behind the last one."""
    first = 0
    for place in range(1, len(ids) + 1):
        if place == len(ids) or ids[place] != ids[place - 1] + 1 or not ids[place - 1]:
            if ids[first]:
                yield first, place
            first = place


def points(marks: Iterable[IdMark], width: int, wanted: Collection[int] = ()) -> dict[int, int]:
    """The ids of the first trade at or after slot opens (epoch seconds, of ``width`` seconds) that marks show.

    Of a silence those of its first and its last slot, and of what is ``wanted`` inside it.
    """
    found = {}
    for after, until, number in marks:
        first, last = ceil(after // NS + 1, width), floor(until // NS, width)
        if first <= last:
            found[first] = found[last] = number
            found.update((at, number) for at in wanted if first < at < last)
    return found
