"""The text of Kraken's OHLCVT files, read into candles (domain 1.1).

``timestamp,open,high,low,close,volume,trades``, no header; the timestamp is the slot's open in seconds. Files as
Kraken writes them take the fast way, many at once; whatever is unusual in a file is looked at row by row, so that good
rows are taken and bad ones set aside with their line and the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, cast

import numpy as np
import polars as pl

from kraken_core.domain.candles import PRICES
from kraken_core.domain.errors import BadFileError
from kraken_core.domain.timerange import END_OF_TIME, TimeRanges

# As they stand in the file; ``time`` in epoch seconds.
COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "time": pl.Int64,
    "open": pl.Float64,
    "high": pl.Float64,
    "low": pl.Float64,
    "close": pl.Float64,
    "volume": pl.Float64,
    "trades": pl.Int32,
}
EARLIEST = 1_300_000_000  # 2011-03-13, before Kraken opened: an earlier time is no time
NOT_CLOSED = "its slot has not closed yet"
_VWAP_VARIANT = len(COLUMNS) + 1  # some collectors put a vwap before the volume
_WIDTHS = (len(COLUMNS), _VWAP_VARIANT)


class Reject(NamedTuple):
    """A row that could not be taken: its line (from 1), its text and why."""

    line: int
    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """What one file says. ``candles`` has the columns of COLUMNS, sorted, unique by time.

    ``first`` and ``last`` are the slots (open, epoch seconds) of its first and last good row, traded or not; rows
    without a trade are silence and not among the candles. ``unknown`` holds the slots of which only a bad row speaks.
    """

    candles: pl.DataFrame
    rows: int
    first: int
    last: int
    rejects: tuple[Reject, ...] = ()
    unknown: TimeRanges = field(default_factory=TimeRanges)


def parse_clean(texts: Sequence[bytes], interval: int, now: int) -> tuple[pl.DataFrame, list[int]] | None:
    """All rows of several files of one interval at once, and the rows of each; None where any is unusual.

    The frame has the columns of COLUMNS. Every row of it is good, every file of it sorted and without silences.
    """
    parts = [part for text in texts for part in ((text,) if text.endswith(b"\n") else (text, b"\n"))]
    try:
        frame = pl.read_csv(
            b"".join(parts) if len(parts) > 1 else parts[0], has_header=False, quote_char=None, schema=COLUMNS
        )
    except pl.exceptions.PolarsError:
        return None
    # A single file needs no counting: a line that is no row would show as nulls.
    heights = [frame.height] if len(texts) == 1 else [t.count(b"\n") + (not t.endswith(b"\n")) for t in texts]
    if frame.height != sum(heights) or not all(heights) or not _all_good(frame, interval, now):
        return None
    falls = np.flatnonzero(np.diff(frame["time"].to_numpy()) <= 0) + 1
    return (frame, heights) if np.isin(falls, np.cumsum(heights)).all() else None


def _all_good(frame: pl.DataFrame, interval: int, now: int) -> bool:
    # Columns one by one: workers are as many as there are processors, and polars' own threads would come on top.
    time, first, high, low, last, volume, trades = frame.get_columns()
    return (
        not any(column.null_count() for column in frame.get_columns())
        and (time % (interval * 60) == 0).all()
        and cast("int", time.min()) >= EARLIEST
        and cast("int", time.max()) <= now - interval * 60
        and all((low <= price).all() and (high >= price).all() for price in (first, last))  # NaN is above every number
        and high.is_finite().all()
        and volume.is_finite().all()
        and all(cast("float", column.min()) > 0 for column in (low, volume, trades))
    )


def parse_any(text: bytes, interval: int, now: int) -> Parsed:
    """One file, row by row. Raises BadFileError where nothing in it is a candle."""
    if not text.strip():
        raise BadFileError("it is empty; get it again")
    rows = _rows(text)
    reasons = _reasons(interval * 60, now)
    rows = rows.with_columns(
        pl.when(pl.col("is_header")).then(pl.lit("header")).otherwise(reasons).alias("reason")
    ).sort("time", maintain_order=True, nulls_last=True)
    repeated = (
        pl.col("reason").is_null()
        & pl.col("time").is_duplicated().over("reason")
        & ~pl.col("time").is_first_distinct().over("reason")
    )
    rows = rows.with_columns(
        pl.when(repeated).then(pl.lit("its slot was given by an earlier row")).otherwise("reason").alias("reason")
    )
    good = rows.filter(pl.col("reason").is_null())
    bad = rows.filter(pl.col("reason").is_not_null() & ~pl.col("is_header")).sort("line")
    rejects = tuple(Reject(*row) for row in bad.select("line", "text", "reason").iter_rows())
    if good.is_empty():
        why = f"; line {rejects[0].line}: {rejects[0].reason}" if rejects else ""
        raise BadFileError(f"none of its {rows.height} rows is a candle{why}")
    times = good["time"]
    candles = good.filter(pl.col("trades") > 0).select(*COLUMNS)
    unknown = _unknown(rows.sort("line"), interval * 60) - TimeRanges.of((t, t + interval * 60) for t in times)
    return Parsed(candles, good.height + len(rejects), int(times[0]), int(times[-1]), rejects, unknown)


def _rows(text: bytes) -> pl.DataFrame:
    """Every line that is not blank: its number, text, and what its fields say, null where they are no numbers."""
    lines = pl.read_lines(
        text.decode(errors="replace").encode(), name="text", row_index_name="line", row_index_offset=1
    ).filter(pl.col("text").str.strip_chars() != "")
    fields = pl.col("text").str.split(",").list.eval(pl.element().str.strip_chars(" \t\r\"'\ufeff"))
    vwap = pl.col("fields").list.len() == _VWAP_VARIANT

    def at(index: int, *, behind_vwap: bool = False) -> pl.Expr:
        plain = pl.col("fields").list.get(index, null_on_oob=True)
        if not behind_vwap:
            return plain
        return pl.when(vwap).then(pl.col("fields").list.get(index + 1, null_on_oob=True)).otherwise(plain)

    return (
        lines.with_columns(fields.alias("fields"))
        .with_columns(
            at(0).cast(pl.Int64, strict=False).alias("time"),
            *(at(i).cast(pl.Float64, strict=False).alias(name) for i, name in enumerate(PRICES, start=1)),
            at(5, behind_vwap=True).cast(pl.Float64, strict=False).alias("volume"),
            at(6, behind_vwap=True).cast(pl.Int32, strict=False).alias("trades"),
            pl.col("fields").list.len().alias("width"),
        )
        .with_columns(
            pl.all_horizontal(
                pl.int_range(pl.len()) == 0,
                pl.col("width").is_in(_WIDTHS),
                at(0).str.contains("[A-Za-z]"),
                *(pl.col(name).is_null() for name in COLUMNS),
            ).alias("is_header")
        )
        .drop("fields")
    )


def _reasons(width: int, now: int) -> pl.Expr:
    """Why a row is no candle; null for a good one. The first reason that applies is given."""
    time = pl.col("time")
    finite = pl.all_horizontal(pl.col(name).is_finite() for name in (*PRICES, "volume"))
    checks = (
        (~pl.col("width").is_in(_WIDTHS), pl.format("{} columns instead of 7", "width")),
        (time.is_null(), pl.lit("its time is no whole number of seconds")),
        (time < EARLIEST, pl.lit("its time is before Kraken existed")),
        (time % width != 0, pl.lit(f"its time is no start of a {width // 60}-minute slot")),
        (time > now - width, pl.lit(NOT_CLOSED)),
        (pl.any_horizontal(pl.col(name).is_null() for name in PRICES), pl.lit("a price is no number")),
        (pl.col("volume").is_null(), pl.lit("its volume is no number")),
        (pl.col("trades").is_null(), pl.lit("its count of trades is no whole number")),
        (~finite, pl.lit("a value is not finite")),
        (pl.min_horizontal(PRICES) <= 0, pl.lit("a price is not positive")),
        (pl.col("volume") < 0, pl.lit("its volume is negative")),
        (pl.col("trades") < 0, pl.lit("its count of trades is negative")),
        (pl.col("high") < pl.max_horizontal(PRICES), pl.lit("its high is not the highest price")),
        (pl.col("low") > pl.min_horizontal(PRICES), pl.lit("its low is not the lowest price")),
        ((pl.col("trades") == 0) != (pl.col("volume") == 0), pl.lit("it has trades without volume, or the reverse")),
    )
    reason: pl.Expr = pl.lit(None, pl.String)
    for failed, why in reversed(checks):
        reason = pl.when(failed).then(why).otherwise(reason)
    return reason


def _unknown(rows: pl.DataFrame, width: int) -> TimeRanges:
    """The slots of bad rows: the row's own where its time is one, else all between its good neighbours.

    Before a file's first good row and behind its last one there is no neighbour: all of that side is unknown.
    """
    own = (pl.col("time") >= EARLIEST).fill_null(value=False) & (pl.col("time") % width == 0)
    bad = (
        rows.filter(~pl.col("is_header"))
        .with_columns(pl.when(pl.col("reason").is_null()).then("time").alias("good"))
        .with_columns(pl.col("good").forward_fill().alias("before"), pl.col("good").backward_fill().alias("after"))
        .filter(pl.col("reason").is_not_null())
        .select(
            pl.when(own).then("time").otherwise(pl.col("before") + width).fill_null(0).alias("start"),
            pl.when(own).then(pl.col("time") + width).otherwise("after").fill_null(END_OF_TIME).alias("end"),
        )
    )
    return TimeRanges.of(bad.iter_rows())
