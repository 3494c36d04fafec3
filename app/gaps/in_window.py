"""Gaps of a window: those that reach into it, whole or as far as they do."""

from __future__ import annotations

import polars as pl

from kraken_core.domain.timerange import TimeRange

_WIDTH = 60 * pl.col("interval_minutes").cast(pl.Int64)


def inside(gaps: pl.DataFrame, at: TimeRange) -> pl.DataFrame:
    """The gaps that reach into the window, each whole."""
    return gaps.filter((pl.col("start") < at.end) & (pl.col("end") > at.start))


def candles_inside(gaps: pl.DataFrame, at: TimeRange) -> pl.DataFrame:
    """The same, of which ``candles`` are those whose slots reach into the window."""
    first = pl.max_horizontal("start", at.start) // _WIDTH
    last = -(-pl.min_horizontal("end", at.end) // _WIDTH)
    return inside(gaps, at).with_columns(candles=last - first)


def reach_out(gaps: pl.DataFrame, at: TimeRange) -> int:
    """How many of the gaps go on outside of the window."""
    return gaps.filter((pl.col("start") < at.start) | (pl.col("end") > at.end)).height
