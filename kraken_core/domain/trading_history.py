"""The text of Kraken's trading-history files, read into trades (domain 1.2).

``timestamp,price,volume``, no header; the timestamp in seconds, whole or with a fraction. There is no id: two equal
rows are two trades. Files are large, so that they are read in portions of whole lines. Those as Kraken writes them take
the fast way; others are looked at row by row, so that good rows are taken and bad ones set aside. Of none of those
the time is believed: it may be two halves of rows that lay far apart (domain rule 4).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import polars as pl

from kraken_core.domain.candles import VOLUME_DECIMALS
from kraken_core.domain.csv_columns import STRIPPED, encoding_fault, fields_of, is_header, layout_of
from kraken_core.domain.errors import BadFileError
from kraken_core.domain.exchange import NS
from kraken_core.domain.ohlcvt import EARLIEST, Reject
from kraken_core.domain.plain_text import begins_with_number, lines_of
from kraken_core.domain.repeated_runs import FALL_NS
from kraken_core.domain.trades import TRADES

_NS_DECIMALS = 9
_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "time": pl.Decimal(20, _NS_DECIMALS),
    "price": pl.Float64,
    "volume": pl.Decimal(38, VOLUME_DECIMALS),
}
# Also in units and with separators that are refused later, by name.
_ROW = re.compile(rb"\s*\d{10}(\d{3}){0,3}(\.\d*)?\s*(,[^,]+,[^,]+|;[^;]+;[^;]+)", re.ASCII)
_UNITS = {13: "milliseconds", 16: "microseconds", 19: "nanoseconds"}  # by digits
_OUT_OF_ORDER = "its time and that of the row beside it are out of order"
NOT_YET = "its time has not come yet"
_LONGEST_LINE = 1 << 20  # bytes; a binary file may have none at all


class Portion(NamedTuple):
    """The content of some lines of a file: trades (columns of TRADES) in the order of the file.

    ``bad`` are the bad rows, each with how many good rows are before it in the portion; ``bad_times`` the times (epoch
    nanoseconds) of those that have one: each may be true.
    """

    trades: pl.DataFrame
    lines: int
    bad: tuple[tuple[Reject, int], ...] = ()
    bad_times: tuple[int, ...] = ()


def is_trading_history(head: bytes) -> bool:
    """Whether a file that begins like this is one: three columns, a time in seconds first; a header may be above."""
    if encoding_fault(head):
        head = head.decode("utf-16", errors="replace").encode()
    lines = [line for line in head.splitlines() if line.strip()]
    return any(_ROW.fullmatch(line) for line in lines[:2])


def portions(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """A text that comes in pieces, cut again behind line ends. Raises BadFileError where it has none."""
    rest = b""
    for piece in pieces:
        lines, end, tail = piece.rpartition(b"\n")
        if end:
            yield b"".join((rest, lines, end))
            rest = tail
        else:
            rest += tail
        if len(rest) > _LONGEST_LINE:
            raise BadFileError(f"it has a line of more than {_LONGEST_LINE:,} bytes: it is no text of trades")
    if rest:
        yield rest


def parse_trades(text: bytes, first_line: int, now: int) -> Portion:
    """The trades of some whole lines, the first of which is line ``first_line`` of its file.

    A trade later than ``now`` (epoch seconds) is none. Raises BadFileError where the encoding or the header of the file
    show that none of it can be read.
    """
    if first_line == 1 and (fault := encoding_fault(text)):
        raise BadFileError(fault)
    lines = text.count(b"\n") + (not text.endswith(b"\n"))
    if not begins_with_number(text):
        return _row_by_row(text, first_line, lines, now)
    try:
        frame = pl.read_csv(text, has_header=False, quote_char=None, schema=_COLUMNS)
    except pl.exceptions.PolarsError:
        return _row_by_row(text, first_line, lines, now)
    trades = _trades(frame.lazy()).collect()
    good = (
        trades.height == lines
        and trades.select(
            all_there=~pl.any_horizontal(pl.col("time", "price", "volume").has_nulls()),
            early=pl.col("time").min() >= EARLIEST * NS,
            late=pl.col("time").max() < now * NS,
            positive=pl.col("price").min() > 0,
            finite=pl.col("price").is_finite().all(),
            volume=pl.col("volume").min() >= 0,
        ).row(0)
        == (True,) * 6
        and not _falls(trades).any()
    )
    return Portion(trades, lines) if good else _row_by_row(text, first_line, lines, now)


def _trades(frame: pl.LazyFrame) -> pl.LazyFrame:
    nanoseconds = pl.col("time").to_physical().cast(pl.Int64, strict=False)
    return frame.with_columns(nanoseconds, pl.lit(None, pl.Int64).alias("id")).select(*TRADES)


def _falls(trades: pl.DataFrame) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """The rows on both sides of a fall of time: one of the two is out of place, and it is unknown which."""
    found = np.zeros(trades.height, dtype=np.bool_)
    if not trades["time"].is_sorted():
        falls = np.flatnonzero(np.diff(trades["time"].to_numpy()) <= -FALL_NS)
        found[falls] = found[falls + 1] = True
    return found


def _row_by_row(text: bytes, first_line: int, lines: int, now: int) -> Portion:
    rows = lines_of(text, first_line)
    if first_line == 1 and rows.height and is_header(header := fields_of(rows["text"][0])):
        layout = layout_of(header, tuple(_COLUMNS))
        if list(layout.places.values()) != list(range(len(_COLUMNS))) or layout.width != len(_COLUMNS):
            raise BadFileError(f"its header ({','.join(header)}) names another order than {','.join(_COLUMNS)}")
        rows = rows[1:]
    fields = pl.col("text").str.split(",").list.eval(pl.element().str.strip_chars(STRIPPED))
    checked = (
        rows.lazy()
        .with_columns(fields.alias("fields"))
        .with_columns(
            pl.col("fields").list.len().alias("width"),
            pl.col("fields").list.first().alias("time_text"),
            *(
                pl.col("fields").list.get(place, null_on_oob=True).cast(dtype, strict=False).alias(name)
                for place, (name, dtype) in enumerate(_COLUMNS.items())
            ),
        )
        .with_columns(pl.col("time").to_physical().cast(pl.Int64, strict=False))
        .with_columns(_reasons(now).alias("reason"))
        .collect()
    )
    good = checked.with_row_index("place").filter(pl.col("reason").is_null())
    if (falls := _falls(good)).any():
        unsure = pl.int_range(pl.len(), dtype=pl.UInt32).is_in(good["place"].filter(pl.Series(falls)).implode())
        checked = checked.with_columns(reason=pl.when(unsure).then(pl.lit(_OUT_OF_ORDER)).otherwise("reason"))
    checked = checked.with_columns(pl.col("reason").is_null().cast(pl.Int64).cum_sum().alias("good_before"))
    trades = checked.filter(pl.col("reason").is_null()).with_columns(pl.lit(None, pl.Int64).alias("id"))
    bad = checked.filter(pl.col("reason").is_not_null()).select("line", "text", "reason", "good_before", "time")
    rejects = tuple((Reject(*row[:3]), row[3]) for row in bad.iter_rows())
    times = bad.filter(pl.col("time").is_between(EARLIEST * NS, now * NS, closed="left"))["time"]
    return Portion(trades.select(*TRADES), lines, rejects, tuple(times))


def _reasons(now: int) -> pl.Expr:
    """Why a row is no trade; null for a good one. The first reason that applies is given."""
    time, price, volume = (pl.col(name) for name in _COLUMNS)
    noun = pl.when(pl.col("width") == 1).then(pl.lit("column")).otherwise(pl.lit("columns"))
    narrow, instead = pl.col("width") != len(_COLUMNS), pl.format("{} {} instead of 3", "width", noun)
    semicolons = narrow & (pl.col("text").str.count_matches(";", literal=True) > 1)
    checks = (
        (semicolons, pl.format("{}, as if it had ';' between them", instead)),
        (narrow, instead),
        *(
            (
                pl.col("time_text").str.contains(rf"^\d{{{digits}}}(\.\d*)?$"),
                pl.lit(f"its time is in {unit}, not in seconds"),
            )
            for digits, unit in _UNITS.items()
        ),
        (time.is_null(), pl.lit("its time is not a number of seconds")),
        (time < EARLIEST * NS, pl.lit("its time is before Kraken existed")),
        (time >= now * NS, pl.lit(NOT_YET)),
        (price.is_null(), pl.lit("its price is not a number")),
        (~price.is_finite(), pl.lit("its price is not finite")),
        (price <= 0, pl.lit("its price is not positive")),
        (volume.is_null(), pl.lit("its volume is not a number")),
        (volume < 0, pl.lit("its volume is negative")),
    )
    reason: pl.Expr = pl.lit(None, pl.String)
    for failed, why in reversed(checks):
        reason = pl.when(failed).then(why).otherwise(reason)
    return reason
