"""The requests of an audit. Nothing is written or requested."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from kraken_core.domain.market import Pair
from kraken_core.domain.plan import Pace
from kraken_core.domain.request import Request, closed
from kraken_core.domain.tiers import Tiers
from kraken_core.domain.timerange import TimeRanges
from kraken_core.pipeline.audit import Covered, expected_requests, most_requests
from kraken_core.ports import CoverageLedger


@dataclass(frozen=True, slots=True)
class AuditPlan:
    """What is ``covered`` of each pair, by interval, within a request, as of an instant."""

    request: Request
    as_of: int
    covered: Covered
    pace: Pace

    @classmethod
    def of(cls, ledger: CoverageLedger, tiers: Tiers, request: Request, as_of: int, pace: Pace) -> AuditPlan:
        """By what the ledger has as covered."""
        window = request.window(as_of)
        spans: dict[Pair, dict[int, list[tuple[int, int]]]] = defaultdict(lambda: defaultdict(list))
        for known in ledger.coverage():
            pair, interval = known.series.pair, known.series.interval
            if (
                interval in request.intervals and request.holds(pair, tiers) and not pair.market
            ):  # audits count Kraken spot's ids
                spans[pair][interval].append((known.start, known.end))
        covered: dict[Pair, Mapping[int, TimeRanges]] = {}
        for pair, of_pair in sorted(spans.items()):
            ranges = {i: TimeRanges.of(found) & closed(window, i * 60) for i, found in sorted(of_pair.items())}
            if kept := {interval: found for interval, found in ranges.items() if found}:
                covered[pair] = kept
        return cls(request, as_of, covered, pace)

    @property
    def requests(self) -> int:
        """How many the ends of all stretches take; locating differences takes more."""
        return expected_requests(self.covered)

    @property
    def at_most(self) -> int | None:
        """How many may be made; None for as many as the ends take."""
        return most_requests(self.request, self.covered)

    @property
    def estimated_seconds(self) -> float:
        """How long the expected ones take at the pace kept for each pair."""
        return self.pace.seconds(0, [expected_requests({pair: found}) for pair, found in self.covered.items()])
