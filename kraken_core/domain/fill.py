"""Fills: made when candles are read, only on request, flagged, and never stored (domain rule 8)."""

from __future__ import annotations

import polars as pl

from kraken_core.domain.candles import PRICES, TIME
from kraken_core.domain.timerange import TimeRanges


def filled(previous: pl.DataFrame, known: TimeRanges, width: int) -> pl.DataFrame:
    """The candles of a series, and in known slots without one the close before it, flagged in ``filled``.

    ``known``: covered ranges in epoch seconds, of slots of ``width`` seconds. Nothing is carried over what is missing:
    a slot without trades before the first candle of its covered range stays absent.
    """
    runs = pl.DataFrame(list(known), schema={"start": pl.Int64, "end": pl.Int64}, orient="row").with_row_index("run")
    times = (
        runs.select("run", pl.int_ranges("start", "end", width).alias("time"))
        .explode("time", empty_as_null=False)
        .with_columns(pl.from_epoch("time").cast(TIME))
    )
    return (
        times.join(previous, on="time", how="full", coalesce=True)
        .sort("time")
        .with_columns(
            pl.col("pair", "interval_minutes").forward_fill().over("run"),
            pl.col("close").forward_fill().over("run").alias("before"),
            filled=pl.col("close").is_null(),
        )
        .with_columns(
            *(pl.col(price).fill_null(pl.col("before")) for price in PRICES),
            pl.when("filled").then(0.0).otherwise("volume").alias("volume"),
            pl.when("filled").then(0).otherwise("trades").cast(pl.Int32).alias("trades"),
        )
        .drop_nulls("close")
        .drop("run", "before")
    )
