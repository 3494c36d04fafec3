"""Which sweeps of a pair's trades are planned over what is missing of it: those that take the fewest requests."""

from __future__ import annotations

from math import ceil as whole
from typing import TYPE_CHECKING, NamedTuple

from kraken_core.domain.exchange import TRADES_A_PAGE
from kraken_core.domain.timerange import TimeRange

if TYPE_CHECKING:
    from kraken_core.domain.timerange import TimeRanges

UNKNOWN_RATE = 0.01  # trades a second, of a pair of which nothing is stored: most pairs trade less


class Sweep(NamedTuple):
    """Trades to read, of ``[start, end)`` in epoch seconds: whole slots of the finest requested interval."""

    start: int
    end: int
    requests: int  # expected


def pages(seconds: int, trades_a_second: float) -> int:
    """How many pages of trades a stretch is expected to take: one at least."""
    return max(1, whole(trades_a_second * seconds / TRADES_A_PAGE))


def cheapest(ranges: TimeRanges, rate: float, search: int = 0) -> tuple[Sweep, ...]:
    """The cheapest sweeps over all of the ranges: reading through what lies between two may save requests.

    ``rate`` are the trades a second expected, ``search`` the requests it takes to find where one begins.
    """
    found = _joined(ranges, TRADES_A_PAGE * search / rate)
    if not found:
        return ()

    def cost(start: int, end: int) -> int:
        return search + pages(end - start, rate)

    start, end = ranges.hull
    if (at_once := cost(start, end)) == 1 + search:
        return (Sweep(start, end, at_once),)
    # Shortest path: best[k] is the least that the first k ranges cost, and where the last sweep over them begins.
    best: list[tuple[int, int]] = [(0, 0)]
    for k, (_, end) in enumerate(found, 1):
        least = (best[k - 1][0] + cost(found[k - 1].start, end), k - 1)
        between = 0
        for first in range(k - 2, -1, -1):
            between += found[first + 1].start - found[first].end
            if rate * between > TRADES_A_PAGE * (1 + search) * (k - 1 - first):
                break  # more is read in vain than all merging together can save
            least = min(least, (best[first][0] + cost(found[first].start, end), first))
        best.append(least)
    sweeps = []
    k = len(found)
    while k:
        first = best[k][1]
        start, end = found[first].start, found[k - 1].end
        sweeps.append(Sweep(start, end, cost(start, end)))
        k = first
    return tuple(reversed(sweeps)) if len(sweeps) > 1 else (Sweep(*ranges.hull, at_once),)


def _joined(ranges: TimeRanges, distance: float) -> list[TimeRange]:
    """The ranges, those as one that are so near to each other that to read through costs no more than to search anew.

    There may be as many as a pair has minutes without trades.
    """
    found: list[TimeRange] = []
    for each in ranges:
        if found and each.start - found[-1].end <= distance:
            found[-1] = TimeRange(found[-1].start, each.end)
        else:
            found.append(each)
    return found
