"""From trades to candles, exactly, however the trades are cut into pages (domain rules 4, 6 and 7).

A slot's part is what some of its trades make of it. Parts of one slot join to one, in whatever portions they come, so
that a sweep of ten thousand pages and a file of a hundred million rows need no more memory than their slots. Volumes
stay decimals until the last step, and so do amounts (price times volume), as whole numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import polars as pl

from kraken_core.domain.candles import FULL_SCHEMA, TIME, VOLUME_DECIMALS, Source, rank_of
from kraken_core.domain.exact_numbers import WHOLE, quotients, sums, whole_numbers
from kraken_core.domain.exchange import NS
from kraken_core.domain.market import INTERVALS, Pair
from kraken_core.domain.trade_averages import AMOUNT, amounts, averages

API_RANK = rank_of(Source.TRADES)  # of trades that the API answered: they have no vintage
_US = 1_000_000  # microseconds a second
_UNIT = pl.Series([Decimal(1).scaleb(-VOLUME_DECIMALS)], dtype=pl.Decimal(38, VOLUME_DECIMALS))  # the last digit
_ONE = pl.Series([10**VOLUME_DECIMALS], dtype=WHOLE)  # of volume, in its units
# A frame of trades of one pair, in the order they happened. ``time`` in nanoseconds since the epoch, ``volume`` exact,
# ``id`` null where the source has none.
TRADES: dict[str, pl.DataType | type[pl.DataType]] = {
    "time": pl.Int64,
    "price": pl.Float64,
    "volume": pl.Decimal(38, VOLUME_DECIMALS),
    "id": pl.Int64,
}
# The same of an answer of the API. ``kind``: by which side, and which order (``bl``, ``sm``); id 0 is unknown too.
PAGE: dict[str, pl.DataType | type[pl.DataType]] = {**TRADES, "kind": pl.String}
# A slot's part: ``time`` is the slot's open in epoch seconds, ``first`` and ``last`` are when its first and last trade
# happened, in epoch nanoseconds; ``amount`` (see trade_averages) is null where one of its trades has none. Frames of
# parts are sorted by time, with each slot once.
PARTS: dict[str, pl.DataType | type[pl.DataType]] = {
    "time": pl.Int64,
    "open": pl.Float64,
    "high": pl.Float64,
    "low": pl.Float64,
    "close": pl.Float64,
    "volume": pl.Decimal(38, VOLUME_DECIMALS),
    "trades": pl.Int64,
    "first": pl.Int64,
    "last": pl.Int64,
    "amount": AMOUNT,
}
# The amount of several together.
_AMOUNT = pl.when(~pl.col("amount").has_nulls()).then(pl.sum("amount")).alias("amount")


def partial(trades: pl.DataFrame, interval: int) -> pl.DataFrame:
    """The parts of slots of ``interval`` minutes that trades of one pair make: TRADES to PARTS.

    Trades are taken in the order of their times; of those at one time, in the order of the frame.
    """
    if not trades.height:
        return pl.DataFrame(schema=PARTS)
    if not trades["time"].is_sorted():
        trades = trades.sort("time", maintain_order=True)
    times, prices = trades["time"].to_numpy(), trades["price"].to_numpy()
    slots = times // (interval * 60 * NS)
    begins = np.append(0, np.flatnonzero(slots[1:] != slots[:-1]) + 1)
    ends = np.append(begins[1:], len(times))
    units = whole_numbers(trades["volume"].to_physical())
    return pl.DataFrame(
        {
            "time": slots[begins] * (interval * 60),
            "open": prices[begins],
            "high": np.maximum.reduceat(prices, begins),
            "low": np.minimum.reduceat(prices, begins),
            "close": prices[ends - 1],
            "volume": sums(units, begins).cast(pl.Decimal(38, 0)) * _UNIT,
            "trades": ends - begins,
            "first": times[begins],
            "last": times[ends - 1],
            "amount": amounts(trades["price"], units, begins),
        },
        schema=PARTS,
    )


def merge(parts: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Frames of PARTS of one interval as one, associatively; of trades at one time, an earlier frame's come first."""
    both = pl.concat([pl.DataFrame(schema=PARTS), *parts])
    if both["time"].is_sorted() and both["time"].is_first_distinct().all():
        return both
    firsts, lasts = (both.lazy().sort("time", edge, maintain_order=True) for edge in ("first", "last"))
    closes = lasts.group_by("time", maintain_order=True).agg(pl.last("close"), pl.last("last"))
    return (
        firsts.group_by("time", maintain_order=True)
        .agg(
            pl.first("open", "first"),
            pl.max("high"),
            pl.min("low"),
            pl.sum("volume", "trades"),
            _AMOUNT,
        )
        .join(closes, on="time", maintain_order="left")
        .select(*PARTS)
        .collect()
    )


def coarser(parts: pl.DataFrame, interval: int) -> pl.DataFrame:
    """The parts of slots of ``interval`` minutes, from those of an interval that divides it."""
    width = interval * 60
    return (
        parts.lazy()
        .with_columns((pl.col("time") // width * width).set_sorted())
        .group_by("time", maintain_order=True)
        .agg(
            pl.first("open", "first"),
            pl.max("high"),
            pl.min("low"),
            pl.last("close", "last"),
            pl.sum("volume", "trades"),
            _AMOUNT,
        )
        .select(*PARTS)
        .collect()
    )


@dataclass(frozen=True, slots=True)
class TradeCandles:
    """The candles of one pair in the making, at some intervals: all trades added so far, as ``parts`` of the finest."""

    pair: Pair
    intervals: tuple[int, ...]
    parts: pl.DataFrame

    @classmethod
    def empty(cls, pair: Pair, intervals: Iterable[int] = INTERVALS) -> TradeCandles:
        """None yet, of these intervals (minutes, of the eight)."""
        return cls(pair, tuple(sorted(intervals)), pl.DataFrame(schema=PARTS))

    @property
    def finest(self) -> int:
        """The interval of ``parts``: it divides all others."""
        return self.intervals[0]

    def add(self, *pages: pl.DataFrame) -> TradeCandles:
        """With frames of TRADES that follow in the order of the tape, none of them repeated."""
        return self.join(*(partial(page, self.finest) for page in pages))

    def join(self, *parts: pl.DataFrame) -> TradeCandles:
        """With PARTS of the finest interval that follow."""
        return TradeCandles(self.pair, self.intervals, merge((self.parts, *parts)))

    def split(self, instant: int) -> tuple[TradeCandles, TradeCandles]:
        """What lies before an instant and what from it on: epoch seconds, a slot's open at the coarsest interval."""
        before = pl.col("time") < instant
        return (
            TradeCandles(self.pair, self.intervals, self.parts.filter(before)),
            TradeCandles(self.pair, self.intervals, self.parts.filter(~before)),
        )

    def each(self, rank: int = API_RANK) -> Iterator[tuple[int, pl.DataFrame]]:
        """Each interval, finest first, and its candles: FULL_SCHEMA, by time. One frame is in memory at a time."""
        parts = self.parts
        for interval in self.intervals:
            parts = parts if interval == self.finest else coarser(parts, interval)
            yield interval, self._candles(parts, interval, rank)

    def candles(self, rank: int = API_RANK) -> dict[int, pl.DataFrame]:
        """All of :meth:`each`."""
        return dict(self.each(rank))

    def _candles(self, parts: pl.DataFrame, interval: int, rank: int) -> pl.DataFrame:
        return parts.select(
            pl.lit(str(self.pair)).alias("pair"),
            pl.lit(interval, pl.Int32).alias("interval_minutes"),
            (pl.col("time") * _US).cast(TIME),
            *("open", "high", "low", "close"),
            quotients(parts["volume"].to_physical(), _ONE).alias("volume"),  # the doubles nearest to the exact sums
            pl.col("trades").cast(pl.Int32),
            pl.lit(Source.TRADES.value).alias("source"),
            pl.lit(rank, pl.Int64).alias("rank"),
            averages(parts),
        ).select(*FULL_SCHEMA)
