"""Repairs: what is requested from the exchange, by what is expected, what is known, and what may be requested."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from kraken_core.domain.exchange import Market, venue_of
from kraken_core.domain.gaps import ApiReach, GapRecord, IntegratedGapDetector, Route
from kraken_core.domain.knowledge import Knowledge
from kraken_core.domain.life import Life, outside_life, unlisted_until
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.missing import Missing
from kraken_core.domain.outages import Outages, not_reached
from kraken_core.domain.repair_plan import NO_REPAIRS, RepairPlan, plan_repairs, within_budget
from kraken_core.domain.routes import Routes, page_interval
from kraken_core.domain.scope import Scope
from kraken_core.domain.timerange import TimeRanges

_NEVER = TimeRanges()
Spans = Mapping[Series, TimeRanges]


class Repairs(NamedTuple):
    """The cheapest repairs of all that can be reached, and those of them that the request pays for."""

    all: RepairPlan = NO_REPAIRS
    paid: RepairPlan = NO_REPAIRS


@dataclass(frozen=True, slots=True)
class RepairPlanner:
    """Plans the requests to the exchange for a job's request. ``rates`` are the trades a second expected of pairs.

    ``paged`` are the candles of any time that the job has requested already.
    """

    scope: Scope
    market: Market
    rates: Mapping[Pair, float]
    paged: Spans = field(default_factory=dict)

    def route_repairs(self, knowledge: Knowledge, wanted: Spans, gaps: Iterable[GapRecord], spent: int = 0) -> Repairs:
        """The repairs of the expected slots; some of the open ``gaps`` wait, and ``spent`` requests are gone."""
        request = self.scope.request
        if not request.auto_gap_fill:
            return Repairs()
        missing_of = self._missing_by_pair(knowledge, wanted, list(gaps))
        routes = Routes(self.market.now, trades=request.trades)
        whole = plan_repairs(routes, missing_of)
        left = None if request.max_requests is None else max(0, request.max_requests - spent)
        return Repairs(whole, within_budget(routes, missing_of, whole, left))

    def _missing_by_pair(self, knowledge: Knowledge, wanted: Spans, gaps: Collection[GapRecord]) -> list[Missing]:
        """What each listed pair is missing that may be requested now, in order of pairs."""
        chosen, spared = self._chosen(gaps), self._spared(gaps)
        askable, requestable = {}, self.market.requestable
        for series, slots in self.scope.repairable(wanted).items():
            if series.pair in requestable:
                # What the exchange answered and was contradicted about would be answered alike again.
                waiting = spared.get(series, _NEVER) | knowledge.refuted_answers.get(series, _NEVER)
                slots -= waiting  # noqa: PLW2901 - narrowed
                askable[series] = slots if chosen is None else slots & chosen.get(series, _NEVER)
        return missing_by_pair(knowledge, askable, self.rates, self._paged_by(gaps))

    def _paged_by(self, gaps: Iterable[GapRecord]) -> Spans:
        """The candles of any time that this job has requested, or an earlier one.

        That left open what no page is wider than, to be swept.
        """
        found = dict(self.paged)
        for gap in gaps:
            venue = venue_of(gap.series.pair)
            is_narrow = gap.end - gap.start <= venue.page * gap.series.width
            if not venue.quiet_rows and gap.route is Route.TRADES and is_narrow:
                of = Series(gap.series.pair, page_interval(*gap.series))
                found[of] = found.get(of, _NEVER) | TimeRanges.single(gap.start, gap.end)
        return found

    def _chosen(self, gaps: Iterable[GapRecord]) -> Spans | None:
        """The gaps named, where any are."""
        ids = set(self.scope.request.gap_ids)
        return _spans(gap for gap in gaps if gap.id in ids) if ids else None

    def _spared(self, gaps: Iterable[GapRecord]) -> Spans:
        """Gaps that failed a short while ago."""
        return _spans(gap for gap in gaps if gap.waits(self.market.now))


def detector_for(
    scope: Scope,
    lives: Mapping[Pair, Sequence[Life]],
    market: Market | None = None,
    unreached: Outages = MappingProxyType({}),
    rates: Mapping[Pair, float] | None = None,
) -> IntegratedGapDetector:
    """Detects for a request; what the exchange could fill is separated from what it could not, queried or not.

    ``market`` is what it returned about itself, None where it was not queried; ``unreached`` why exchanges could not
    be.
    """
    request = scope.request
    return IntegratedGapDetector(
        scope.as_of,
        market.listed if market else None,
        frozenset(pair for pair, known in lives.items() if known and known[-1].end is not None),
        ApiReach(
            request.why_exchange_unused(),
            market.now if market else None,
            trades=True,
            no_trades="" if request.trades or not request.needs_exchange else "this job reads none (--no-trades)",
            rates=rates or {},
            unreached={name: request.why_exchange_unused(not_reached({name: why})) for name, why in unreached.items()},
        ),
        away=market.away if market else frozenset(),
    )


def missing_by_pair(
    knowledge: Knowledge, wanted: Spans, rates: Mapping[Pair, float] | None = None, paged: Spans | None = None
) -> list[Missing]:
    """What pairs are missing of the expected slots, in order of pairs; those missing nothing are left out.

    ``rates`` are expected trades a second, ``paged`` the candles of any time that were requested already.
    """
    covered = knowledge.covered()
    missing: dict[Pair, dict[int, TimeRanges]] = defaultdict(dict)
    known: dict[Pair, dict[int, TimeRanges]] = defaultdict(dict)
    requested: dict[Pair, dict[int, TimeRanges]] = defaultdict(dict)
    for series, ranges in (paged or {}).items():
        requested[series.pair][series.interval] = ranges
    for series, ranges in covered.items():
        known[series.pair][series.interval] = ranges
    for series, slots in wanted.items():
        missing[series.pair][series.interval] = slots - covered.get(series, _NEVER)
    return [
        Missing(
            pair,
            missing[pair],
            known[pair],
            outside_life(knowledge.lives.get(pair, ())),
            (rates or {}).get(pair),
            requested[pair],
            unlisted_until(knowledge.lives.get(pair, ()), known[pair].values()),
        )
        for pair in sorted(missing)
        if any(missing[pair].values())
    ]


def _spans(gaps: Iterable[GapRecord]) -> dict[Series, TimeRanges]:
    found: dict[Series, list[tuple[int, int]]] = defaultdict(list)
    for gap in gaps:
        found[gap.series].append((gap.start, gap.end))
    return {series: TimeRanges.of(ranges) for series, ranges in found.items()}
