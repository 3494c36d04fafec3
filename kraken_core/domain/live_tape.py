"""A pair's trades as they happen: which slots they make whole, and prove (domain rules 4 and 15).

A stream may lose trades, repeat them and mix up their order. Their ids are consecutive, so that nothing is given of a
slot before every trade of it was received: where an id is missing, what follows waits for it. Where an id was used for
two trades, the ids prove nothing, and it begins anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

import polars as pl

from kraken_core.domain.exchange import NS
from kraken_core.domain.live_slots import GivenSlots, LiveStep
from kraken_core.domain.market import Pair
from kraken_core.domain.timerange import TimeRange, floor
from kraken_core.domain.trade_ids import Skipped
from kraken_core.domain.trade_spans import TradeSpan
from kraken_core.domain.trades import PAGE

MICROSECOND = 1_000  # nanoseconds: streams give no more of a time than that
MILLISECOND = 1_000_000
MOST_WAITING = 50_000  # trades behind a missing one, or of which nothing could be committed
PASSED_S = 600  # for so long what came under an id is compared with what comes under it again


class LiveTrade(NamedTuple):
    """A trade of a stream or a page: ``time`` in nanoseconds, ``volume`` exact, ``kind`` as in PAGE, "" if unknown."""

    id: int
    time: int
    price: float
    volume: Decimal
    kind: str = ""

    def is_same(self, other: LiveTrade) -> bool:
        """Whether both are one trade: a stream and a page cut times differently, and either may omit the kind."""
        mine, theirs = (self.price, float(self.volume)), (other.price, float(other.volume))
        return mine == theirs and abs(self.time - other.time) < MILLISECOND


def live_trades(page: pl.DataFrame) -> list[LiveTrade]:
    """The trades of a page (PAGE) that have an id, their times cut to what a stream gives."""
    rows = page.select("id", "time", "price", "volume", "kind").rows()
    return [LiveTrade(number, at - at % MICROSECOND, *rest) for number, at, *rest in rows if number]


@dataclass(slots=True)
class LiveTape:
    """The trades received of a pair, for slots of some intervals (minutes, the finest first).

    ``last`` is the newest trade before which none is missing since ``since`` (nanoseconds). ``late`` counts trades that
    came when their slot was given, ``skipped`` ids that do not exist, as far as is known.
    """

    pair: Pair
    intervals: tuple[int, ...]
    settling_s: int
    last: LiveTrade | None = None
    since: int = 0
    late: int = 0
    skipped: int = 0
    _reached: int = 0  # the latest time of a trade up to ``last``
    _waiting: dict[int, LiveTrade] = field(default_factory=dict)
    _fresh: list[LiveTrade] = field(default_factory=list)  # of which nothing was given
    _given: GivenSlots = field(init=False)
    _given_before: int = 0  # up to where slots of the finest interval were given when it began
    _late: set[int] = field(default_factory=set)  # slots of the finest interval that were given without a trade
    _first: int = 0  # the id at which it began
    _passed: dict[int, LiveTrade] = field(default_factory=dict)  # the newest trades up to ``last``

    def __post_init__(self) -> None:
        self._given = GivenSlots.begin(self.intervals, 0)

    def receive(self, trades: Iterable[LiveTrade]) -> None:
        """Trades in any order, received before or not."""
        for trade in trades:
            if self.last and trade.id <= self.last.id:
                if self._is_another(trade):
                    self._begin(trade)
            elif trade.id:
                waiting = self._waiting.setdefault(trade.id, trade)
                if not waiting.is_same(trade):
                    self._begin(trade)
        if self._waiting and (self.last is None or len(self._waiting) > MOST_WAITING):
            self._begin(self._waiting[min(self._waiting)])
        self._advance()

    def _is_another(self, trade: LiveTrade) -> bool:
        """Whether a trade is another one than that which came under its id before: the numbering begins again."""
        settling = self.settling_s * NS
        if trade.id < self._first:
            return trade.time > self.since + settling
        known = self._passed.get(trade.id)
        return not known.is_same(trade) if known else trade.time > self._reached - PASSED_S * NS

    @property
    def hole(self) -> Skipped | None:
        """The first ids that are missing, where trades behind them were received."""
        if not self._waiting or not self.last:
            return None
        behind = min(self._waiting)
        return Skipped(self.last.id + 1, behind - 1, self.last.time, self._waiting[behind].time)

    def skip(self) -> None:
        """Go on behind the missing ids: no slot around them is given, as it would not be proved."""
        if hole := self.hole:
            self.skipped += hole.last - hole.first + 1
            self._begin(self._waiting[min(self._waiting)])
            self._advance()

    def give(self, now: int) -> LiveStep | None:
        """What is whole, proved and settled by an instant (epoch seconds), and not committed yet.

        The same is given again until ``committed`` is called, before anything else is received.
        """
        if not self.last:
            return None
        until = min(self._reached // NS, now - self.settling_s)
        known = TimeRange(self._given.end, max(self._given.end, floor(until, self.intervals[0] * 60)))
        if known.start == known.end and not self._late:
            return None
        taken = [trade for trade in self._fresh if trade.time < known.end * NS]
        rows = [(each.time, each.price, each.volume, each.id, each.kind) for each in taken]
        trades = pl.DataFrame(rows, schema=PAGE, orient="row")
        again, wrong = self._given.sort_late(self._late, now)
        given, slots = self._given.give(self.pair, trades, until, again)
        return LiveStep(slots, self._span(known, taken), trades, wrong, given)

    def committed(self, step: LiveStep) -> None:
        """What was given last is stored: it is given no more, but where a trade comes late."""
        self._given = step.given
        self._fresh = [trade for trade in self._fresh if trade.time >= step.given.end * NS]
        self._late.clear()
        oldest = self._reached - PASSED_S * NS
        self._passed = {number: trade for number, trade in self._passed.items() if trade.time >= oldest}

    def _span(self, given: TimeRange, taken: list[LiveTrade]) -> TradeSpan:
        inside = [trade for trade in taken if trade.time >= given.start * NS]
        if not inside:
            return TradeSpan(self.pair, *given, None, None, whole=False, phantoms=0)
        return TradeSpan(self.pair, *given, inside[0].id, inside[-1].id, whole=True, phantoms=0)

    def _begin(self, trade: LiveTrade) -> None:
        """Anew at a trade: what was traded by then, or by an earlier numbering, is not known to be whole."""
        behind, left_out = self._reached - trade.time, [t for n, t in self._waiting.items() if n <= trade.id]
        reached = max(self._reached, trade.time, *(each.time for each in left_out))
        self._given_before = self._given.end
        self._given = GivenSlots.begin(self.intervals, max(self._given.end, reached // NS + 1))
        self.last, self.since, self._reached = trade, trade.time, trade.time
        self._first, self._passed = trade.id, {trade.id: trade}
        self._waiting = {number: each for number, each in self._waiting.items() if number > trade.id}
        self._fresh.clear()
        for each in (trade, *left_out):
            self._look_at(each, behind)

    def _advance(self) -> None:
        while self.last and (trade := self._waiting.pop(self.last.id + 1, None)):
            behind, self._reached = self._reached - trade.time, max(self._reached, trade.time)
            self.last = self._passed[trade.id] = trade
            self._fresh.append(trade)
            self._look_at(trade, behind)
            if len(self._fresh) > MOST_WAITING:
                self._begin(trade)

    def _look_at(self, trade: LiveTrade, behind: int) -> None:
        """Whether the slot of the newest trade was given without it; it is ``behind`` an earlier one (nanoseconds)."""
        slot = floor(trade.time // NS, self.intervals[0] * 60)
        begun, end = self._given.begun, self._given.end
        given = slot < self._given_before or begun <= slot < end
        if given or (slot < begun and behind > self.settling_s * NS):
            self._late.add(slot)
        self.late += given


def longest_waiting(tapes: Mapping[Pair, LiveTape]) -> list[LiveTape]:
    """Those with missing ids, whose trades behind them are the oldest first: these hold up the most."""
    waiting = [(hole.until, tape) for tape in tapes.values() if (hole := tape.hole)]
    return [tape for _, tape in sorted(waiting, key=lambda each: each[0])]
