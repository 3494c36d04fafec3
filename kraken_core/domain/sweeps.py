"""A sweep: a pair's trades read page by page, so that after each page it is known how far it is (domain rule 4).

Slots are given as soon as no more trades can be in them. The one that is still in the making is kept as its part, so
that a sweep of ten thousand pages goes on at its page, wherever it was cut off.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

import polars as pl

from kraken_core.domain.exchange import NS, TRADES, TradesPage
from kraken_core.domain.market import Pair
from kraken_core.domain.timerange import TimeRanges
from kraken_core.domain.trades import PARTS, TradeCandles, sweep_covers


class SweepPoint(NamedTuple):
    """How far a sweep of a pair's trades is, all that is needed to go on with it.

    Slots of ``interval`` minutes are given up to ``known_until`` (epoch seconds); ``cursor`` (nanoseconds) asks for the
    next page, ``last_id`` is the last trade's; ``part`` is what was read of the next slot, a PARTS row as JSON, or "".
    """

    pair: Pair
    interval: int
    known_until: int
    cursor: int
    last_id: int | None
    part: str


class Swept(NamedTuple):
    """What a page brought: candles (SCHEMA) and the slots now known; ``sweeping`` goes on, None where all is read."""

    candles: pl.DataFrame
    known: TimeRanges
    sweeping: Sweeping | None


@dataclass(frozen=True, slots=True, eq=False)
class Sweeping:
    """A sweep up to ``end`` (epoch seconds, a closed slot's) that has read every trade up to ``cursor``.

    ``tail`` are the trades of the last instant read, which the next page may repeat.
    """

    end: int
    known_until: int
    cursor: int
    making: TradeCandles
    tail: pl.DataFrame

    @classmethod
    def begin(cls, pair: Pair, interval: int, start: int, end: int) -> Sweeping:
        """A sweep of ``[start, end)``, whole slots of ``interval`` minutes."""
        nothing = pl.DataFrame(schema=TRADES)
        before = start * NS - 1  # a cursor is exclusive
        return cls(end, start, before, TradeCandles.empty(pair, (interval,)), nothing)

    @classmethod
    def resume(cls, point: SweepPoint, end: int) -> Sweeping:
        """The sweep that stopped at a point, now up to ``end``."""
        making = TradeCandles.empty(point.pair, (point.interval,))
        if point.part:
            row = json.loads(point.part)
            making = making.join(pl.DataFrame([{**row, "volume": Decimal(row["volume"])}], schema=PARTS))
        tail = pl.DataFrame({name: [point.last_id if name == "id" else None] for name in TRADES}, schema=TRADES)
        return cls(end, point.known_until, point.cursor, making, tail)

    @property
    def point(self) -> SweepPoint | None:
        """Where to go on; None where that cannot be told, as trades without ids may be repeated."""
        last_id = self.tail["id"][-1] if len(self.tail) else None
        if len(self.tail) and last_id is None:
            return None
        rows = self.making.parts.to_dicts()  # one at most: slots before the last trade's are given
        part = json.dumps({**rows[0], "volume": str(rows[0]["volume"])}) if rows else ""
        return SweepPoint(self.making.pair, self.making.finest, self.known_until, self.cursor, last_id, part)

    def take(self, page: TradesPage) -> Swept:
        """The sweep after the next page."""
        fresh = without_repeats(page.trades, self.tail)
        making = self.making.add(fresh) if len(fresh) else self.making
        last = fresh["time"][-1] if len(fresh) else None
        known = sweep_covers(self.known_until, last, self.end, making.finest, reached_end=page.is_last)
        until = known.hull.end if known else self.known_until
        given, rest = making.split(until)
        candles = given.candles()[making.finest]
        if page.is_last or until >= self.end:
            return Swept(candles, known, None)
        tail = fresh.filter(pl.col("time") == last) if len(fresh) else self.tail
        return Swept(candles, known, Sweeping(self.end, until, page.cursor, rest, tail))


def without_repeats(page: pl.DataFrame, tail: pl.DataFrame) -> pl.DataFrame:
    """A page of trades without those of the page before, which ended with ``tail``: TRADES of one instant.

    Trades are told apart by their ids. Where they have none, equal ones are distinct trades, and what is dropped is the
    longest beginning of the page that the page before ended with, in the same order.
    """
    last_id = tail["id"][-1] if len(tail) else None
    if last_id is not None:
        return page.filter(pl.col("id").is_null() | (pl.col("id") > last_id))
    for count in range(min(len(page), len(tail)), 0, -1):
        if page.head(count).equals(tail.tail(count)):
            return page[count:]
    return page
