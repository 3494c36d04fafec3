"""Which slots a live tape gave, and of which it still has all trades, so that they can be given again.

Nothing here changes: what could not be committed is given again from what was known before.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Self

import polars as pl

from kraken_core.domain.market import Pair
from kraken_core.domain.timerange import TimeRange, TimeRanges, ceil, floor
from kraken_core.domain.trade_spans import TradeSpan
from kraken_core.domain.trades import PARTS, TradeCandles, coarser, merge, partial

KEPT_S = 3600  # of trades are kept, for one that comes later than the settling time


class LiveSlots(NamedTuple):
    """Slots of an interval (minutes) that are whole: candles (FULL_SCHEMA) of ``known``, and of slots given before.

    The latter where a trade came later than it should.
    """

    interval: int
    known: TimeRange
    candles: pl.DataFrame


class LateSlots(NamedTuple):
    """Opens of slots that were given without a trade, by interval: those that can be given ``again``, and ``wrong``."""

    again: Mapping[int, Collection[int]]
    wrong: Mapping[int, TimeRanges]


@dataclass(frozen=True, slots=True)
class GivenSlots:
    """What was given of a pair, at some intervals (minutes, the finest first).

    Slots up to ``until`` were given, by interval, but for those that began before ``begun``, as their trades are not
    known to be whole. ``parts`` are those of the finest interval since ``kept_from`` (PARTS), which is not before that.
    """

    begun: int
    until: Mapping[int, int]
    kept_from: int
    parts: pl.DataFrame

    @classmethod
    def begin(cls, intervals: Collection[int], instant: int) -> Self:
        """None yet: the first slots are those that begin at an instant or later."""
        until = {interval: ceil(instant, interval * 60) for interval in intervals}
        begun = min(until.values())
        return cls(begun, until, begun, pl.DataFrame(schema=PARTS))

    @property
    def finest(self) -> int:
        """The interval of ``parts``: it divides all others."""
        return min(self.until)

    @property
    def end(self) -> int:
        """Up to where the finest were given."""
        return self.until[self.finest]

    def sort_late(self, slots: Collection[int], now: int) -> LateSlots:
        """What of each interval lacks a trade of these slots of the finest. None does that is yet to be given.

        One is given again where all its parts are kept. Of one that was left out, nothing is wrong before it closes.
        """
        again, wrong = {}, {}
        for interval, until in self.until.items():
            width = interval * 60
            given = {slot for slot in (floor(each, width) for each in slots) if slot < until}
            again[interval] = {slot for slot in given if slot >= self.kept_from}
            lost = TimeRanges.of((slot, slot + width) for slot in given - again[interval] if slot + width <= now)
            if lost:
                wrong[interval] = lost
        return LateSlots(again, wrong)

    def give(
        self, pair: Pair, trades: pl.DataFrame, until: int, again: Mapping[int, Collection[int]]
    ) -> tuple[GivenSlots, tuple[LiveSlots, ...]]:
        """With trades (PAGE) that follow: what was given then, and what is to be given for that."""
        ends = {interval: max(end, floor(until, interval * 60)) for interval, end in self.until.items()}
        parts = merge((self.parts, partial(trades, self.finest))) if trades.height else self.parts
        slots = tuple(
            self._slots(pair, parts, TimeRange(self.until[interval], end), interval, again[interval])
            for interval, end in ends.items()
            if end > self.until[interval] or again[interval]
        )
        kept_from = max(self.kept_from, min(*ends.values(), ends[self.finest] - KEPT_S))
        # In one piece: else each minute of an open day is one of its own in every column, and all is slower by it.
        kept = parts.filter(pl.col("time") >= kept_from).rechunk()
        return GivenSlots(self.begun, ends, kept_from, kept), slots

    def _slots(
        self, pair: Pair, parts: pl.DataFrame, known: TimeRange, interval: int, again: Collection[int]
    ) -> LiveSlots:
        slot = pl.col("time") // (interval * 60) * (interval * 60)
        parts = parts.filter(slot.is_between(*known, closed="left") | slot.is_in(sorted(again)))
        parts = parts if interval == self.finest else coarser(parts, interval)
        return LiveSlots(interval, known, TradeCandles(pair, (interval,), parts).candles()[interval])


class LiveStep(NamedTuple):
    """What became whole: slots by interval, what was seen of the ids, and the trades (PAGE) that took.

    ``wrong`` are slots, by interval, that were given, or known before, without a trade that came so late that they
    cannot be given again. ``given`` is what was given once this is committed.
    """

    slots: tuple[LiveSlots, ...]
    span: TradeSpan
    trades: pl.DataFrame
    wrong: Mapping[int, TimeRanges]
    given: GivenSlots
