"""Bars: what some trades that follow each other make together, by time, by their number, volume or value.

A bar of ticks, volume or value ends with the trade that reaches its size: no trade is cut in two, so that bars have all
trades, each once, and all of their volume. Sums are exact: whole numbers of the smallest units, up to the last step.
"""

from __future__ import annotations

from bisect import bisect_left
from decimal import Decimal
from enum import StrEnum
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from kraken_core.domain.candles import VOLUME_DECIMALS
from kraken_core.domain.exchange import NS
from kraken_core.domain.kept_trades import PRICE_DECIMALS
from kraken_core.domain.timerange import TimeRanges

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

_OF_TRADES = (  # the values of a bar, of its trades in order
    pl.first("price").alias("open"),
    pl.max("price").alias("high"),
    pl.min("price").alias("low"),
    pl.last("price").alias("close"),
    pl.sum("volume"),
    pl.len().cast(pl.Int64).alias("trades"),
)
# ``time`` is when a bar begins, ``end`` the time of its last trade; of bars of time, those of its slot. ``complete``:
# no trade is missing in it, and it has reached its size.
BARS: dict[str, pl.DataType | type[pl.DataType]] = {
    "time": pl.Datetime("ns", "UTC"),
    "end": pl.Datetime("ns", "UTC"),
    "open": pl.Float64,
    "high": pl.Float64,
    "low": pl.Float64,
    "close": pl.Float64,
    "volume": pl.Float64,
    "quote_volume": pl.Float64,
    "vwap": pl.Float64,
    "trades": pl.Int64,
    "complete": pl.Boolean,
}
_UNITS = 10**VOLUME_DECIMALS
_VALUE_UNITS = 10 ** (PRICE_DECIMALS + VOLUME_DECIMALS)


class BarKind(StrEnum):
    """By what trades are put into bars: ``size`` is of seconds, trades, the base asset, or the quote asset."""

    TIME = "time"
    TICK = "tick"
    VOLUME = "volume"
    DOLLAR = "dollar"


def bars(trades: pl.DataFrame, kind: BarKind, size: Decimal, known: TimeRanges) -> pl.DataFrame:
    """BARS of kept trades of one pair (KEPT, in order), of which none is missing in the ranges ``known``.

    Bars of time begin at slots aligned to the epoch; slots without a trade have none. A last bar of another kind that
    has not reached its size is not complete.
    """
    units, values = _units(trades["volume"]), _values(trades)
    if kind is BarKind.TIME:
        width = int(size * NS)
        made = _made(trades, trades["time"].to_numpy() // width, units, values)
        made = made.with_columns(time=pl.col("number") * width, end=(pl.col("number") + 1) * width)
        complete = _inside(known, made["time"], made["end"] - 1)
    else:
        amounts = {BarKind.VOLUME: units, BarKind.DOLLAR: values}.get(kind, [1] * trades.height)
        scale = {BarKind.VOLUME: _UNITS, BarKind.DOLLAR: _VALUE_UNITS}.get(kind, 1)
        numbers, whole = _reaching(amounts, int(size * scale))
        made = _made(trades, np.array(numbers, dtype=np.int64), units, values)
        complete = _inside(known, made["time"], made["end"])
        complete[made.height - 1 :] &= whole
    times = (pl.from_epoch(name, time_unit="ns").dt.replace_time_zone("UTC") for name in ("time", "end"))
    return made.with_columns(*times, complete=pl.Series(complete)).select(
        pl.col(name).cast(dtype) for name, dtype in BARS.items()
    )


def _made(trades: pl.DataFrame, number: Ints, units: list[int], values: list[int]) -> pl.DataFrame:
    """The bars of numbered trades."""
    price = pl.col("price").cast(pl.String).cast(pl.Float64)
    numbered = trades.lazy().select("time", price, "volume", number=pl.Series(number))
    found = (
        numbered.group_by("number", maintain_order=True)
        .agg(
            pl.first("time"),
            pl.last("time").alias("end"),
            *_OF_TRADES,
        )
        .collect()
    )
    ends = np.cumsum(found["trades"].to_numpy()).tolist()
    begins = [0, *ends][:-1]
    volumes = [sum(units[a:b]) for a, b in zip(begins, ends, strict=True)]
    amounts = [sum(values[a:b]) for a, b in zip(begins, ends, strict=True)]
    rates = (v * _UNITS / (u * _VALUE_UNITS) if u else None for u, v in zip(volumes, amounts, strict=True))
    return found.with_columns(
        volume=pl.Series([u / _UNITS for u in volumes], dtype=pl.Float64),
        quote_volume=pl.Series([v / _VALUE_UNITS for v in amounts], dtype=pl.Float64),
        vwap=pl.Series(list(rates), dtype=pl.Float64),
    )


def _units(volumes: pl.Series) -> list[int]:
    """Volumes in units of their last digit."""
    found: list[int] = volumes.to_physical().to_list()
    return found


def _values(trades: pl.DataFrame) -> list[int]:
    """Price times volume, in units of the last digits of both."""
    return [p * v for p, v in zip(_units(trades["price"]), _units(trades["volume"]), strict=True)]


def _reaching(amounts: list[int], size: int) -> tuple[list[int], bool]:
    """The number of each trade's bar, where every bar reaches the size; and whether the last one does."""
    totals = list(accumulate(amounts))
    numbers: list[int] = []
    begin, base, bar = 0, 0, 0
    while begin < len(totals):
        place = bisect_left(totals, base + size, begin)  # of the trade that reaches it
        end = min(place + 1, len(totals))
        numbers += [bar] * (end - begin)
        if place == len(totals):
            return numbers, False
        begin, base, bar = end, totals[place], bar + 1
    return numbers, True


def _inside(known: TimeRanges, first: pl.Series, last: pl.Series) -> NDArray[np.bool_]:
    """Whether no bound of the known ranges lies between two times (nanoseconds), and both are inside."""
    bounds = np.array(known.bounds, dtype=np.int64)
    starts, ends = (np.searchsorted(bounds, each.to_numpy() // NS, side="right") for each in (first, last))
    inside: NDArray[np.bool_] = (starts % 2 == 1) & (starts == ends)
    return inside
