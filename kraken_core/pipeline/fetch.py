"""Fetch: repairs carried out, several pairs at once, each answer made durable soon after it came.

Order of truth as for files: candles committed first, then claims, metrics and how far sweeps are in one transaction.
A crash between the two costs one more request.
"""

from __future__ import annotations

import logging
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from typing import Protocol

import polars as pl

from kraken_core.domain.candles import KEY, Source, answered
from kraken_core.domain.coverage import Assertion
from kraken_core.domain.errors import Interrupted, PairRefusedError, UnavailableError
from kraken_core.domain.exchange import SETTLING_S, AsOf
from kraken_core.domain.jobs import IngestionJob, JobMetrics
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.plural import counted
from kraken_core.domain.routes import RepairPlan
from kraken_core.domain.timerange import TimeRanges
from kraken_core.pipeline.ask import Answer, Before, Budget, answers
from kraken_core.pipeline.differences import Differing
from kraken_core.pipeline.progress import Ticker
from kraken_core.ports import CandleStore, ClaimLedger, DifferenceLedger, Exchange, JobLedger, PairLedger

BUFFERED_ANSWERS = 32  # waiting to be committed, at most: a commit costs about as much however many there are
_EXAMPLES = 3  # rows that a message shows
BUFFERED_S = 1.0  # nor does one wait longer than this
LOG = logging.getLogger("kraken_core")


class AnswerLedger(JobLedger, ClaimLedger, PairLedger, DifferenceLedger, Protocol):
    """What answers are recorded in."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """The outcome of a plan of repairs: the job's metrics, why pairs failed, and why the exchange is away, if so.

    ``problems``: why answers about pairs did not bring all that was requested.
    """

    metrics: JobMetrics
    failures: Mapping[Pair, str]
    down: str | None = None
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
        buffer = _AnswerBuffer(self.store, self.ledger, job, dict(covered), spent)
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
                    in_flight.goes_on and len(in_flight.running) < self.side_by_side and (following := next(todo, None))
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
                self.ledger.trade_spans(repair.pair) if repair.sweeps else (),
                listed.get(repair.pair),
            )
            for repair in plan.repairs
        }


@dataclass(slots=True)
class _InFlight:
    """The pairs that are requested at once, each by one thread, a request after the other."""

    running: dict[Future[Answer | None], tuple[Pair, Iterator[Answer]]] = field(default_factory=dict)
    failures: dict[Pair, str] = field(default_factory=dict)
    down: str | None = None
    stopped: bool = False

    @property
    def goes_on(self) -> bool:
        return self.down is None and not self.stopped

    def ask(self, pool: ThreadPoolExecutor, pair: Pair, rest: Iterator[Answer]) -> None:
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
                self.down = str(error)  # which is no fault of the pair's
            except Interrupted:
                self.stopped = True
            else:
                if answer is not None:
                    if self.goes_on:
                        self.ask(pool, pair, rest)
                    yield answer


@dataclass(frozen=True, slots=True)
class Spent:
    """What a job has spent on requests: its metrics, and what the exchange's counts were at its first request."""

    exchange: Exchange
    metrics: JobMetrics
    requests: int
    retries: int

    @classmethod
    def begin(cls, exchange: Exchange, metrics: JobMetrics) -> Spent:
        """From now on."""
        return cls(exchange, metrics, exchange.requests - metrics.requests, exchange.retries - metrics.retries)

    def left(self, most: int | None) -> int | None:
        """How many of at most so many are left."""
        return None if most is None else max(0, most - (self.exchange.requests - self.requests))

    def counted(self, metrics: JobMetrics) -> JobMetrics:
        """The metrics with the requests made by now."""
        requests = self.exchange.requests - self.requests
        return replace(
            metrics,
            requests=requests,
            retries=self.exchange.retries - self.retries,
            total_requests=max(metrics.total_requests, requests),
        )


@dataclass(slots=True)
class _AnswerBuffer:
    """Answers that wait to be committed together."""

    store: CandleStore
    ledger: AnswerLedger
    job: IngestionJob
    covered: dict[Series, TimeRanges]
    spent: Spent
    answers: list[Answer] = field(default_factory=list)
    skipped: dict[tuple[Pair, Source], list[str]] = field(default_factory=lambda: defaultdict(list))
    since: float = 0.0
    problems: dict[Pair, str] = field(default_factory=dict)
    phantoms: Counter[Pair] = field(default_factory=Counter)
    metrics: JobMetrics = field(init=False)
    differing: Differing = field(init=False)

    def __post_init__(self) -> None:
        self.metrics = self.spent.metrics
        self.differing = Differing(self.store, self.ledger, self.job.id)

    @property
    def patience(self) -> float:
        """How long the oldest may still wait, in seconds."""
        return max(0.0, self.since + BUFFERED_S - time.monotonic()) if self.answers else BUFFERED_S

    def add(self, answer: Answer) -> None:
        self.since = self.since if self.answers else time.monotonic()
        self.answers.append(answer)
        self.phantoms[answer.series.pair] += sum(span.phantoms for span in answer.spans)
        if answer.problem:
            LOG.warning("%s: %s", answer.series.pair, answer.problem)
            self.problems[answer.series.pair] = answer.problem

    def record_phantoms(self) -> None:
        """Report which ids stayed away, once for each pair."""
        for pair, count in self.phantoms.items():
            if count:
                message = (
                    f"{pair}: {counted(count, 'trade id')} skipped, also when requested again: the "
                    "trades around them are stored, and not proved"
                )
                self.ledger.add_event(self.job.id, "phantoms", message)

    def record_skipped(self) -> dict[Pair, str]:
        """Report which rows could not be read, of each pair and endpoint; returns the reason of what is missing."""
        failures = {}
        for (pair, source), rows in self.skipped.items():
            endpoint = "Trades" if source is Source.TRADES else "OHLC"
            message = (
                f"{pair}: {counted(len(rows), 'row')} the exchange returned for {endpoint} could not be read, skipped; "
                f"what is around them stays unknown: {'; '.join(list(dict.fromkeys(rows))[:_EXAMPLES])}"
            )
            self.ledger.add_event(self.job.id, "skipped", message)
            failures[pair] = message
        return failures

    def commit_if_due(self) -> None:
        if len(self.answers) >= BUFFERED_ANSWERS or (self.answers and not self.patience):
            self.commit()

    def commit(self) -> None:
        """Candles into the table, then claims, sweeps and metrics into the ledger."""
        if not self.answers:
            return
        frames = _frames(self.answers, self.job.as_of)
        merged, changed = self.differing.commit([self.store.stage(frame) for frame in frames])
        stale: dict[Series, TimeRanges] = {}
        for series, found in _candles_of(self.answers).items():
            counts = merged.get(series)
            # An unexpected candle, in a slot covered before: what was derived from it is no longer true.
            if counts and (counts.altered or counts.new > _outside(found, self.covered.get(series, TimeRanges()))):
                stale |= _coarser(series, found, stale)
        metrics = replace(
            self.metrics,
            records_read=self.metrics.records_read + sum(answer.rows for answer in self.answers),
            records_ingested=self.metrics.records_ingested + sum(counts.new for counts in merged.values()),
            records_changed=self.metrics.records_changed + sum(changed.values()),
            records_rejected=self.metrics.records_rejected + sum(len(answer.skipped) for answer in self.answers),
        )
        for answer in self.answers:
            if answer.skipped:
                self.skipped[answer.series.pair, answer.source] += answer.skipped
        self.metrics = self.spent.counted(metrics)
        points = {answer.series.pair: answer.point for answer in self.answers if answer.source is Source.TRADES}
        spans = [span for answer in self.answers for span in answer.spans]
        self.ledger.record_answers(self.job.id, self._claims(), stale, points, self.metrics, spans=spans)
        self.answers = []

    def _claims(self) -> list[Assertion]:
        """The claims of all answers, those of one sweep joined."""
        alike: dict[tuple[Series, str], list[Answer]] = defaultdict(list)
        for answer in self.answers:
            alike[answer.series, answer.evidence].append(answer)
        claims = []
        for (series, _), found in alike.items():
            known = TimeRanges.of(span for answer in found for span in answer.known)
            proved = TimeRanges.of(span for answer in found for span in answer.proved)
            claims += found[0]._replace(known=known, proved=proved).claims
            self.covered[series] = self.covered.get(series, TimeRanges()) | known
        return claims


def _frames(found: Sequence[Answer], as_of: int) -> list[pl.DataFrame]:
    """The candles of the answers, by interval and source, as they are staged: later answers go before earlier ones."""
    alike: dict[tuple[int, str], list[pl.DataFrame]] = defaultdict(list)
    for answer in found:
        if answer.candles.height:
            alike[answer.series.interval, answer.source].append(answer.candles)
    return [pl.concat(frames).sort(KEY).with_columns(rank=answered(as_of)) for frames in alike.values()]


def _candles_of(found: Sequence[Answer]) -> dict[Series, pl.Series]:
    """The opens of the candles that answers brought of each series: epoch seconds, each once."""
    opens: dict[Series, list[pl.Series]] = defaultdict(list)
    for answer in found:
        opens[answer.series].append(answer.candles["time"].dt.epoch("s"))
    return {series: pl.concat(parts).unique().sort() for series, parts in opens.items()}


def _outside(opens: pl.Series, known: TimeRanges) -> int:
    """How many of the opens lie outside the known ranges."""
    places = pl.Series(known.bounds, dtype=pl.Int64).search_sorted(opens, side="right")
    return int((places % 2 == 0).sum())


def _coarser(series: Series, opens: pl.Series, stale: Mapping[Series, TimeRanges]) -> dict[Series, TimeRanges]:
    """The coarser slots over the candles, added to those that are stale already."""
    touched = TimeRanges.single(opens[0], opens[-1] + series.width)
    coarse = [Series(series.pair, interval) for interval in INTERVALS if interval > series.interval]
    return {each: stale.get(each, TimeRanges()) | touched.outer(each.width) for each in coarse}
