"""Trades of which some become visible long after they were made, and what is claimed of what a live tape gave."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from operator import attrgetter
from typing import NamedTuple

import polars as pl

from kraken_core.domain.exchange import NS
from kraken_core.domain.live_slots import LiveStep
from kraken_core.domain.live_tape import LiveTrade
from kraken_core.domain.timerange import TimeRanges, floor

Row = tuple[float, ...]  # open, high, low, close, volume, trades
_LATE_S = (150, 600, 3000, 5000, 12_000)  # after it was made, more than the time in which trades settle


class SeenTrade(NamedTuple):
    """A trade and when it became visible: ids go by that. Epoch seconds."""

    trade: LiveTrade
    seen: float


def trades_with_late_ones(chance: random.Random, start: int, hours: int, late: float) -> list[SeenTrade]:
    """Some a minute at most, as they became visible; a share of them is ``late``."""
    at, made = float(start), []
    while (at := at + chance.choice((7, 31, 200))) < start + hours * 3600:
        delay = chance.choice(_LATE_S) if chance.random() < late else 0
        made.append((at + delay, at, chance.randint(90, 110)))
    return [
        SeenTrade(LiveTrade(number, round(at * NS), float(price), Decimal(1)), seen)
        for number, (seen, at, price) in enumerate(sorted(made), start=1)
    ]


@dataclass
class ClaimedSlots:
    """What was committed, as a ledger and a table have it: the slots that are claimed, None where none traded."""

    slots: dict[tuple[int, int], Row | None] = field(default_factory=dict)
    withdrawn: dict[int, TimeRanges] = field(default_factory=dict)

    def commit(self, step: LiveStep) -> None:
        """What is wrong becomes a gap first; a candle is of a slot that is claimed, now or before."""
        for interval, ranges in step.wrong.items():
            self.withdrawn[interval] = self.withdrawn.get(interval, TimeRanges()) | ranges
            for start, end in ranges:
                for slot in range(start, end, interval * 60):
                    self.slots.pop((interval, slot), None)
        for interval, known, candles in step.slots:
            self.slots |= {(interval, slot): None for slot in range(*known, interval * 60)}
            columns = ("open", "high", "low", "close", "volume", "trades")
            for slot, *row in candles.select(pl.col("time").dt.epoch("s"), *columns).iter_rows():
                assert (interval, slot) in self.slots, "a candle of a slot that was never given, or is open"
                self.slots[interval, slot] = tuple(row)

    def of(self, interval: int) -> TimeRanges:
        """The slots of an interval that are claimed."""
        return TimeRanges.of((slot, slot + of * 60) for of, slot in self.slots if of == interval)

    def untrue(self, trades: Iterable[LiveTrade]) -> dict[tuple[int, int], tuple[Row | None, Row | None]]:
        """The claimed slots that are not what these trades make, and both candles."""
        by_time, truth = sorted(trades, key=attrgetter("time")), dict[tuple[int, int], list[LiveTrade]]()
        for interval in {interval for interval, _ in self.slots}:
            for trade in by_time:
                truth.setdefault((interval, floor(trade.time // NS, interval * 60)), []).append(trade)
        both = {key: (row, _candle(truth.get(key, ()))) for key, row in self.slots.items()}
        return {key: rows for key, rows in both.items() if rows[0] != rows[1]}


def _candle(trades: Sequence[LiveTrade]) -> Row | None:
    if not trades:
        return None
    prices = [each.price for each in trades]
    return prices[0], max(prices), min(prices), prices[-1], float(sum(each.volume for each in trades)), len(trades)
