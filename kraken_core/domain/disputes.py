"""Disputes: slots of a pair whose intervals have different values, and at which intervals nobody knows what is true.

Candles of one release are exactly what finer ones make of them (domain rule 13). Where they are not, a file has the
rows of another pair, say, or a wrong one, and comparing two does not show which of them.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from kraken_core.domain.interval_units import short
from kraken_core.domain.market import INTERVALS, Series
from kraken_core.domain.plural import counted
from kraken_core.domain.timerange import TimeRanges

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Compared = Mapping[Series, Mapping[int, TimeRanges]]  # slots of series, by the finer interval

_NAMED = 3  # in a line


def reason_of(coarse: Series, finer: int) -> str:
    """Why slots are in dispute, for people."""
    return f"{short(coarse.interval)} and {short(finer)} disagree"


def described(disagreed: Compared) -> str:
    """For people, in a line: which intervals disagree, and in how many slots; empty where none do."""
    each = ((coarse, finer, ranges) for coarse, by_finer in disagreed.items() for finer, ranges in by_finer.items())
    sizes = sorted((-ranges.slots(coarse.width), coarse, finer) for coarse, finer, ranges in each if ranges)
    if not sizes:
        return ""
    named = [
        f"{coarse.pair} {reason_of(coarse, finer)} in {counted(-n, 'slot')}" for n, coarse, finer in sizes[:_NAMED]
    ]
    more = f", and {counted(len(sizes) - _NAMED, 'more pair')} of intervals" if len(sizes) > _NAMED else ""
    return f"{'; '.join(named)}{more}: doubtful until they agree"


def disputed(agreed: Compared, disagreed: Compared) -> dict[Series, TimeRanges]:
    """The slots of each series that are in dispute, by where series agree and disagree with finer intervals.

    That is both of the two that disagree, but for the finer one where a still finer one agrees with it and no coarser
    one does with the other: that one is alone then. Where each of the two has another that agrees with it, nobody knows
    how far what is wrong reaches, and all intervals of the pair are in dispute.
    """
    coarser: dict[Series, list[TimeRanges]] = defaultdict(list)  # where coarser intervals agree with a series
    for series, by_finer in agreed.items() if disagreed else ():
        for interval, ranges in by_finer.items():
            coarser[Series(series.pair, interval)].append(ranges)
    result: dict[Series, list[TimeRanges]] = defaultdict(list)
    for coarse, by_finer in disagreed.items():
        above = _union(coarser[coarse])
        for interval, slots in by_finer.items():
            finer = Series(coarse.pair, interval)
            below = _union(agreed.get(finer, {}).values()).inner(coarse.width)
            result[coarse].append(slots)
            result[finer].append(slots - (below - above))
            if torn := slots & below & above:
                for each in (Series(coarse.pair, other) for other in INTERVALS):
                    result[each].append(torn.outer(each.width))
    return {series: ranges for series, parts in result.items() if (ranges := _union(parts))}


def mostly_disputed(sources: Iterable[TimeRanges], in_dispute: TimeRanges, agreed: TimeRanges) -> TimeRanges:
    """All slots of a series that only such sources cover of whose slots more are in dispute than agree besides.

    A file with the rows of another pair is no better where no other interval can be compared with it.
    """
    bad: list[TimeRanges] = []
    good: list[TimeRanges] = []
    besides = agreed - in_dispute
    for ranges in sources:
        disputes = (ranges & in_dispute).seconds > (ranges & besides).seconds
        (bad if disputes else good).append(ranges)
    return _union(bad) - _union(good)


def _union(parts: Iterable[TimeRanges]) -> TimeRanges:
    return TimeRanges.of(span for ranges in parts for span in ranges)
