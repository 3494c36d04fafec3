"""What published archives contain of gaps: the advice of reports and download lists."""

from __future__ import annotations

import polars as pl

from kraken_core.domain.archives import archives_covering

_HOLDERS = {"start": pl.Int64, "end": pl.Int64, "archive": pl.String, "first": pl.Int64, "last": pl.Int64}
_WIDTH = 60 * pl.col("interval_minutes").cast(pl.Int64)


def downloadable(gaps: pl.DataFrame, as_of: int) -> pl.DataFrame:
    """The gaps cut by the archives that contain them, named in ``archive``; what none contains by as_of is left out.

    See ``GapRecord.by_archive``, which does the same for a single gap.
    """
    manual = gaps.filter(pl.col("csv_file") != "")
    spans = manual.select("start", "end").unique().rows()
    holders = [(start, end, *holder) for start, end in spans for holder in archives_covering(start, end, as_of)]
    parts = manual.drop("archive").join(pl.DataFrame(holders, _HOLDERS, orient="row"), on=["start", "end"])
    parts = parts.with_columns(start="first", end="last", candles=(pl.col("last") - pl.col("first")) // _WIDTH)
    return parts.select(manual.columns).sort("archive", "csv_file", "start")
