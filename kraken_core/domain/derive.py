"""Which coarse slots can be derived from finer candles, and from which (domain rules 4, 6 and 7).

What should be derived is a pure function of what sources assert, whatever the order in which they came: a coarse
slot is derived from the finer interval that covers all of it best, of several the coarsest, where that evidence
outranks that of a source of the coarse slot itself. Ranks here are those of assertions, without tie-breaks.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kraken_core.domain.market import INTERVALS
from kraken_core.domain.timerange import TimeRanges

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# What is known, best first: disjoint ranges with the rank of their best source.
Levels = list[tuple[int, TimeRanges]]
_NOTHING = TimeRanges()
_FOREVER = 1 << 62  # seconds, before and after everything


@dataclass(frozen=True, slots=True)
class Derivation:
    """Slots of ``interval`` to derive from candles of ``finer``, known to ``rank`` at worst; minutes and epoch s."""

    interval: int
    finer: int
    rank: int
    ranges: TimeRanges


def levels(known: Iterable[tuple[int, TimeRanges]]) -> Levels:
    """Each instant at the best rank that covers it, best first."""
    by_rank: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for rank, ranges in known:
        by_rank[rank] += ranges
    return levels_of(by_rank)


def levels_of(by_rank: Mapping[int, Iterable[tuple[int, int]]]) -> Levels:
    """The same, of ranges by rank."""
    result = []
    taken = TimeRanges()
    for rank in sorted(by_rank, reverse=True):
        if fresh := TimeRanges.of(by_rank[rank]) - taken:
            result.append((rank, fresh))
            taken |= fresh
    return result


def derivable(finer: Levels, outside_life: TimeRanges, width: int, slots: TimeRanges) -> Levels:
    """Which ``slots`` of ``width`` seconds a finer series covers whole, each at its worst part's rank."""
    result = []
    known = outside_life & slots
    taken = known.inner(width)
    for rank, ranges in finer:
        if not (more := ranges & slots):
            continue
        known |= more
        whole = known.inner(width)
        if fresh := whole - taken:
            result.append((rank, fresh))
            taken = whole
    return result


def derivations(own: Mapping[int, Levels], life: TimeRanges, allowed: Mapping[int, TimeRanges]) -> list[Derivation]:
    """What to derive for one pair, finest interval first, so that each may build on the one before.

    ``own`` is what sources (not derivations) assert, by interval; ``life`` the instants in which the pair lived;
    ``allowed`` the slots that may be derived, by interval: nothing builds on one that will not be there.
    Each Derivation's ranges are whole slots, disjoint from those of the other derivations of its interval.
    """
    everything = TimeRanges.single(-_FOREVER, _FOREVER)
    outside = everything - life
    effective: dict[int, Levels] = {}
    known_by_finer = TimeRanges()  # by any finer interval
    result = []
    for interval in INTERVALS:
        mine = own.get(interval, [])
        made = []
        finers = [finer for finer in reversed(effective) if interval % finer == 0]
        # What has the best rank of all finer intervals already cannot be improved: mostly, that is all.
        best = max((effective[finer][0][0] for finer in finers), default=0)
        undecided = allowed.get(interval, TimeRanges()) - at_least(mine, best)
        found = []
        left = undecided
        for finer in finers if undecided & known_by_finer else ():
            for rank, ranges in derivable(effective[finer], outside, interval * 60, left):
                found.append((rank, finer, ranges))
                left -= ranges if rank == best else _NOTHING
        # The best that is known only gets better as more gets known: nothing derived ever gives way to something worse.
        for rank, finer, ranges in sorted(found, key=lambda each: each[:2], reverse=True):
            if better := (ranges & undecided) - at_least(mine, rank):
                made.append(Derivation(interval, finer, rank, better))
            undecided -= ranges
        result += made
        if known := levels([*mine, *((d.rank, d.ranges) for d in made)]) if made else mine:
            effective[interval] = known
            known_by_finer |= at_least(known, 0)
    return result


def at_least(known: Levels, rank: int) -> TimeRanges:
    """What is known to ``rank`` or better."""
    found = [ranges for level, ranges in known if level >= rank]
    return found[0] if len(found) == 1 else TimeRanges.of(r for ranges in found for r in ranges)
