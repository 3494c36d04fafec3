"""Ask: one pair's repair run, answer by answer, touching neither ledger nor table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import polars as pl

from kraken_core.domain.candles import Source, derived_rank, rank_of
from kraken_core.domain.coverage import Assertion
from kraken_core.domain.endings import Agreement, serves, settled, witness
from kraken_core.domain.errors import PairRefusedError
from kraken_core.domain.exchange import NS, TRADES_A_PAGE, AsOf, OhlcAnswer, TradesPage
from kraken_core.domain.kept_trades import within
from kraken_core.domain.market import Series
from kraken_core.domain.missing import Repair
from kraken_core.domain.plural import counted
from kraken_core.domain.sweep_plan import Sweep
from kraken_core.domain.sweep_points import SweepPoint
from kraken_core.domain.timerange import END_OF_TIME, TimeRange, TimeRanges, floor, iso
from kraken_core.domain.trade_spans import TradeSpan, id_before
from kraken_core.domain.trade_sweep import STALE_S, Ending, Sweeping, SweepStep
from kraken_core.domain.trades import API_RANK
from kraken_core.pipeline.confirmation import Confirmation
from kraken_core.pipeline.request_budget import Budget
from kraken_core.pipeline.skipped_ids import request_again
from kraken_core.pipeline.trade_pages import trades_after
from kraken_core.ports import Exchange


class Answer(NamedTuple):
    """What one request brought of a series: candles (SCHEMA or FULL_SCHEMA), the slots it covers, and on what evidence.

    ``rows`` were in it, of which ``skipped`` could not be read. Of a sweep, ``proved`` are the slots that consecutive
    trade ids prove, ``spans`` what was seen of the ids, ``trades`` (PAGE) those of the known slots, where they are to
    be kept, and ``point`` is where it resumes, None where it is at its end, or cannot be resumed. ``problem``: why not
    all that was requested came. Only one that ``sweeps`` moves the point at which the pair's sweep resumes.
    """

    series: Series
    candles: pl.DataFrame
    known: TimeRanges
    source: Source
    evidence: str
    rows: int
    point: SweepPoint | None = None
    proved: TimeRanges = TimeRanges()
    spans: tuple[TradeSpan, ...] = ()
    problem: str = ""
    skipped: tuple[str, ...] = ()
    sweeps: bool = True
    trades: pl.DataFrame | None = None

    @property
    def claims(self) -> list[Assertion]:
        """What it entitles to claim."""
        rank = derived_rank(API_RANK if self.source is Source.TRADES else rank_of(self.source))
        claim = partial(Assertion, source=self.source, rank=rank, evidence=self.evidence)
        parts = ((False, self.known - self.proved), (True, self.known & self.proved))
        return [claim(self.series, *span, proved=proved) for proved, ranges in parts for span in ranges]


class Before(NamedTuple):
    """What is known of a pair's trades before more are requested: where a sweep goes on, and what earlier ones saw.

    ``spans`` are those that end where sweeps are to begin. ``listed`` is when the pair's first trade of all was made
    (epoch seconds), None where nobody knows. ``keeps``: its trades are to be kept, so that a sweep goes on at a slot
    that is not known yet, and not in the middle of it.
    """

    point: SweepPoint | None = None
    spans: Sequence[TradeSpan] = ()
    listed: int | None = None
    keeps: bool = False


@dataclass(slots=True)
class _Read:
    """Trades that a sweep has read, until their slots are known; none where they are not to be kept."""

    wanted: bool
    _frames: list[pl.DataFrame] = field(default_factory=list)

    def add(self, fresh: pl.DataFrame, end: int) -> None:
        """Fresh trades (PAGE); those from ``end`` (epoch seconds) on are not what the sweep is for."""
        if self.wanted:
            self._frames.append(fresh.filter(pl.col("time") < end * NS))

    def with_trades(self, answer: Answer) -> Answer:
        """An answer with the trades of its slots; those of earlier ones, which stay unknown, are forgotten."""
        if not (self.wanted and answer.known and self._frames and answer.source is Source.TRADES):
            return answer
        read = pl.concat(self._frames)
        self._frames = [read.filter(pl.col("time") >= answer.known.hull.end * NS)]
        return answer._replace(trades=read.filter(within(answer.known, read["time"])))


def answers(exchange: Exchange, repair: Repair, when: AsOf, before: Before, budget: Budget) -> Iterator[Answer]:
    """The answers to a pair's repair, each requested when it is needed; fewer where the budget is too small for all.

    A sweep that stopped at a point goes on there. Raises UnavailableError, PairRefusedError, Interrupted.
    """
    yield from _answered(exchange, repair, repair.ohlc, when, budget)
    yield from _pages(exchange, repair, when, budget)
    unread = False
    series = Series(repair.pair, repair.finest)
    try:
        for sweep in repair.sweeps:
            sweeper = _Sweeper(exchange, series, sweep, repair.trades_a_second, when, budget)
            for answer in sweeper.answers(before):
                unread = unread or bool(answer.skipped)
                yield answer
    except PairRefusedError:
        yield from _answered(exchange, repair, repair.instead, when, budget)
        raise
    if unread:
        yield from _answered(exchange, repair, repair.instead, when, budget)


def _answered(
    exchange: Exchange, repair: Repair, intervals: Sequence[int], when: AsOf, budget: Budget
) -> Iterator[Answer]:
    for interval in intervals:
        if not budget.take():
            return
        series = Series(repair.pair, interval)
        found = settled(exchange.ohlc(series, when.as_of, when.young_s), series.width, when)
        yield _candles(series, found, when.as_of)


def _pages(exchange: Exchange, repair: Repair, when: AsOf, budget: Budget) -> Iterator[Answer]:
    """Candles of an exchange that answers those of any time.

    What an answer leaves out of its page is missing still, and planned again. A page that ends a little before the
    present goes on to it: an answer that ends before that shows by it that it is old.
    """
    reached: dict[int, int] = {}  # by interval: pages come in order, and none brings what another one brought
    for interval, first, end in repair.pages:
        series = Series(repair.pair, interval)
        start, present = max(first, reached.get(interval, 0)), floor(when.as_of, series.width)
        is_last = end > when.as_of - STALE_S
        within = TimeRange(start, present if is_last else end)
        if start >= end:
            continue
        if not budget.take():
            return
        reached[interval] = within.end
        young_s = when.young_s if is_last else 0
        found = exchange.ohlc(series, when.as_of, young_s, within)
        opens = pl.col("time").dt.epoch("s")
        inside = found.candles.filter(opens.is_between(start, within.end + young_s, closed="left"))
        found = found._replace(candles=inside, known=found.known.clip(*within))
        yield _candles(series, settled(found, series.width, when) if is_last else found, when.as_of)


def _candles(of: Series, found: OhlcAnswer, as_of: int) -> Answer:
    evidence = f"OHLC {of.pair.altname} {of.interval} at {iso(as_of)}"
    return Answer(of, found.candles, found.known, Source.OHLC, evidence, found.rows, skipped=found.skipped)


@dataclass(frozen=True, slots=True)
class _Sweeper:
    """Carries out a sweep of a pair's trades for a series."""

    exchange: Exchange
    series: Series
    sweep: Sweep
    rate: float
    when: AsOf
    budget: Budget

    def answers(self, before: Before) -> Iterator[Answer]:
        """Page by page; what could not be read, or is not agreed with, by candles of the exchange where they reach."""
        start, end, point = self.sweep.start, self.sweep.end, before.point
        read = _Read(before.keeps)
        if point and (point.interval, point.known_until) == (self.series.interval, start) and not before.keeps:
            sweeping: Sweeping | None = Sweeping.resume(point, end, self.when)
        else:
            known = id_before(before.spans, start, before.listed)
            sweeping = Sweeping.begin(self.series, start, end, self.when, id_before=known)
        unknown = TimeRanges()  # slots in which trades could not be read
        while sweeping and (page := self._page(sweeping.cursor)):
            sweeping = sweeping.following(page.id_before)
            again = request_again(sweeping, page, self._page)
            if not again:
                return
            restated = sweeping.restated(page)
            missing = (again.seconds | restated).outer(self.series.width)
            unknown |= page.unknown.outer(self.series.width) | missing
            problem = again.problem or (_restated(restated) if restated else "")
            read.add(again.fresh, end)
            step = sweeping.take(page, again.fresh, again.phantoms, (*again.unread, *again.unknown))
            sweeping = step.sweeping
            if missing:
                yield from self._instead(missing)
            if step.ending and sweeping:
                for answer in self._ended(sweeping, step.ending, len(page.trades)):
                    kept = read.with_trades(_without(answer, unknown))
                    yield kept._replace(problem=kept.problem or problem)
                return
            answer = read.with_trades(_without(self._answer(step, len(page.trades) + len(page.skipped)), unknown))
            answer = answer._replace(skipped=page.skipped, problem=problem)
            if step.stuck and sweeping:
                stuck = floor(sweeping.cursor // NS, self.series.width)
                yield answer._replace(problem=_stuck(sweeping.cursor))
                yield from self._instead(TimeRanges.single(sweeping.known_until, stuck + self.series.width))
                after = stuck + self.series.width
                sweeping = Sweeping.begin(self.series, after, end, self.when) if after < end else None
            else:
                # To resume in the middle of a slot that will be unknown would take it for whole.
                whole = sweeping and sweeping.may_wait and not unknown.meets(sweeping.known_until, END_OF_TIME)
                yield answer._replace(point=sweeping.point if sweeping and whole else None)

    def _page(self, cursor: int) -> TradesPage | None:
        return trades_after(self.exchange, self.series.pair, cursor, self.budget.take)

    def _answer(self, step: SweepStep, rows: int, problem: str = "") -> Answer:
        evidence = f"Trades {self.series.pair.altname} from {iso(self.sweep.start)}"
        brought = self.series, step.candles, step.known, Source.TRADES, evidence, rows
        return Answer(*brought, None, step.proved, step.spans, problem)

    def _ended(self, sweeping: Sweeping, ending: Ending, rows: int) -> Iterator[Answer]:
        """The last of a sweep that has read all there is: up to where candles of the exchange agree with it."""
        at, others, problem = ending.doubt // NS, [], ""
        witnesses = Confirmation(self.exchange, self.series, self.when, self.rate, self.budget)
        end = min(self.sweep.end, witnesses.until)
        while at < end and not problem:
            of = witness(self.series, at, ending.until, self.when.as_of)
            if not self.budget.take():
                return
            answer = witnesses.candles(of, at)
            found, ending = witnesses.agreement(ending, at, end, answer, of)
            if serves(of, self.series):
                others.append((of, answer))
            if found.theirs is not None:
                problem = _disagree(found)
            elif found.until <= at:
                problem = _unconfirmed(ending, at, answer.skipped)
            at = max(at, found.until)
        if not problem and at < self.sweep.end:
            problem = _unconfirmed(ending, at)
        step = sweeping.agreed(at)
        yield self._answer(step, rows, problem)
        agreed = step.known.hull.end if step.known else sweeping.known_until
        left = TimeRanges.single(agreed, max(agreed, self.sweep.end))
        for of, answer in others:
            yield from _within(_candles(of, answer, self.when.as_of), left)

    def _instead(self, slots: TimeRanges) -> Iterator[Answer]:
        """Candles of slots whose trades cannot be read, where the exchange still has them."""
        of = witness(self.series, slots.hull.start, slots.hull.end, self.when.as_of)
        if serves(of, self.series) and self.budget.take():
            answer = Confirmation(self.exchange, self.series, self.when, self.rate, self.budget).candles(
                of, slots.hull.start
            )
            yield from _within(_candles(of, answer, self.when.as_of), slots)


def _without(answer: Answer, unknown: TimeRanges) -> Answer:
    """An answer of a sweep without the slots in which trades could not be read."""
    if not unknown or answer.source is not Source.TRADES:
        return answer
    opens = answer.candles["time"].dt.epoch("s")
    candles = answer.candles.filter(pl.Series([at not in unknown for at in opens], dtype=pl.Boolean))
    spans = tuple(span._replace(whole=False) if unknown.meets(*span[1:3]) else span for span in answer.spans)
    return answer._replace(candles=candles, known=answer.known - unknown, proved=answer.proved - unknown, spans=spans)


def _within(answer: Answer, slots: TimeRanges) -> Iterator[Answer]:
    """What an answer brings of some slots, if anything."""
    if known := answer.known & slots:
        opens = pl.col("time").dt.epoch("s")
        inside = pl.any_horizontal(opens.is_between(*span, closed="left") for span in known)
        yield answer._replace(known=known, candles=answer.candles.filter(inside))


def _stuck(cursor: int) -> str:
    return f"more than {TRADES_A_PAGE:,} trades share the nanosecond {cursor}, and no page leads past them"


def _restated(seconds: TimeRanges) -> str:
    return f"a trade of {iso(seconds.hull.start)} was answered twice, with different values"


def _disagree(found: Agreement) -> str:
    return (
        f"from {iso(found.until)} on the exchange's candles show {counted(found.theirs or 0, 'trade')}, "
        f"of which its Trades endpoint answered {found.ours:,}"
    )


def _unconfirmed(ending: Ending, at: int, skipped: Sequence[str] = ()) -> str:
    read = f"its last trade is of {iso(int(ending.times[-1]) // NS)}" if len(ending.times) else "it answers no trades"
    unread = f" ({counted(len(skipped), 'row')} of them could not be read: {skipped[-1]})" if skipped else ""
    return f"{read}, and no candle of the exchange confirms that nothing is missing from {iso(at)} on{unread}"
