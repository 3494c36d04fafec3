"""What Workbench hands out: pandas DataFrames. Pandas, slow to load, is loaded by the first of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from kraken_core.domain.candles import PRICES, TIME
from kraken_core.domain.timerange import TimeRanges

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = (*PRICES, "volume", "trades", "source")


def candles(held: pl.DataFrame) -> pd.DataFrame:
    """Candles indexed by time: open, high, low, close, volume, trades (Int32), source."""
    return pandas(held.select("time", *_COLUMNS)).astype({"trades": "Int32"}).set_index("time")


def filled(held: pl.DataFrame, known: TimeRanges, width: int) -> pd.DataFrame:
    """The candles, and in known slots without one the close before it, flagged in ``filled``.

    ``known``: covered ranges in epoch seconds, of slots of ``width`` seconds. Nothing is carried over what is missing:
    a silent slot before the first candle of its covered range stays absent.
    """
    slots = [(at, run) for run, (start, end) in enumerate(known) for at in range(start, end, width)]
    times = pl.DataFrame(slots, schema={"time": pl.Int64, "run": pl.Int64}, orient="row")
    every = (
        times.with_columns(pl.from_epoch("time").cast(TIME))
        .join(held, on="time", how="full", coalesce=True)
        .sort("time")
        .with_columns(pl.col("close").forward_fill().over("run").alias("before"), filled=pl.col("close").is_null())
        .with_columns(
            *(pl.col(price).fill_null(pl.col("before")) for price in PRICES),
            pl.when("filled").then(0.0).otherwise("volume").alias("volume"),
            pl.when("filled").then(0).otherwise("trades").cast(pl.Int32).alias("trades"),
        )
        .drop_nulls("close")
    )
    return pandas(every.select("time", *_COLUMNS, "filled")).astype({"trades": "Int32"}).set_index("time")


def table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, Any]) -> pd.DataFrame:
    """Contract rows as a DataFrame; ``columns`` gives their polars types, times among them as UTC timestamps."""
    texts = {name: pl.String if kind == TIME else kind for name, kind in columns.items()}
    frame = pl.DataFrame([[row[name] for name in columns] for row in rows], schema=texts, orient="row")
    times = [name for name, kind in columns.items() if kind == TIME]
    return pandas(frame.with_columns(pl.col(times).str.to_datetime("%Y-%m-%dT%H:%M:%SZ").dt.replace_time_zone("UTC")))


def pandas(frame: pl.DataFrame) -> pd.DataFrame:
    """The same in pandas."""
    result: pd.DataFrame = frame.to_arrow().to_pandas()
    return result
