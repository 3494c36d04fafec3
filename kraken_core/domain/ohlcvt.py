"""The text of Kraken's OHLCVT files, read into candles (domain 1.1).

``timestamp,open,high,low,close,volume,trades``, no header; the timestamp is the slot's open in seconds. Files as
Kraken writes them take the fast way, many at once; whatever is unusual in a file is looked at row by row, so that good
rows are taken and bad ones set aside with their line and the reason.

Whatever the reason, a row that was set aside may be two halves of rows that lay far apart, with all between them lost:
no value is so odd that torn text could not make it, and a time is a value too. So none of them is believed of any
slot, and what lies between its good neighbours is unknown (domain rule 4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, cast

import numpy as np
import polars as pl

from kraken_core.domain.averages import VWAP
from kraken_core.domain.candles import PRICES, SCHEMA, VALUES
from kraken_core.domain.csv_columns import ColumnLayout, encoding_fault
from kraken_core.domain.errors import BadFileError
from kraken_core.domain.interval_units import short
from kraken_core.domain.labels import chance, coarser_content, finer_content
from kraken_core.domain.ohlcvt_lines import KRAKENS, read_lines
from kraken_core.domain.plain_text import begins_with_number
from kraken_core.domain.row_order import ReadRows, out_of_order, unknown_slots
from kraken_core.domain.timerange import TimeRange, TimeRanges

# As they are in the file; ``time`` in epoch seconds.
COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "time": pl.Int64,
    **{name: SCHEMA[name] for name in VALUES},
}
EARLIEST = 1_300_000_000  # 2011-03-13, before Kraken opened: an earlier time is no time
NOT_CLOSED = "its slot has not closed yet"
_LINE_END = ord("\n")
_UNITS = {"milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}

_NO_COUNT = "its count of trades is not a whole number"
_CONTESTED = "another row of the file gives its slot other values"
_OUT_OF_ORDER = "its time and that of the row beside it are out of order"


class Reject(NamedTuple):
    """A row that could not be taken: its line (from 1), its text and why."""

    line: int
    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """The content of one file. ``candles`` has the columns of COLUMNS, sorted, unique by time; and vwap if a row has.

    ``first`` and ``last`` are the slots (open, epoch seconds) of its first and last good row, traded or not; rows
    without a trade are not among the candles. ``unknown`` is what its rows do not show: where some may
    be lost, and the slot of a last row that may be torn, though that is among the candles. ``damaged`` are the first
    and the last slot of bad rows whose time can be read, and is in its place: the pair was there then. ``repeated``
    good rows are not used, as they repeat others.
    """

    candles: pl.DataFrame
    rows: int
    first: int
    last: int
    rejects: tuple[Reject, ...] = ()
    unknown: TimeRanges = field(default_factory=TimeRanges)
    damaged: tuple[int, ...] = ()
    repeated: int = 0

    @property
    def seen(self) -> TimeRange | None:
        """From the first slot to the last one that a row has, be it damaged; None where nothing traded."""
        opens = [*self.candles["time"][[0, -1]], *self.damaged] if self.candles.height else [*self.damaged]
        return TimeRange(min(opens), max(opens)) if opens else None


def parse_clean(texts: Sequence[bytes], interval: int, now: int) -> tuple[pl.DataFrame, list[int]] | None:
    """All rows of several files of one interval at once, and the rows of each; None where any is unusual.

    The frame has the columns of COLUMNS. Every row of it is good, every file of it sorted, without silences, whole to
    its last line end, and of the stated interval.
    """
    if not all(text.endswith(b"\n") and begins_with_number(text) for text in texts):
        return None
    try:
        frame = pl.read_csv(
            b"".join(texts) if len(texts) > 1 else texts[0], has_header=False, quote_char=None, schema=COLUMNS
        )
    except pl.exceptions.PolarsError:
        return None
    # A single file needs no counting: a line that is no row would show as nulls.
    heights = [frame.height] if len(texts) == 1 else [_lines(text) for text in texts]
    if frame.height != sum(heights) or not all(heights) or not _all_good(frame, interval, now):
        return None
    times, trades = frame["time"].to_numpy(), frame["trades"].to_numpy()
    ends = np.cumsum(heights)
    falls = np.flatnonzero(np.diff(times) <= 0) + 1
    if not np.isin(falls, ends).all():
        return None
    files = (slice(end - height, end) for height, end in zip(heights, ends.tolist(), strict=True))
    return None if any(coarser_content(times[rows], trades[rows], interval) for rows in files) else (frame, heights)


def _lines(text: bytes) -> int:
    """How many lines end in a text: four times as fast as ``bytes.count``."""
    return int(np.count_nonzero(np.frombuffer(text, dtype=np.uint8) == _LINE_END))


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
    """One file, row by row. Raises BadFileError where nothing in it is a candle, or it is of another interval."""
    if fault := encoding_fault(text):
        raise BadFileError(fault)
    if not text.strip():
        raise BadFileError("it is empty; get it again")
    lines, layout = read_lines(text)
    rows = lines.with_columns(_reasons(interval * 60, now, layout).alias("reason"))
    _require_finest(rows, interval)
    rows = _in_order(_uncontested(rows), now)
    good = rows.filter(pl.col("reason").is_null())
    bad = rows.filter(pl.col("reason").is_not_null())
    rejects = tuple(Reject(*row) for row in bad.select("line", "text", "reason").iter_rows())
    why = f"; line {rejects[0].line}: {rejects[0].reason}" if rejects else ""
    if good.is_empty():
        raise BadFileError(f"none of its {rows.height} rows is a candle{why}")
    if good.height < bad.filter(pl.col("reason") == _NO_COUNT).height:
        raise BadFileError(f"most of its rows do not end in a count of trades: their columns are in another order{why}")
    taken = good.unique("time", keep="first").sort("time")
    _require_coarsest(taken, interval)
    columns = (*COLUMNS, VWAP) if taken[VWAP].is_not_null().any() else COLUMNS
    torn = not text.endswith(b"\n") and rows["line"][-1] == text.count(b"\n") + 1
    return Parsed(
        taken.filter(pl.col("trades") > 0).select(*columns),
        rows.height,
        int(taken["time"][0]),
        int(taken["time"][-1]),
        rejects,
        _unknown(rows, interval * 60, now, torn=torn),
        _damaged(bad, interval * 60, now),
        good.height - taken.height,
    )


def _reasons(width: int, now: int, layout: ColumnLayout) -> pl.Expr:
    """Why a row is no candle; null for a good one. The first reason that applies is given.

    What only its time is wrong with comes last: such a row is a candle, of another interval or of the future.
    """
    time, text, columns = pl.col("time"), pl.col("text"), pl.col("width")
    finite = pl.all_horizontal(pl.col(name).is_finite() for name in (*PRICES, "volume"))
    fits = (columns == layout.width) | (columns == len(COLUMNS) + 1) & pl.lit(value=layout == KRAKENS)
    noun = pl.when(columns == 1).then(pl.lit("column")).otherwise(pl.lit("columns"))
    instead = pl.format(f"{{}} {{}} instead of {layout.width}", "width", noun)
    commas = text.str.contains(r"^[\d\s,\"']+$") & (columns > len(COLUMNS) + 1)
    checks = (
        (
            ~fits & (text.str.count_matches(";", literal=True) > 1),
            pl.format("{}, as if it had ';' between them", instead),
        ),
        (
            ~fits & (text.str.count_matches("\t", literal=True) > 1),
            pl.format("{}, as if it had tabs between them", instead),
        ),
        (~fits & commas, pl.format("{}, as if its decimal points were commas", instead)),
        (~fits, instead),
        (
            pl.col("time_text").str.contains(r"^\d{10}\.\d*$"),
            pl.lit("its time has a decimal point; Kraken's are whole seconds"),
        ),
        (time.is_null(), pl.lit("its time is not a whole number of seconds")),
        *(
            (time.is_between(EARLIEST * unit, EARLIEST * unit * 10), pl.lit(f"its time is in {name}, not in seconds"))
            for name, unit in _UNITS.items()
        ),
        (time < EARLIEST, pl.lit("its time is before Kraken existed")),
        (pl.any_horizontal(pl.col(name).is_null() for name in PRICES), pl.lit("a price is not a number")),
        (pl.col("volume").is_null(), pl.lit("its volume is not a number")),
        (
            pl.col("torn"),
            pl.lit("8 columns instead of 7: it may have a comma too many"),
        ),
        (
            ~pl.col("sound"),
            pl.lit("8 columns instead of 7, and the sixth is not a vwap: it lies outside of low and high"),
        ),
        (pl.col("trades").is_null(), pl.lit(_NO_COUNT)),
        (~finite, pl.lit("a value is not finite")),
        (pl.min_horizontal(PRICES) <= 0, pl.lit("a price is not positive")),
        (pl.col("volume") < 0, pl.lit("its volume is negative")),
        (pl.col("trades") < 0, pl.lit("its count of trades is negative")),
        (pl.col("high") < pl.max_horizontal(PRICES), pl.lit("its high is not the highest price")),
        (pl.col("low") > pl.min_horizontal(PRICES), pl.lit("its low is not the lowest price")),
        ((pl.col("trades") == 0) != (pl.col("volume") == 0), pl.lit("it has trades without volume, or the reverse")),
        (time % width != 0, pl.lit(_misaligned(width))),
        (time > now - width, pl.lit(NOT_CLOSED)),
    )
    reason: pl.Expr = pl.lit(None, pl.String)
    for failed, why in reversed(checks):
        reason = pl.when(failed).then(why).otherwise(reason)
    return reason


def _misaligned(width: int) -> str:
    return f"its time is not the start of a {short(width // 60)} slot"


def _require_finest(rows: pl.DataFrame, interval: int) -> None:
    """Raises BadFileError where the rows are of a finer interval than the file's name states."""
    width = interval * 60
    inside = rows.filter(pl.col("reason") == _misaligned(width))
    on_minutes = inside.filter(pl.col("time") % 60 == 0)
    candles = rows["reason"].null_count() + inside.height
    if finer_content(inside.height, on_minutes.height, candles):
        raise BadFileError(
            f"its rows are of a finer interval than the {short(interval)} in its name: {inside.height:,} of "
            f"{candles:,} open inside such a slot, the first in line {on_minutes['line'][0]:,}"
        )


def _require_coarsest(taken: pl.DataFrame, interval: int) -> None:
    """Raises BadFileError where the rows are of a coarser interval than the file's name states."""
    if coarser := coarser_content(taken["time"].to_numpy(), taken["trades"].to_numpy(), interval):
        raise BadFileError(
            f"its rows are {short(coarser)} candles, not {short(interval)} ones as in its name: all {taken.height:,} "
            f"open at the start of such a slot ({chance(interval, coarser, taken.height)} by chance)"
        )


def _uncontested(rows: pl.DataFrame) -> pl.DataFrame:
    """Of different rows for one slot none is used; equal rows count once."""
    good = pl.col("reason").is_null()
    if not rows.filter(good)["time"].is_duplicated().any():
        return rows
    several = good & (pl.struct(VALUES).n_unique().over("time", "reason") > 1)
    return rows.with_columns(pl.when(several).then(pl.lit(_CONTESTED)).otherwise("reason").alias("reason"))


def _in_order(rows: pl.DataFrame, now: int) -> pl.DataFrame:
    """The rows on both sides of a fall of time are not sure, but in a file that has the newest row first."""
    read = rows.with_columns(readable=_readable(now)).with_row_index("place").filter("readable")
    falls = out_of_order(read["time"].to_numpy(), whole=read.height == rows.height)
    if not falls.any():
        return rows
    places = read["place"].filter(pl.Series(falls))
    unsure = pl.int_range(pl.len(), dtype=pl.UInt32).is_in(places.implode())
    return rows.with_columns(pl.when(unsure).then(pl.lit(_OUT_OF_ORDER)).otherwise("reason").alias("reason"))


def _readable(now: int) -> pl.Expr:
    """Good rows, and a last one that had not closed when the file was written: nothing is wrong with that."""
    forming = (pl.col("reason") == NOT_CLOSED) & (pl.col("time") <= now) & (pl.int_range(pl.len()) == pl.len() - 1)
    return pl.col("reason").is_null() | forming


def _damaged(bad: pl.DataFrame, width: int, now: int) -> tuple[int, ...]:
    """The first and the last slot of bad rows whose time is not what is wrong with them."""
    time = pl.col("time")
    sound = (time >= EARLIEST) & (time % width == 0) & (time <= now - width) & (pl.col("reason") != _OUT_OF_ORDER)
    times = bad.filter(sound)["time"].to_list()
    return (min(times), max(times)) if times else ()


def _unknown(rows: pl.DataFrame, width: int, now: int, *, torn: bool) -> TimeRanges:
    """What the rows do not show; and the slots of bad rows, wherever they are and whatever other rows have."""
    marked = rows.with_columns(readable=_readable(now)).with_columns(bad=(~pl.col("readable")).cum_sum())
    read, bad = marked.filter("readable"), marked.filter(~pl.col("readable"))
    stated = rows.filter(_readable(now) | pl.col("reason").is_in([_CONTESTED, _OUT_OF_ORDER]))["time"]
    seen = ReadRows(
        read["time"].to_numpy(),
        read["bad"].to_numpy().astype(np.int64),
        bad.height,
        earliest=cast("int", stated.min()),
        latest=cast("int", stated.max()),
        torn=torn and marked["readable"][-1],
    )
    given = bad.filter((pl.col("time") >= EARLIEST) & (pl.col("time") % width == 0))["time"]
    return TimeRanges.of([*unknown_slots(seen, width), *((time, time + width) for time in given)])
