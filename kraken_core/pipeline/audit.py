"""Audit: what is stored of pairs compared with the exchange's trade ids, several pairs at once.

First both ends of every stretch, of all pairs; then differences are located, each pair in its share of the requests
that are left. What came of a pair is recorded as soon as it is known, so that an audit resumes where it was stopped.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import NamedTuple

from kraken_core.domain.audit import AuditedSpan, stretches
from kraken_core.domain.audit_summary import findings, newest, summaries
from kraken_core.domain.coverage import by_series, counter_claims
from kraken_core.domain.errors import Interrupted, KrakenError, UnavailableError
from kraken_core.domain.jobs import IngestionJob
from kraken_core.domain.knowledge import Knowledge
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.request import Request
from kraken_core.domain.timerange import TimeRanges
from kraken_core.domain.trade_numbers import IdMark
from kraken_core.domain.verification.checks import Verification
from kraken_core.pipeline.audit_pair import PairAudit
from kraken_core.pipeline.audit_suspects import suspects
from kraken_core.pipeline.audited import with_basis
from kraken_core.pipeline.cover import CoverageTracker
from kraken_core.pipeline.progress import Stages, Steps, Ticker
from kraken_core.pipeline.request_budget import Budget
from kraken_core.pipeline.spent import Spent
from kraken_core.pipeline.withdraw import Withdraw
from kraken_core.ports import CandleStore, Exchange, Ledger

ENDS = 2  # requests a stretch
LOCATING_REQUESTS = 1_000  # more than the ends take, by default
INTERRUPTED = "interrupted"  # the audit of its pair, which is to be gone on with
LOG = logging.getLogger("kraken_core")

Covered = Mapping[Pair, Mapping[int, TimeRanges]]


def expected_requests(covered: Covered) -> int:
    """How many requests the ends of all stretches take."""
    return ENDS * sum(len(stretches(of_pair)) for of_pair in covered.values())


def most_requests(request: Request, covered: Covered) -> int | None:
    """How many requests an audit may make; None where that is for as many as the ends take."""
    if request.max_requests is None and request.locate:
        return expected_requests(covered) + LOCATING_REQUESTS
    return request.max_requests


@dataclass(frozen=True, slots=True)
class AuditOutcome:
    """What an audit found: spans, the newest first, why pairs could not be requested, and what was withdrawn.

    Of ``left`` pairs not all was requested, as no more requests were allowed.
    """

    spans: tuple[AuditedSpan, ...] = ()
    problems: Mapping[Pair, str] = field(default_factory=dict)
    withdrawn: Mapping[Series, TimeRanges] = field(default_factory=dict)
    left: int = 0


@dataclass(frozen=True, slots=True)
class Audit:
    """Audits pairs, for the worker that has the job."""

    exchange: Exchange
    store: CandleStore
    ledger: Ledger
    tracker: CoverageTracker
    withdraw: Withdraw
    side_by_side: int
    stop: Callable[[], bool]

    def run(self, job: IngestionJob, covered: Covered, stages: Stages) -> AuditOutcome:
        """Audit what is covered of each pair, by interval.

        Raises UnavailableError, Interrupted; what was answered is kept.
        """
        expected, most = expected_requests(covered), most_requests(job.request, covered)
        spent = Spent.begin(self.exchange, replace(job.metrics, total_requests=expected))
        with stages.stage("audit", expected, job.metrics.requests, of=Steps.REQUESTS) as ticker:
            running = _Running(self, job, covered, Requests(Budget(spent.left(most)), spent, ticker))
            left = running.run()
        with stages.stage("cover"):
            self.tracker.update_coverage_after_ingestion(covered.keys())
        spans = newest(span for span in self.ledger.audits(covered.keys()) if span.job_id == job.id)
        claims = by_series(self.ledger.assertions(covered.keys())) if job.request.locate else {}
        self._say(job.id, spans)
        withdrawn = suspects(self.store, spans, covered, claims) if job.request.locate else {}
        if withdrawn:
            with stages.stage("check"):
                self._take_back(withdrawn, job.as_of)
        stages.metrics = spent.counted(stages.metrics)
        return AuditOutcome(tuple(spans), running.problems, withdrawn, left)

    def _say(self, job_id: int, spans: Sequence[AuditedSpan]) -> None:
        """For people, in the job's history."""
        counts = summaries(spans).values()
        slots, proved = sum(each.slots for each in counts), sum(each.proved for each in counts)
        differing = len(findings(spans))
        differ = f"counts and ids differ in {differing:,} place{'' if differing == 1 else 's'}"
        message = f"{proved:,} of {slots:,} audited candles are proved; {differ if differing else 'nothing differs'}"
        self.ledger.add_event(job_id, "audit", message)

    def _take_back(self, slots: Mapping[Series, TimeRanges], as_of: int) -> None:
        """Withdraw slots with missing trades, so that they become gaps."""
        pairs = {series.pair for series in slots}
        lives = {record.pair: record.lives for record in self.ledger.pairs() if record.pair in pairs}
        claims = Knowledge(lives, self.ledger.assertions(pairs)).standing_claims
        found = Verification((), tuple(counter_claims(claims, slots)), slots)
        detected = [detection.as_of for detection in self.ledger.detections().values()]
        self.withdraw.run(found, max(detected, default=as_of))


class Requests(NamedTuple):
    """How many may still be made, how many the job has made, and what is notified of each."""

    budget: Budget
    spent: Spent
    ticker: Ticker


class _Running:
    """The audits of one run of a job."""

    def __init__(self, audit: Audit, job: IngestionJob, covered: Covered, requests: Requests) -> None:
        self.problems: dict[Pair, str] = {}
        self._audit, self._job = audit, job
        self._budget, self._spent, self._ticker = requests
        self._left: set[Pair] = set()  # of which not all was requested
        self._counting = Lock()
        self._unrecorded: dict[Pair, PairAudit] = {}
        self._claims = by_series(audit.ledger.assertions(covered.keys()))
        before: dict[Pair, list[AuditedSpan]] = defaultdict(list)
        for span in audit.ledger.audits(covered.keys()):
            if span.job_id == job.id:
                before[span.series.pair].append(span)
        self._pairs = [
            self._pair(pair, of_pair, before[pair])
            for pair, of_pair in covered.items()
            if not before[pair] or any(span.reason == INTERRUPTED for span in before[pair])
        ]

    def run(self) -> int:
        """Both ends of all pairs, then their differences; returns of how many pairs some are not located."""
        try:
            differing = self._round(self._pairs, 0)
            while differing and ((left := self._budget.left) is None or left > 0):
                differing = self._round(differing, None if left is None else max(1, left // len(differing)))
        except (UnavailableError, Interrupted):
            for pair in list(self._unrecorded.values()):
                self._record(pair, INTERRUPTED)
            raise
        for pair in differing:
            self._record(pair)
        return len(self._left.union(pair.pair for pair in differing))

    def _round(self, pairs: Sequence[PairAudit], allowance: int | None) -> list[PairAudit]:
        """Continue each pair, in so many requests; returns those of which something is left to locate."""
        todo, differing = iter(pairs), []
        running: dict[Future[bool], PairAudit] = {}
        stopped: KrakenError | None = None
        with ThreadPoolExecutor(self._audit.side_by_side) as pool:
            while True:
                if not stopped and self._audit.stop():
                    stopped = Interrupted("paused")
                while not stopped and len(running) < self._audit.side_by_side and (pair := next(todo, None)):
                    running[pool.submit(pair.run, allowance)] = pair
                if not running:
                    break
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    pair = running.pop(future)
                    self._unrecorded[pair.pair] = pair
                    try:
                        done = future.result()
                    except (UnavailableError, Interrupted) as error:
                        stopped = error
                    else:
                        if done or not self._job.request.locate:
                            self._record(pair)
                        else:
                            differing.append(pair)
        if stopped:
            raise stopped
        return differing

    def _pair(self, pair: Pair, covered: Mapping[int, TimeRanges], before: Sequence[AuditedSpan]) -> PairAudit:
        """The audit of a pair; ids that this job was answered before it was interrupted are known."""
        audit = self._audit
        ends = [(end, number) for span in before for end, number in zip(span[1:3], span[3:5], strict=True)]
        return PairAudit(
            pair,
            covered,
            audit.exchange,
            audit.store,
            self._job.as_of,
            self._budget,
            self._counted,
            audit.ledger.trade_spans(pair),
            [IdMark.at(at, number) for at, number in ends if number is not None],
        )

    def _counted(self, pair: Pair) -> None:
        with self._counting:
            self._ticker.add(1, 0, str(pair))

    def _record(self, pair: PairAudit, reason: str = "") -> None:
        """What came of a pair, for good or until it is gone on with."""
        ledger = self._audit.ledger
        now = ledger.now()
        spans = [
            span._replace(audited_at=now, reason=span.reason or reason)
            for span in with_basis(self._audit.store, pair.spans, self._claims)
        ]
        ledger.record_audits(self._job.id, spans)
        ledger.progress(self._job.id, "audit", self._spent.counted(self._spent.metrics))
        self._unrecorded.pop(pair.pair, None)
        if pair.spent:
            self._left.add(pair.pair)
        if pair.problem:
            self.problems[pair.pair] = pair.problem
            LOG.warning("%s: %s", pair.pair, pair.problem)
