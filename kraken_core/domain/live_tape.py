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
from kraken_core.domain.market import Pair
from kraken_core.domain.timerange import TimeRange, TimeRanges, ceil, floor
from kraken_core.domain.trade_ids import Skipped
from kraken_core.domain.trade_spans import TradeSpan
from kraken_core.domain.trades import PAGE, PARTS, TradeCandles, coarser, merge, partial

MICROSECOND = 1_000  # nanoseconds: streams give no more of a time than that
MILLISECOND = 1_000_000
MOST_WAITING = 50_000  # trades behind a missing one
KEPT_S = 3600  # of trades are kept, for one that comes later than the settling time
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


class LiveSlots(NamedTuple):
    """Slots of an interval (minutes) that are whole: candles (FULL_SCHEMA) of ``known``, and of slots given before.

    The latter where a trade came later than it should.
    """

    interval: int
    known: TimeRange
    candles: pl.DataFrame


class LiveStep(NamedTuple):
    """What became whole: slots by interval, what was seen of the ids, and the trades (PAGE) that took.

    ``wrong`` are slots of the finest interval that were given, or known before, without a trade that came so late that
    they cannot be given again.
    """

    slots: tuple[LiveSlots, ...]
    span: TradeSpan
    trades: pl.DataFrame
    wrong: TimeRanges


def live_trades(page: pl.DataFrame) -> list[LiveTrade]:
    """The trades of a page (PAGE) that have an id, their times cut to what a stream gives."""
    rows = page.select("id", "time", "price", "volume", "kind").rows()
    return [LiveTrade(number, at - at % MICROSECOND, *rest) for number, at, *rest in rows if number]


@dataclass(slots=True)
class LiveTape:
    """The trades received of a pair, for slots of some intervals (minutes).

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
    _fresh: list[LiveTrade] = field(default_factory=list)
    _parts: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=PARTS))
    _done: dict[int, int] = field(default_factory=dict)  # up to where slots were given or left out, by interval
    _again: set[int] = field(default_factory=set)  # slots that were given without one of their trades
    _wrong: set[int] = field(default_factory=set)  # those of them that are kept no longer
    _first: int = 0  # the id at which it began
    _passed: dict[int, LiveTrade] = field(default_factory=dict)  # the newest trades up to ``last``

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
        """What is whole, proved and settled by an instant (epoch seconds), and was not given before."""
        if not self.last:
            return None
        finest, until = self.intervals[0], min(self._reached // NS, now - self.settling_s)
        start, end = self._done[finest], floor(until, finest * 60)
        if end <= start and not self._again and not self._wrong:
            return None
        end = max(end, start)
        taken = [trade for trade in self._fresh if trade.time < end * NS]
        self._fresh = [trade for trade in self._fresh if trade.time >= end * NS]
        rows = [(each.time, each.price, each.volume, each.id, each.kind) for each in taken]
        trades = pl.DataFrame(rows, schema=PAGE, orient="row")
        if taken:
            self._parts = merge((self._parts, partial(trades, finest)))
        slots = tuple(slots for interval in self.intervals if (slots := self._slots(interval, until)))
        kept_from = min(*self._done.values(), end - KEPT_S)
        # In one piece: else each minute of an open day is one of its own in every column, and all is slower by it.
        self._parts = self._parts.filter(pl.col("time") >= kept_from).rechunk()
        self._again.clear()
        wrong = TimeRanges.of((slot, slot + finest * 60) for slot in self._wrong)
        self._wrong.clear()
        oldest = self._reached - PASSED_S * NS
        self._passed = {number: trade for number, trade in self._passed.items() if trade.time >= oldest}
        return LiveStep(slots, self._span(TimeRange(start, end), taken), trades, wrong)

    def _slots(self, interval: int, until: int) -> LiveSlots | None:
        width = interval * 60
        start, end = self._done[interval], max(self._done[interval], floor(until, width))
        again = {floor(slot, width) for slot in self._again} if self._again else set()
        again = {slot for slot in again if slot < start}
        if end == start and not again:
            return None
        self._done[interval] = end
        slot = pl.col("time") // width * width
        parts = self._parts.filter(slot.is_between(start, end, closed="left") | slot.is_in(sorted(again)))
        parts = parts if interval == self.intervals[0] else coarser(parts, interval)
        making = TradeCandles(self.pair, (interval,), parts)
        return LiveSlots(interval, TimeRange(start, end), making.candles()[interval])

    def _span(self, given: TimeRange, taken: list[LiveTrade]) -> TradeSpan:
        inside = [trade for trade in taken if trade.time >= given.start * NS]
        if not inside:
            return TradeSpan(self.pair, *given, None, None, whole=False, phantoms=0)
        return TradeSpan(self.pair, *given, inside[0].id, inside[-1].id, whole=True, phantoms=0)

    def _begin(self, trade: LiveTrade) -> None:
        """Anew at a trade: what was traded before it is not known to be whole."""
        self.last, self.since, self._reached = trade, trade.time, trade.time
        self._first, self._passed = trade.id, {trade.id: trade}
        self._waiting = {number: each for number, each in self._waiting.items() if number > trade.id}
        self._fresh.clear()
        self._again.clear()
        first = self.since // NS + 1
        self._done = {
            interval: max(ceil(first, interval * 60), self._done.get(interval, 0)) for interval in self.intervals
        }

    def _advance(self) -> None:
        while self.last and (trade := self._waiting.pop(self.last.id + 1, None)):
            behind, self._reached = self._reached - trade.time, max(self._reached, trade.time)
            self.last = self._passed[trade.id] = trade
            self._fresh.append(trade)
            self._look_at(floor(trade.time // NS, self.intervals[0] * 60), behind)

    def _look_at(self, slot: int, behind: int) -> None:
        """Whether a slot was given without its newest trade, which is ``behind`` an earlier one (nanoseconds)."""
        given = self.since // NS < slot < self._done[self.intervals[0]]
        if given and slot >= self._kept_from:
            self._again.add(slot)
        elif given or (slot < self.since // NS and behind > self.settling_s * NS):
            self._wrong.add(slot)
        self.late += given

    @property
    def _kept_from(self) -> int:
        """From when on all trades of slots are kept, so that these can be given again."""
        return self._done[self.intervals[0]] - KEPT_S


def longest_waiting(tapes: Mapping[Pair, LiveTape]) -> list[LiveTape]:
    """Those with missing ids, whose trades behind them are the oldest first: these hold up the most."""
    waiting = [(hole.until, tape) for tape in tapes.values() if (hole := tape.hole)]
    return [tape for _, tape in sorted(waiting, key=lambda each: each[0])]
