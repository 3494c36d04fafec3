"""How much of open gaps (of ``ChartData.gaps``) their routes fill, as far as the last detection knew.

The exchange's candles reach back a while only, and so into a part of a longer gap.
"""

from __future__ import annotations

import polars as pl

from kraken_core.domain.gaps import Route

_BY_CANDLES = pl.col("route") == Route.OHLC
FILLABLE = pl.col("route") != Route.NONE
PARTLY = _BY_CANDLES & (pl.col("fillable") < pl.col("candles"))
SLOTS = pl.when(_BY_CANDLES).then("fillable").when(FILLABLE).then("candles").otherwise(0)


def without_source(gaps: pl.DataFrame, downloads: pl.DataFrame) -> pl.DataFrame:
    """The gaps that no route fills, and no published archive (``ChartData.downloads`` of them) either."""
    return gaps.filter(~FILLABLE & ~pl.col("gap_id").is_in(downloads["gap_id"].implode()))
