"""Live: trades of a stream become candles, proved and committed together, minute by minute.

What the stream lost is requested from the Trades endpoint. Where ids cannot prove a slot, nothing is claimed of it: it
stays a gap, which the next job fills from candles of the exchange.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import polars as pl

from kraken_core.domain.candles import Source
from kraken_core.domain.coverage import LIVE, counter_claims, standing_claims
from kraken_core.domain.errors import PairRefusedError, UnavailableError
from kraken_core.domain.exchange import NS, SETTLING_S
from kraken_core.domain.jobs import IngestionJob, JobMetrics
from kraken_core.domain.live_slots import LiveStep
from kraken_core.domain.live_tape import LiveTape, live_trades, longest_waiting
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.timerange import TimeRanges, iso
from kraken_core.pipeline.answer_buffer import AnswerBuffer
from kraken_core.pipeline.ask import Answer
from kraken_core.pipeline.cover import CoverageTracker
from kraken_core.pipeline.keep_trades import TradeKeeper
from kraken_core.pipeline.spent import Spent
from kraken_core.ports import CandleStore, Exchange, Ledger, TradeFeed

WAIT_S = 0.2  # for trades, before it is looked whether anything is due
COMMIT_EVERY_S = 60  # of the exchange's clock
ASK_EVERY_S = 5  # of the exchange's clock, for the same missing ids
LOOK_BACK_S = (600, 14_400, 345_600)  # for a trade before the first slot that is missing, one after the other
CLOCK_WITHIN_S = 2  # that its clock may be ahead of what was read of it, in whole seconds, some time ago
MOST_PAGES = 50  # of trades, for the missing ids of a pair: what takes more is filled by the next job
LOG = logging.getLogger("kraken_core")


class LiveProgress(NamedTuple):
    """How a live job goes: the newest instant up to which slots are whole, how many pairs wait, and its metrics."""

    until: int
    waiting: int
    disconnects: int
    metrics: JobMetrics


@dataclass(slots=True)
class Live:
    """The live part of a job: from the first trades until it is to end. ``now`` is the exchange's clock.

    The tapes stay what they are from one job to the next, as the feed does. ``observe`` is called again and again
    meanwhile; ``stored_until`` is where the last of a pair ends that is covered at its finest interval, ``refused`` why
    the exchange did not answer with what is missing of one.
    """

    exchange: Exchange
    feed: TradeFeed
    tapes: Mapping[Pair, LiveTape]
    store: CandleStore
    ledger: Ledger
    tracker: CoverageTracker
    now: Callable[[], int]
    side_by_side: int = 4
    settling_s: int = SETTLING_S
    report: Callable[[LiveProgress], None] = lambda _: None
    keeper: TradeKeeper | None = None
    observe: Callable[[Live], None] = lambda _: None
    stored_until: dict[Pair, int] = field(default_factory=dict)
    refused: dict[Pair, str] = field(default_factory=dict)
    _requested_at: dict[Pair, int] = field(default_factory=dict)  # when it was requested what is missing
    _until: int = 0
    _newest: int = 0  # when the newest trade of the stream happened, by the exchange's clock

    def run(self, job: IngestionJob, over: Callable[[], bool]) -> JobMetrics:
        """Commit what becomes whole until it is ``over``; returns the metrics.

        Raises UnavailableError, Interrupted; what was committed is kept.
        """
        covered = self.tracker.update_coverage_after_ingestion(list(self.tapes)).covered()
        spent = Spent.begin(self.exchange, job.metrics)
        buffer = AnswerBuffer(self.store, self.ledger, job, dict(covered), spent, self.keeper)
        evidence = f"{LIVE} {iso(self.now())}"
        self._begin(covered)
        finest = {series.pair: ranges for series, ranges in covered.items() if ranges and self._is_finest(series)}
        self.stored_until |= {pair: ranges.hull.end for pair, ranges in finest.items()}
        try:
            self._follow(over, buffer, evidence)
        except UnavailableError:  # of a pair's missing trades: what the stream has of others is whole all the same
            self._commit(self._exchange_now(), buffer, evidence)
            raise
        self._commit(self._exchange_now(), buffer, evidence)
        if self.keeper:
            self.keeper.report()
        return buffer.metrics

    def _follow(self, over: Callable[[], bool], buffer: AnswerBuffer, evidence: str) -> None:
        committed = 0  # what became whole while another job ran waits no longer
        while not over():
            for pair, trades in self.feed.take(WAIT_S).items():
                self.tapes[pair].receive(trades)
                self._newest = max(self._newest, *(trade.time // NS for trade in trades))
            now = self._exchange_now()
            self.observe(self)
            self._ask(now, longest_waiting(self.tapes))
            if now - now % COMMIT_EVERY_S > committed:
                committed = now
                self._ask(now, self._holding_up(now), every_s=1)
                self._commit(now, buffer, evidence)

    def _exchange_now(self) -> int:
        """The exchange's clock: not before the newest trade, as far as that is to be believed."""
        now = self.now()
        return max(now, min(self._newest, now + CLOCK_WITHIN_S))

    def _holding_up(self, now: int) -> list[LiveTape]:
        """Those whose missing trades keep back what has settled."""
        settled_ns = (now - self.settling_s) * NS
        return [tape for tape in longest_waiting(self.tapes) if tape.hole and tape.hole.since < settled_ns]

    def _is_finest(self, series: Series) -> bool:
        return series.pair in self.tapes and series.interval == self.tapes[series.pair].intervals[0]

    def _begin(self, covered: Mapping[Series, TimeRanges]) -> None:
        """Read the trades since each pair's last covered slot, and one before, so that the first slot is proved."""
        new = [tape for tape in self.tapes.values() if tape.last is None]
        with ThreadPoolExecutor(self.side_by_side) as pool:
            list(pool.map(lambda tape: self._read_from(tape, covered), new))

    def _read_from(self, tape: LiveTape, covered: Mapping[Series, TimeRanges]) -> None:
        of_pair = covered.get(Series(tape.pair, tape.intervals[0]))
        since = of_pair.hull.end if of_pair else self.now()
        try:
            for back in LOOK_BACK_S:
                page = self.exchange.trades(tape.pair, (since - back) * NS - 1)
                if len(page.trades) and page.trades["time"][0] < since * NS:
                    tape.receive(live_trades(page.trades))
                    break
        except PairRefusedError as error:
            LOG.warning("%s", error)  # the stream's own first trades have to do

    def _ask(self, now: int, waiting: Iterable[LiveTape], every_s: int = ASK_EVERY_S) -> None:
        """Request what is missing of pairs, several at once."""
        due = [tape for tape in waiting if now - self._requested_at.get(tape.pair, 0) >= every_s]
        if due:
            with ThreadPoolExecutor(self.side_by_side) as pool:
                list(pool.map(self._fill, due))
            self._requested_at |= {tape.pair: now for tape in due}

    def _fill(self, tape: LiveTape) -> None:
        """Request the missing ids of a pair; ids that stay away once that has settled do not exist."""
        try:
            for _ in range(MOST_PAGES):
                hole = tape.hole
                if not hole:
                    return
                page = self.exchange.trades(tape.pair, hole.since - 1)
                tape.receive(live_trades(page.trades))
                self.refused.pop(tape.pair, None)
                if tape.hole == hole:
                    behind = len(page.trades) and page.trades["time"][-1] >= hole.until
                    if not behind or self.now() - hole.until // NS < self.settling_s:
                        return
                    LOG.warning("%s: trades %s to %s do not exist, as far as is known", tape.pair, *hole[:2])
                    tape.skip()
        except PairRefusedError as error:
            LOG.warning("%s", error)
            self.refused[tape.pair] = str(error)

    def _is_kept(self, pair: Pair) -> bool:
        return self.keeper is not None and self.keeper.wanted(pair)

    def _commit(self, now: int, buffer: AnswerBuffer, evidence: str) -> None:
        """What is whole by now, of all pairs together."""
        steps = [(pair, step) for pair, tape in self.tapes.items() if (step := tape.give(now))]
        if wrong := {pair: step.wrong for pair, step in steps if step.wrong}:
            self._take_back(wrong, buffer)
        answers = [
            answer for pair, step in steps for answer in _answers(pair, step, evidence, keep=self._is_kept(pair))
        ]
        buffer.job = replace(buffer.job, as_of=now)
        for answer in answers:
            buffer.add(_covered(answer, answer.known | buffer.covered.get(answer.series, TimeRanges())))
        buffer.commit()
        for pair, step in steps:  # what could not be committed is given again
            self.tapes[pair].committed(step)
        if not answers:
            return
        self.tracker.update_coverage_after_ingestion([pair for pair, _ in steps])
        self.stored_until |= {pair: max(step.span.end, self.stored_until.get(pair, 0)) for pair, step in steps}
        self._until = max(self._until, *(step.span.end for _, step in steps))
        waiting = sum(1 for _ in longest_waiting(self.tapes))
        self.report(LiveProgress(self._until, waiting, self.feed.disconnects, buffer.metrics))

    def _take_back(self, wrong: Mapping[Pair, Mapping[int, TimeRanges]], buffer: AnswerBuffer) -> None:
        """Slots that were covered without a trade that came very late: they become gaps, which the next job fills."""
        suspects = {
            Series(pair, interval): _spread(self.tapes[pair].intervals[0], slots, interval)
            for pair, slots in wrong.items()
            for interval in INTERVALS
        }
        suspects = {series: ranges for series, ranges in suspects.items() if ranges}
        for series, ranges in suspects.items():
            if series.interval in wrong[series.pair]:
                LOG.warning("%s: a trade came very late; what it is of, in %s, becomes gaps", series, ranges.hull)
        claims = standing_claims(self.ledger.assertions(list(wrong)))
        self.store.commit([], demote=suspects)
        self.ledger.claim(counter_claims(claims, suspects))
        buffer.covered |= {each: buffer.covered[each] - of for each, of in suspects.items() if each in buffer.covered}
        self.tracker.update_coverage_after_ingestion(list(wrong))


def _covered(answer: Answer, covered: TimeRanges) -> Answer:
    """An answer without candles of slots that are not covered, as of one that is open: nothing would withdraw them."""
    places = pl.Series(covered.bounds, dtype=pl.Int64).search_sorted(answer.candles["time"].dt.epoch("s"), side="right")
    inside = places % 2 == 1
    if inside.all():
        return answer
    LOG.warning("%s: %s candles of slots that are not covered are left out", answer.series, (~inside).sum())
    return answer._replace(candles=answer.candles.filter(inside))


def _spread(finest: int, wrong: Mapping[int, TimeRanges], interval: int) -> TimeRanges:
    """The slots of an interval that are wrong where these are: all over them, and all inside those of the finest."""
    over = [ranges.outer(interval * 60) for of, ranges in wrong.items() if of in {finest, interval} or of < interval]
    return TimeRanges.of(span for ranges in over for span in ranges)


def _answers(pair: Pair, step: LiveStep, evidence: str, *, keep: bool) -> Iterable[Answer]:
    """What a step entitles to claim, at each interval; what was seen of the ids, and the trades, with the finest."""
    for place, (interval, known, candles) in enumerate(step.slots):
        slots = TimeRanges.single(*known)
        yield Answer(
            Series(pair, interval),
            candles,
            slots,
            Source.TRADES,
            f"Trades {pair.altname} {evidence}",
            0 if place else step.trades.height,
            proved=slots,
            spans=() if place or not known.end > known.start else (step.span,),
            sweeps=False,
            trades=step.trades if keep and not place else None,
        )
