"""What a request wants of each series, together with what was wanted of it before."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from kraken_core.domain.exchange import Market
from kraken_core.domain.knowledge import Knowledge
from kraken_core.domain.life import Life, unheard
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.request import Request, closed
from kraken_core.domain.tiers import Tiers
from kraken_core.domain.timerange import END_OF_TIME, TimeRange, TimeRanges


class Detection(NamedTuple):
    """The last detection of a series: the hull of what was wanted, and the instant it speaks of."""

    wanted: TimeRange
    as_of: int


@dataclass(frozen=True, slots=True)
class Scope:
    """A request as of an instant, and the last detections: a gap keeps its whole extent, whoever wanted it first."""

    request: Request
    as_of: int
    before: Mapping[Series, Detection] = field(default_factory=dict)

    def wanted(
        self, knowledge: Knowledge, pairs: Collection[Pair]
    ) -> tuple[dict[Series, TimeRanges], dict[Series, Detection]]:
        """The slots of each series of the pairs that are wanted, now or before; and the detections these make.

        An incremental request adds to what was wanted before only what has closed since; a backfill adds nothing.
        """
        request = self.request
        window = request.window(self.as_of)
        everything = knowledge.wanted(pairs, request.intervals, TimeRange(0, self.as_of))
        wanted: dict[Series, TimeRanges] = {}
        detections: dict[Series, Detection] = {}
        for series, now in knowledge.wanted(pairs, request.intervals, window).items():
            before = self.before.get(series)
            if before is None and request.backfill:
                continue
            if before is not None:
                after = END_OF_TIME if request.backfill else before.wanted.end if request.incremental else 0
                now = now.clip(after, END_OF_TIME) | TimeRanges.single(*before.wanted)  # noqa: PLW2901 - widened
            hull = now.hull if now else TimeRange(window.start, window.start)
            wanted[series] = everything[series].clip(*hull)
            if now:
                as_of = before.as_of if before and request.backfill else self.as_of
                detections[series] = Detection(hull, as_of)
        return wanted, detections

    def repairable(self, wanted: Mapping[Series, TimeRanges]) -> dict[Series, TimeRanges]:
        """What of the wanted slots may be repaired: dates limit that too."""
        window = self.request.window(self.as_of)
        slots = {interval: closed(window, interval * 60) for interval in self.request.intervals}
        return {series: ranges & slots[series.interval] for series, ranges in wanted.items()}

    def unheard(self, lives: Mapping[Pair, Sequence[Life]], market: Market, tiers: Tiers) -> list[Pair]:
        """The pairs of the request whose first trade has to be asked for, those first of which something is held.

        A backfill fills the gaps of what was wanted before, and asks about no listing.
        """
        if self.request.backfill:
            return []
        start = self.request.window(self.as_of).start
        asked = (pair for pair in market.listed if self.request.holds(pair, tiers))
        found = [pair for pair in asked if unheard(lives.get(pair, ()), start)]
        return sorted(found, key=lambda pair: (not lives.get(pair), pair))
