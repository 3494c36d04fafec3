"""Candles for tests, written as what matters of them: slot, value, rank and source."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import polars as pl

from kraken_core.domain.candles import FULL_SCHEMA, SCHEMA
from kraken_core.domain.market import Pair, Series


class Row(NamedTuple):
    """A candle whose prices and volume all are ``value``, in slot number ``slot`` of its series since 1970."""

    series: Series
    slot: int
    value: float = 1.0
    rank: int = 1
    source: str = "csv"
    vwap: float | None = None


def frame(rows: Iterable[Row]) -> pl.DataFrame:
    """A frame of candles, sorted as stores take them, with a column of vwap where one has any."""
    rows = list(rows)
    records = [
        {
            "pair": str(row.series.pair),
            "interval_minutes": row.series.interval,
            "time": row.slot * row.series.width * 1_000_000,
            **dict.fromkeys(("open", "high", "low", "close", "volume"), row.value),
            "trades": int(row.value),
            "source": row.source,
            "rank": row.rank,
            "vwap": row.vwap,
        }
        for row in rows
    ]
    columns = FULL_SCHEMA if any(row.vwap is not None for row in rows) else SCHEMA
    records = [{name: record[name] for name in columns} for record in records]
    numbers = {**columns, "time": pl.Int64}
    return pl.DataFrame(records, schema=numbers).cast({"time": SCHEMA["time"]}).sort("pair", "time")


def rows_of(candles: pl.DataFrame) -> list[Row]:
    """What :func:`frame` was given, in the order of the frame."""
    names = ("pair", "interval_minutes", "close", "rank", "source", *({"vwap"} & {*candles.columns}))
    return [
        Row(series := Series(Pair.parse(pair), interval), time // (series.width * 1_000_000), *values)
        for time, pair, interval, *values in candles.select(pl.col("time").to_physical(), *names).iter_rows()
    ]
