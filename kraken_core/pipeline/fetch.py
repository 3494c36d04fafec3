"""Fetch: repairs carried out, several pairs at once, each answer made durable soon after it came.

Order of truth as for files: candles committed first, then claims, metrics and how far sweeps are in one transaction.
A crash between the two costs one more request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from kraken_core.domain.errors import Interrupted, PairRefusedError, UnavailableError
from kraken_core.domain.exchange import SETTLING_S, AsOf
from kraken_core.domain.jobs import IngestionJob, JobMetrics
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.outages import Outages
from kraken_core.domain.repair_plan import RepairPlan
from kraken_core.domain.timerange import TimeRanges
from kraken_core.pipeline.answer_buffer import AnswerBuffer, AnswerLedger
from kraken_core.pipeline.ask import Answer, Before, answers
from kraken_core.pipeline.keep_trades import TradeKeeper
from kraken_core.pipeline.progress import Ticker
from kraken_core.pipeline.request_budget import Budget
from kraken_core.pipeline.spent import Spent
from kraken_core.ports import CandleStore, Exchange


@dataclass(frozen=True, slots=True)
class Fetched:
    """The outcome of a plan of repairs: the job's metrics, why pairs failed, and why exchanges are away, if so.

    ``problems``: why answers about pairs did not bring all that was requested.
    """

    metrics: JobMetrics
    failures: Mapping[Pair, str]
    down: Outages = field(default_factory=dict)
    problems: Mapping[Pair, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fetch:
    """Requests a plan of repairs from the exchange."""

    exchange: Exchange
    store: CandleStore
    ledger: AnswerLedger
    side_by_side: int
    stop: Callable[[], bool]
    settling_s: int = SETTLING_S
    keeper: TradeKeeper | None = None

    def run(
        self,
        job: IngestionJob,
        plan: RepairPlan,
        covered: Mapping[Series, TimeRanges],
        spent: Spent,
        ticker: Ticker,
        *,
        limit: int | None,
    ) -> Fetched:
        """Request what is planned, in at most ``limit`` requests of the whole job.

        Raises Interrupted when asked to stop; answers until then are kept.
        """
        buffer = AnswerBuffer(self.store, self.ledger, job, dict(covered), spent, self.keeper)
        budget = Budget(spent.left(limit))
        young_s = self.settling_s if job.request.as_of is None else 0  # nothing after an instant that was named
        when = AsOf(job.as_of, self.settling_s, young_s)
        before = self._before(plan)
        todo = iter([(r.pair, answers(self.exchange, r, when, before[r.pair], budget)) for r in plan.repairs])
        in_flight = _InFlight()
        with ThreadPoolExecutor(self.side_by_side) as pool:
            while True:
                in_flight.stopped = in_flight.stopped or self.stop()
                while (
                    not in_flight.stopped
                    and len(in_flight.running) < self.side_by_side
                    and (following := next(todo, None))
                ):
                    in_flight.ask(pool, *following)
                if not in_flight.running:
                    break
                for answer in in_flight.answered(pool, buffer.patience):
                    buffer.add(answer)
                    ticker.add(1, answer.rows, f"{answer.series} by {answer.source}")
                buffer.commit_if_due()
            buffer.commit()
        buffer.record_phantoms()
        if self.keeper:
            self.keeper.report()
        skipped = buffer.record_skipped()
        if in_flight.stopped:
            raise Interrupted("paused")
        return Fetched(buffer.metrics, skipped | in_flight.failures, in_flight.down, buffer.problems)

    def _before(self, plan: RepairPlan) -> dict[Pair, Before]:
        """What is known of the trades of the pairs of a plan."""
        points = self.ledger.sweep_points()
        listed = {r.pair: r.lives[0].start for r in self.ledger.pairs() if r.lives and not r.lives[0].assumed}
        return {
            repair.pair: Before(
                points.get(repair.pair),
                self.ledger.trade_spans(repair.pair, ending={s.start for s in repair.sweeps}) if repair.sweeps else (),
                listed.get(repair.pair),
                self.keeper is not None and self.keeper.wanted(repair.pair),
            )
            for repair in plan.repairs
        }


@dataclass(slots=True)
class _InFlight:
    """The pairs that are requested at once, each by one thread, a request after the other."""

    running: dict[Future[Answer | None], tuple[Pair, Iterator[Answer]]] = field(default_factory=dict)
    failures: dict[Pair, str] = field(default_factory=dict)
    down: dict[str, str] = field(default_factory=dict)  # exchanges, by name
    stopped: bool = False

    def ask(self, pool: ThreadPoolExecutor, pair: Pair, rest: Iterator[Answer]) -> None:
        if self.stopped or pair.venue in self.down:
            return
        self.running[pool.submit(next, rest, None)] = pair, rest

    def answered(self, pool: ThreadPoolExecutor, patience: float) -> Iterator[Answer]:
        """The answers that are there by now, or soon; requests of each pair continue meanwhile."""
        for future in wait(self.running, patience, FIRST_COMPLETED).done:
            pair, rest = self.running.pop(future)
            try:
                answer = future.result()
            except PairRefusedError as error:
                self.failures[pair] = str(error)
            except UnavailableError as error:
                self.down[pair.venue] = str(error)  # which is no fault of the pair's
            except Interrupted:
                self.stopped = True
            else:
                if answer is not None:
                    self.ask(pool, pair, rest)
                    yield answer
