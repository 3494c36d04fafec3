"""Candles of an asset under several names as one series, every row flagged with its pair (domain rule 17)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from kraken_core.domain.averages import VWAP
from kraken_core.domain.candles import PRICES
from kraken_core.domain.timerange import TimeRange, ceil, floor

if TYPE_CHECKING:
    from kraken_core.domain.identities import NamePeriod
    from kraken_core.domain.market import Pair

ORIGIN, FACTOR = "origin", "factor"


def part(period: NamePeriod, window: TimeRange, width: int) -> TimeRange:
    """The slots of ``width`` seconds of a window that lie in a period as a whole.

    Periods begin at whole days. So only slots that do not divide a day can lie across two of them: those are of
    neither.
    """
    first, end = ceil(period.start, width), floor(period.end, width)
    return TimeRange(max(first, window.start), max(first, window.start, min(end, window.end)))


def rescaled(candles: pl.DataFrame, period: NamePeriod, pair: Pair) -> pl.DataFrame:
    """Candles of a period in the units of ``pair``, flagged with their own pair (``origin``) and ``factor`` (float64).

    Prices times the factor, volumes divided by it; with the factor 1 they are what is stored, to the bit.
    """
    columns = [pl.lit(str(pair)).alias("pair")] if "pair" in candles.columns else []
    if period.factor != 1:
        prices = (name for name in (*PRICES, VWAP) if name in candles.columns)
        columns += [pl.col(price) * float(period.factor) for price in prices]
        columns += [pl.col("volume") * float(1 / period.factor)]
    return candles.with_columns(
        *columns,
        pl.lit(str(period.pair)).alias(ORIGIN),
        pl.lit(float(period.factor), pl.Float64).alias(FACTOR),
    )
