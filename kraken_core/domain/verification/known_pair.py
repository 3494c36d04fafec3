"""What is known of one pair, interval by interval, to compare its candles with."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from kraken_core.domain.candles import Source
from kraken_core.domain.coverage import origin
from kraken_core.domain.life import lived, outside_life
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.request import closed
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.domain.verification.agreement import Comparison, comparisons

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from kraken_core.domain.knowledge import Knowledge


class Look(NamedTuple):
    """What is looked at of a pair: slots to compare with finer ones, and by interval slots that may have no trades.

    Of all these slots the candles have to be at hand.
    """

    compare: Sequence[Comparison]
    silent: Mapping[int, TimeRanges]


@dataclass(frozen=True)
class KnownPair:
    """The slots of a pair's series, in the window that is looked at, by interval.

    In ``lived`` it lived; ``covered`` ones some source covers or they were derived; ``observed`` ones were not derived.
    ``evidence`` are those of each interval that a file or an answer covers, by its hash or request; by all answers of
    the Trades endpoint together, which are one tape. Of ``adopted`` ones nobody knows what they go back to.
    """

    pair: Pair
    outside_life: TimeRanges
    lived: Mapping[int, TimeRanges]
    covered: Mapping[int, TimeRanges]
    observed: Mapping[int, TimeRanges]
    evidence: Mapping[int, Mapping[str, TimeRanges]]
    adopted: Mapping[int, TimeRanges]

    @property
    def series(self) -> list[Series]:
        """The series looked at."""
        return [Series(self.pair, interval) for interval in self.lived]

    @cached_property
    def comparisons(self) -> list[Comparison]:
        """Which slots to compare with which finer interval."""
        return comparisons(self.covered, self.observed, self.outside_life)

    def look(self, days: TimeRanges) -> Look:
        """All that can be looked at in whole days."""
        compare = [each._replace(slots=each.slots & days) for each in self.comparisons]
        return Look(compare, {interval: ranges & days for interval, ranges in self.covered.items()})

    def independent(self, coarse: int, fine: int) -> TimeRanges:
        """The coarse slots in which the two intervals go back to different files, so that one confirms the other.

        A tape of trades covers every interval, what was derived only repeats its origin, and what was adopted may.
        """
        mine, finer = self.evidence[coarse], self.evidence[fine]
        shared = TimeRanges.of(r for same in mine.keys() & finer.keys() for r in mine[same] & finer[same])
        return self.observed[coarse] - (shared | self.adopted[fine]).outer(coarse * 60) - self.adopted[coarse]


def known_pairs(knowledge: Knowledge, series: Collection[Series], window: TimeRange) -> dict[Pair, KnownPair]:
    """What is known of the pairs of these series, by pair; slots outside of the window are left out."""
    intervals: dict[Pair, list[int]] = defaultdict(list)
    for each in sorted(series):
        intervals[each.pair].append(each.interval)
    derived: dict[Series, list[TimeRange]] = defaultdict(list)
    by_evidence: dict[Series, dict[str, list[TimeRange]]] = defaultdict(lambda: defaultdict(list))
    adopted: dict[Series, list[TimeRange]] = defaultdict(list)
    for claim, ranges in knowledge.standing_claims:
        if claim.source is Source.DERIVED:
            derived[claim.series].extend(ranges)
        elif claim.adopted:
            adopted[claim.series].extend(ranges)
        else:
            by_evidence[claim.series][origin(claim)].extend(ranges)
    result = {}
    for pair, chosen in intervals.items():
        lives = knowledge.lives.get(pair, ())
        alive = {interval: lived(lives, interval * 60) & closed(window, interval * 60) for interval in chosen}
        made = {i: TimeRanges.of(derived[Series(pair, i)]) & alive[i] for i in chosen}
        known = {i: {name: TimeRanges.of(r) for name, r in by_evidence[Series(pair, i)].items()} for i in chosen}
        taken = {i: TimeRanges.of(adopted[Series(pair, i)]) for i in chosen}
        first_hand = {i: TimeRanges.of(r for ranges in known[i].values() for r in ranges) for i in chosen}
        seen = {i: (first_hand[i] | taken[i]) & alive[i] for i in chosen}
        result[pair] = KnownPair(
            pair,
            outside_life=outside_life(lives),
            lived=alive,
            covered={i: made[i] | seen[i] for i in chosen},
            observed={i: seen[i] - made[i] for i in chosen},
            evidence=known,
            adopted={i: taken[i] - first_hand[i] for i in chosen},
        )
    return result
