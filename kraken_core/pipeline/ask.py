"""Ask: one pair's repair carried out, answer by answer, touching neither ledger nor table."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import polars as pl

from kraken_core.domain.candles import Source, derived_rank, rank_of
from kraken_core.domain.coverage import Assertion
from kraken_core.domain.errors import PairRefusedError
from kraken_core.domain.market import Series
from kraken_core.domain.routes import Repair, Sweep
from kraken_core.domain.sweeps import Sweeping, SweepPoint
from kraken_core.domain.timerange import END_OF_TIME, TimeRanges, iso
from kraken_core.domain.trades import API_RANK
from kraken_core.ports import Exchange


class Answer(NamedTuple):
    """What one request brought of a series: candles (SCHEMA), the slots it knows, and on what evidence.

    ``rows`` were in it, of which ``skipped`` could not be read. Of a sweep, ``point`` is where it goes on; None where
    it is at its end, or cannot be resumed.
    """

    series: Series
    candles: pl.DataFrame
    known: TimeRanges
    source: Source
    evidence: str
    rows: int
    point: SweepPoint | None = None
    skipped: tuple[str, ...] = ()

    @property
    def claims(self) -> list[Assertion]:
        """What it entitles to claim."""
        rank = derived_rank(API_RANK if self.source is Source.TRADES else rank_of(self.source))
        return [Assertion(self.series, *span, self.source, rank, self.evidence) for span in self.known]


@dataclass(slots=True)
class Budget:
    """How many requests may still be made, None for as many as it takes. Safe to use from several threads."""

    left: int | None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self) -> bool:
        """Whether one more may be made; it counts as made."""
        with self._lock:
            if self.left is None:
                return True
            self.left -= 1
            return self.left >= 0


def answers(
    exchange: Exchange, repair: Repair, as_of: int, point: SweepPoint | None, budget: Budget
) -> Iterator[Answer]:
    """The answers to a pair's repair, each asked for when it is wanted; fewer where the budget does not pay for all.

    A sweep that stopped at ``point`` goes on there. Raises UnavailableError, PairRefusedError, Interrupted.
    """
    yield from _answered(exchange, repair, repair.ohlc, as_of, budget)
    stuck = False
    try:
        for sweep in repair.sweeps:
            for answer in _swept(exchange, repair, sweep, point, budget):
                stuck = stuck or bool(answer.skipped)
                yield answer
    except PairRefusedError:
        yield from _answered(exchange, repair, repair.instead, as_of, budget)
        raise
    if stuck:
        yield from _answered(exchange, repair, repair.instead, as_of, budget)


def _answered(
    exchange: Exchange, repair: Repair, intervals: Sequence[int], as_of: int, budget: Budget
) -> Iterator[Answer]:
    for interval in intervals:
        if not budget.take():
            return
        series = Series(repair.pair, interval)
        candles, known, rows, skipped = exchange.ohlc(series, as_of)
        evidence = f"OHLC {repair.pair.altname} {interval} at {iso(as_of)}"
        yield Answer(series, candles, known, Source.OHLC, evidence, rows, skipped=skipped)


def _swept(
    exchange: Exchange, repair: Repair, sweep: Sweep, point: SweepPoint | None, budget: Budget
) -> Iterator[Answer]:
    series = Series(repair.pair, repair.finest)
    evidence = f"Trades {repair.pair.altname} from {iso(sweep.start)}"
    if point and (point.interval, point.known_until) == (repair.finest, sweep.start):
        sweeping: Sweeping | None = Sweeping.resume(point, sweep.end)
    else:
        sweeping = Sweeping.begin(repair.pair, repair.finest, sweep.start, sweep.end)
    unknown = TimeRanges()  # slots in which trades could not be read
    while sweeping and budget.take():
        page = exchange.trades(repair.pair, sweeping.cursor)
        unknown |= page.unknown.outer(series.width)
        candles, known, sweeping = sweeping.take(page)
        if unknown:
            opens = candles["time"].dt.epoch("s")
            candles = candles.filter(pl.Series([at not in unknown for at in opens], dtype=pl.Boolean))
        # Whoever went on in the middle of a slot that will be unknown would take it for whole.
        whole = sweeping and not unknown.meets(sweeping.known_until, END_OF_TIME)
        point = sweeping.point if sweeping and whole else None
        rows = len(page.trades) + len(page.skipped)
        yield Answer(series, candles, known - unknown, Source.TRADES, evidence, rows, point, page.skipped)
