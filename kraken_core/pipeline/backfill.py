"""Backfill: gaps filled by the routes that are open, until none is left that any of them fills.

What finer candles prove is derived first, as it is free; the exchange is queried for what is left; and what it returned
may be derived from again. Each round plans again, as the exchange's horizon moves while a job runs.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from kraken_core.domain.disputes import described
from kraken_core.domain.errors import MoreRequestsNeededError
from kraken_core.domain.exchange import Market
from kraken_core.domain.gaps import BY_API, GapStatus, Route
from kraken_core.domain.jobs import JobMetrics
from kraken_core.domain.knowledge import Knowledge
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.outages import Outages, not_reached
from kraken_core.domain.plan import IngestionPlan
from kraken_core.domain.plural import counted
from kraken_core.domain.repairs import RepairPlanner, detector_for
from kraken_core.domain.timerange import END_OF_TIME, TimeRange, TimeRanges
from kraken_core.pipeline.cover import CoverageTracker
from kraken_core.pipeline.crosscheck import CrossCheck, withdrawn
from kraken_core.pipeline.derive import Derive
from kraken_core.pipeline.detect import BEYOND_BUDGET, Attempt, Detected, GapRecorder
from kraken_core.pipeline.fetch import Fetch
from kraken_core.pipeline.listings import Listings
from kraken_core.pipeline.progress import Stages, Steps
from kraken_core.pipeline.rates import requested_rates, trades_a_second
from kraken_core.pipeline.scope import scope_of
from kraken_core.pipeline.spent import Spent
from kraken_core.ports import CandleStore, Ledger


@dataclass(frozen=True, slots=True)
class Asking:
    """What is needed to query the exchange."""

    listings: Listings
    fetch: Fetch


class Backfilled(NamedTuple):
    """What is known at the end, and why exchanges, which were needed, did not answer (any more)."""

    knowledge: Knowledge
    unreached: Outages


@dataclass(frozen=True, slots=True)
class Backfill:
    """Detects what is missing, and fills it. ``asking`` is None where the exchange is not to be queried."""

    tracker: CoverageTracker
    derive: Derive
    check: CrossCheck
    store: CandleStore
    ledger: Ledger
    asking: Asking | None = None

    def run(
        self,
        stages: Stages,
        plan: IngestionPlan,
        pairs: Sequence[Pair],
        knowledge: Knowledge,
        unreadable: Mapping[Series, str],
    ) -> Backfilled:
        """Detect and fill until nothing more can be filled, and nothing of it is contradicted.

        What is contradicted becomes a gap, which the next round may fill. Each withdraws evidence that never counts
        again, so that this ends. ``unreadable`` is why files of series were not read.
        """
        rounds = _Rounds(self, stages, plan, sorted(pairs), knowledge, unreadable=unreadable)
        rounds.list_pairs()
        rounds.detect()
        while rounds.derive() or rounds.fetch() or rounds.cross_check():
            pass
        return Backfilled(rounds.knowledge, rounds.unreached)


class _Rounds:
    """The rounds of one job: what is known, and what was found last."""

    def __init__(
        self,
        backfill: Backfill,
        stages: Stages,
        plan: IngestionPlan,
        pairs: list[Pair],
        knowledge: Knowledge,
        *,
        unreadable: Mapping[Series, str],
    ) -> None:
        self.knowledge = knowledge
        self._backfill = backfill
        self._stages = stages
        self._plan = plan
        self._pairs = pairs
        self._unreadable = unreadable
        self._scope = scope_of(backfill.ledger, plan.request, plan.as_of, _settled(plan, backfill.asking))
        self._began = time.monotonic()
        self._asking = backfill.asking if plan.market else None
        self.unreached = dict(plan.unreached)
        self._unasked: dict[Pair, str] = {}  # pairs of which nothing is known, as the exchange was not reached: why
        self._exhausted = False  # nothing more is requested in this job
        self._limit = _limit(plan, stages.metrics)
        self._spent = Spent.begin(self._asking.fetch.exchange, stages.metrics) if self._asking else None
        self._rates: dict[Pair, float] | None = None
        self._paged: dict[Series, TimeRanges] = {}  # the candles of any time that were requested in this job
        self._detected: Detected | None = None
        self._derived: Detected | None = None

    def list_pairs(self) -> None:
        """Find out from the exchange which pairs began and ended, where that is not known."""
        market = self._market
        if not self._asking or not market:
            return
        tiers, request = self._backfill.tracker.tiers, self._plan.request
        unlisted = self._scope.unlisted_pairs(self.knowledge.lives, market, tiers)
        most = None if request.max_requests is None else request.max_requests // 2  # the rest in a later job
        with self._stages.stage("listings"):
            start, covered = request.window(self._plan.as_of).start, self.knowledge.covered()
            changed, down = self._asking.listings.run(
                self._stages.job.id, market, self._pairs, unlisted, covered, start=start, most=most
            )
            self._went_down(down)
            lives = {r.pair: r.lives for r in self._backfill.ledger.pairs() if request.holds(r.pair, tiers)}
            why = dict.fromkeys(unlisted[most:] if most is not None else (), BEYOND_BUDGET)
            why |= {pair: f"not queried: {down[pair.venue]}" for pair in unlisted if pair.venue in down}
            self._unasked = {pair: reason for pair, reason in why.items() if not lives.get(pair)}
        if changed or self._unasked:
            known = (pair for pair, life in lives.items() if life)
            self._pairs = sorted({*self._pairs, *known, *self._unasked})
            self._cover()

    def detect(self, attempt: Attempt | None = None) -> None:
        """Find what is missing, and what could fill it."""
        with self._stages.stage("detect"):
            market, rates = self._market, self._trade_rates()
            repairing = None
            if self._asking and market:
                repairing = RepairPlanner(self._scope, market, rates, self._paged)
            nowhere = {**self._plan.nowhere, **self._unasked}
            detector = replace(
                detector_for(self._scope, self.knowledge.lives, market, self.unreached, rates),
                unreadable=self._unreadable,
                nowhere={p: why for p, why in nowhere.items() if not self.knowledge.lives.get(p)},
            )
            detection = GapRecorder(self._backfill.ledger, self._scope, repairing, detector)
            metrics = self._counted()
            self._detected = detection.run(self.knowledge, self._pairs, attempt, metrics.requests)
            window = self._plan.request.window(self._plan.as_of)
            self._stages.metrics = _with_gaps(metrics, self._detected, window)
            self._detection = detection

    def derive(self) -> bool:
        """Derive what finer candles prove, and take back what they no longer do; whether anything was done."""
        detected = self._found
        work = detected.work
        if not self._plan.request.auto_gap_fill:
            work = replace(work, derive=())  # what is derived no longer would count as covered: that is taken back
        if detected is self._derived or not (work.derive or work.withdraw):
            return False
        with self._stages.stage("backfill", len(work.derive)) as ticker:
            if work.derive:
                self._detection.begin_backfill(detected, (Route.DERIVE,))
            changed = self._backfill.derive.run(work, ticker)
        metrics = self._stages.metrics
        self._stages.metrics = replace(metrics, records_changed=metrics.records_changed + changed)
        self._cover()
        self.detect()
        self._derived = self._found  # whatever it found again was not to be derived
        return True

    def fetch(self) -> bool:
        """Query the exchange within the request's limits; whether anything was requested."""
        detected = self._found
        repairs = detected.repairs.paid
        if not self._asking or not self._spent or not repairs.requests or self._exhausted:
            return False
        self._derived = None
        self._stages.metrics = replace(
            self._stages.metrics, total_requests=self._stages.metrics.requests + repairs.requests
        )
        with self._stages.stage("backfill", repairs.requests, of=Steps.REQUESTS) as ticker:
            self._detection.begin_backfill(detected, BY_API)
            spent = replace(self._spent, metrics=self._stages.metrics)
            fetched = self._asking.fetch.run(
                self._stages.job, repairs, detected.covered, spent, ticker, limit=self._limit
            )
            self._stages.metrics = fetched.metrics
        self._paged = repairs.paged(self._paged)
        self._cover()
        self._went_down(fetched.down)
        self._exhausted = spent.left(self._limit) == 0
        away = frozenset(fetched.down)
        self.detect(Attempt(repairs, detected.covered, fetched.failures, self._exhausted, fetched.problems, away))
        if self._exhausted:
            self._agree_to_more()
        return True

    def _agree_to_more(self) -> None:
        """Raises MoreRequestsNeededError where the plan had fewer, and the request allows more."""
        more, most = self._found.repairs.paid.requests, self._plan.request.max_requests
        if more and self._limit != most:
            raise MoreRequestsNeededError(
                f"the plan's {counted(self._plan.at_most, 'request')} are used up, and about {more:,} more are needed. "
                "All answers so far are kept."
            )

    def cross_check(self) -> bool:
        """Compare what changed with other intervals; whether anything was contradicted, and is missing now."""
        with self._stages.stage("check"):
            checked = self._backfill.check.run(self.knowledge, self._pairs)
        if checked.suspects or checked.changed:
            self._cover()
        if disagreements := described(checked.disagreed):
            self._backfill.ledger.add_event(self._stages.job.id, "disagreed", disagreements)
        if checked.suspects:
            self._backfill.ledger.add_event(self._stages.job.id, "check", withdrawn(checked.suspects))
            self.detect()
        return bool(checked.suspects)

    @property
    def _found(self) -> Detected:
        if self._detected is None:
            raise RuntimeError("nothing was detected yet")
        return self._detected

    @property
    def _market(self) -> Market | None:
        """What the exchange returned when the job was planned, its clock moved on to now."""
        market = self._plan.market
        if not market:
            return None
        now = market.now + int(time.monotonic() - self._began)
        return market._replace(now=now, away=market.away | self.unreached.keys())

    def _went_down(self, down: Outages) -> None:
        """Nothing more is requested there in this job: what is missing stays open, with its route and this reason."""
        self.unreached |= down
        for name, why in down.items():
            self._backfill.ledger.add_event(self._stages.job.id, "exchange", not_reached({name: why}))

    def _cover(self) -> None:
        with self._stages.stage("cover"):
            self.knowledge = self._backfill.tracker.update_coverage_after_ingestion(self._pairs)

    def _trade_rates(self) -> dict[Pair, float]:
        if self._rates is None:
            store, ledger = self._backfill.store, self._backfill.ledger
            self._rates = trades_a_second(store, ledger, self._pairs, self.knowledge)
            may_sweep = self._plan.request.trades and self._plan.request.auto_gap_fill
            if may_sweep and self._asking and self._spent and self._market:
                requestable = self._market.requestable
                unknown = [p for p in self._pairs if p in requestable and p not in self._rates]
                exchange, most = self._asking.fetch.exchange, self._spent.left(self._limit)
                rates, down = requested_rates(exchange, unknown, self.knowledge.lives, most)
                self._rates |= rates
                self._went_down(down)
        return self._rates

    def _counted(self) -> JobMetrics:
        return self._spent.counted(self._stages.metrics) if self._spent else self._stages.metrics


def _settled(plan: IngestionPlan, asking: Asking | None) -> int:
    """Until when the exchange's present has settled, where that is known."""
    return plan.market.now - asking.fetch.settling_s if plan.market and asking else END_OF_TIME


def _limit(plan: IngestionPlan, before: JobMetrics) -> int | None:
    """How many requests the job may have made before it asks for confirmation; the plan excludes earlier ones."""
    if plan.limit is None or plan.limit == plan.request.max_requests:
        return plan.limit
    return before.requests + plan.limit


def _with_gaps(metrics: JobMetrics, detected: Detected, window: TimeRange) -> JobMetrics:
    """The job's gaps after a detection: those closed by now stay counted as filled, all others in its window are open.

    Of the open ones, some cannot be filled, and of some the last attempt failed.
    """
    states = [gap.status for gap in detected.gaps if gap.reaches(window)]
    filled = metrics.gaps_filled + len(detected.filled)
    return replace(
        metrics,
        gaps_detected=filled + len(states),
        gaps_filled=filled,
        gaps_unfillable=states.count(GapStatus.UNFILLABLE),
        gaps_failed=states.count(GapStatus.FAILED),
        gaps_open=len(states),
    )
