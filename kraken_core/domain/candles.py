"""Candles: their columns, what makes one valid, how they aggregate, and which of two wins a slot.

A frame of candles is a polars DataFrame with the columns of :data:`SCHEMA`, one row a candle:
``pair`` (``BTC/USD``), ``interval_minutes``, ``time`` (slot open, UTC), ``open``, ``high``, ``low``, ``close``,
``volume`` (in the base asset), ``trades`` (null where the source has no count), ``source`` and ``rank``. It may have
``vwap`` too (:data:`FULL_SCHEMA`), null where the source has none; a frame without that column has none at all.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

import polars as pl

from kraken_core.domain.averages import VWAP, of_finer

TIME = pl.Datetime("us", "UTC")
PRICES = ("open", "high", "low", "close")
VALUES = (*PRICES, "volume", "trades")
KEY = ("pair", "time")
# What users see; ``rank`` is ours and stays behind the view.
SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "pair": pl.String,
    "interval_minutes": pl.Int32,
    "time": TIME,
    "open": pl.Float64,
    "high": pl.Float64,
    "low": pl.Float64,
    "close": pl.Float64,
    "volume": pl.Float64,
    "trades": pl.Int32,
    "source": pl.String,
    "rank": pl.Int64,
}
# With what is read on request, and is no part of what decides which candle is in force.
FULL_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {**SCHEMA, VWAP: pl.Float64}
_SLOT = ("pair", "interval_minutes", "time")
VOLUME_DECIMALS = 8  # every pair's lot_decimals is at most 8


def chosen(columns: Collection[str]) -> dict[str, pl.DataType | type[pl.DataType]]:
    """The requested ones of FULL_SCHEMA, in its order; the columns that identify a slot are always among them."""
    return {name: kind for name, kind in FULL_SCHEMA.items() if name in columns or name in _SLOT}


class Source(StrEnum):
    """Where a candle was read, in rising rank; a derived one ranks as its worst input."""

    OHLC = "ohlc"
    CSV = "csv"
    TRADES = "trades"
    DERIVED = "derived"


# A rank is one non-negative int64, so that two candles of a slot can be compared without looking anything up:
#   bit 62      settled (0: provisional, below everything settled)
#   bits 60-61  source class: ohlc 1, csv 2, trades 3
#   bits 44-59  day the archive's rows end, 0 where unknown
#   bits 28-43  day the archive was made, 0 where unknown
#   bit 27      whether the archive states its end, and its rows bear it out
#   bits 0-26   content hash, odd; 0 marks a derived candle, which loses a tie against what was observed; of an answer
#               of the API, which has no days, the hour as of which it was given
_SETTLED = 1 << 62
_CLASS = {Source.OHLC: 1, Source.CSV: 2, Source.TRADES: 3}
_WORDS = {
    "derived": Source.DERIVED,
    "trade": Source.TRADES,
    "csv": Source.CSV,
    "ohlc": Source.OHLC,
    "api": Source.OHLC,
}
_STATED = 1 << 27
_TIE_BREAK = _STATED - 1
_LAST_DAY = (1 << 16) - 1  # of those a rank can express
_DAY_S = 86_400
_HOUR_S = 3_600


@dataclass(frozen=True, slots=True)
class Vintage:
    """What orders two archives (domain rule 6): the newest rows first, whatever is stated; then which was made later.

    ``newest`` is the end of the day of its newest row, ``made`` when it was made, as its manifest or its members' dates
    say: epoch seconds, None where unknown. ``stated``: it states its end, and its rows confirm that.
    """

    newest: int | None = None
    made: int | None = None
    stated: bool = False


def rank_of(source: Source, vintage: Vintage = Vintage(), content_hash: str = "") -> int:
    """The settled rank of a candle read from ``source``; ``content_hash`` is hexadecimal and breaks ties."""
    tie_break = tie_break_of(content_hash) if content_hash else 1
    days = _day(vintage.newest) << 44 | _day(vintage.made) << 28
    return _SETTLED | _CLASS[source] << 60 | days | (_STATED if vintage.stated else 0) | tie_break


def tie_break_of(content_hash: str) -> int:
    """What of a content hash (hexadecimal) goes into the ranks of a file's candles."""
    return int(content_hash[:7], 16) & _TIE_BREAK | 1


def _day(instant: int | None) -> int:
    return min(max(instant or 0, 0) // _DAY_S, _LAST_DAY)


def provisional(rank: int) -> int:
    """The same rank below everything settled: for a candle at an archive's edge."""
    return rank & ~_SETTLED


def is_settled(rank: str = "rank") -> pl.Expr:
    """Whether candles of a frame are anything but provisional; ``rank`` is the column to look at."""
    return pl.col(rank) >= _SETTLED


def demoted() -> pl.Expr:
    """The ranks of a frame's candles as :func:`provisional` makes them."""
    return pl.col("rank") & (_SETTLED - 1)


def derived_rank(rank: int) -> int:
    """The rank of what is derived from candles of at least ``rank``: theirs, but losing a tie."""
    return rank & ~_TIE_BREAK


@cache
def known_source(text: str) -> str:
    """A source as we call it, whatever others do (``kraken_csv``, ``api``); their word where it is none of ours."""
    lowered = text.lower()
    for word, source in _WORDS.items():
        if word in lowered:
            return source.value
    return lowered


def unproven(source: str) -> int:
    """The rank of a candle of which only the source is known: below all that is settled."""
    return provisional(rank_of(Source(source))) if source in set(_CLASS) else 0


def from_api(rank: int) -> bool:
    """Whether a candle of this rank goes back to the API, not to a file: ohlc, or trades without a vintage."""
    kind = rank >> 60 & 3
    return kind == _CLASS[Source.OHLC] or (kind == _CLASS[Source.TRADES] and not rank >> 44 & _LAST_DAY)


def source_of(rank: int) -> Source | None:
    """The source of a candle of this rank; None where it has none, as in tables of others."""
    if not rank & _TIE_BREAK:
        return Source.DERIVED if rank else None
    return next((source for source, kind in _CLASS.items() if kind == rank >> 60 & 3), None)


def has_content(rank: int, content_hash: str) -> bool:
    """Whether a candle of this rank was observed in a file of this content."""
    return rank & _TIE_BREAK == tie_break_of(content_hash)


def answered(as_of: int) -> pl.Expr:
    """The ranks of a frame's candles as the API answered them as of an instant: of two answers the later one wins.

    By the hour, so that the candles of many answers share a rank; within one :func:`prevails` goes by who comes later.
    """
    return pl.col("rank") // (_TIE_BREAK + 1) * (_TIE_BREAK + 1) + min(max(as_of // _HOUR_S, 1), _TIE_BREAK)


def without_answer(name: str = "rank") -> pl.Expr:
    """The ranks in a column, those of all answers of the API of one kind alike, as they were before."""
    rank, broken = pl.col(name), pl.col(name) & _TIE_BREAK
    return pl.when(_is_of_api(name) & (broken > 0)).then(rank - broken + 1).otherwise(rank)


def _is_of_api(name: str) -> pl.Expr:
    """What :func:`from_api` is for one rank."""
    kind, stated = pl.col(name) // (1 << 60) & 3, pl.col(name) // (1 << 44) & _LAST_DAY
    return (kind == _CLASS[Source.OHLC]) | ((kind == _CLASS[Source.TRADES]) & (stated == 0))


def prevails(stored: str = "_stored") -> pl.Expr:
    """Whether of two joined candles the new one takes the slot of the stored one (domain rule 6).

    The higher rank does. Of two answers of the API of one kind the later one does where its values differ, that of an
    hour before never; equal ones keep the candle that is there, as every answer repeats hundreds of candles.
    """
    rank, before = pl.col("rank"), pl.col(f"rank{stored}")
    of_one_kind = _is_of_api("rank") & (without_answer("rank") == without_answer(f"rank{stored}"))
    observed = (rank & _TIE_BREAK > 0) & (before & _TIE_BREAK > 0)
    return pl.when(of_one_kind & observed).then((rank >= before) & altered(stored)).otherwise(rank > before)


def altered(stored: str = "_stored") -> pl.Expr:
    """Whether any value of two joined candles is another, were it in the last digit."""
    return pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}{stored}")) for name in VALUES)


def release() -> pl.Expr:
    """The source and the vintage that a frame's candles go back to, as a number; null where a file states no vintage.

    Of candles that have the same number, counts and volumes agree exactly (domain rule 13). That two archives end on
    the same day makes them no vintage: whether those that state none are one is unknown.
    """
    vintage = demoted() // _STATED
    return pl.when(_is_of_api("rank") | (vintage % 2 == 1)).then(vintage)


def aggregate(fine: pl.DataFrame, interval: int) -> pl.DataFrame:
    """Candles of ``interval`` minutes from finer ones, sorted by pair and time (domain rule 7).

    Open first, high max, low min, close last; volume summed exactly, as decimals; trades summed, null where any is
    unknown; rank the worst of the inputs'. Whether the finer slots were all covered is up to the caller. Of candles
    with the column ``vwap`` it is the average, null where one of the inputs has none.
    """
    # A double times 10**8 is exact to about 90 million coins only; its text has the digits as they were published.
    volume = pl.col("volume").cast(pl.String).cast(pl.Decimal(38, VOLUME_DECIMALS))
    fine = fine.sort(KEY)
    made = (
        fine.lazy()
        .with_columns(volume, pl.col("time").dt.truncate(f"{interval}m"))
        .group_by(KEY, maintain_order=True)
        .agg(
            pl.lit(interval, pl.Int32).alias("interval_minutes"),
            pl.first("open"),
            pl.max("high"),
            pl.min("low"),
            pl.last("close"),
            pl.col("volume").sum().cast(pl.String).cast(pl.Float64),
            pl.when(pl.col("trades").has_nulls())
            .then(None)
            .otherwise(pl.col("trades").sum())
            .cast(pl.Int32)
            .alias("trades"),
            pl.lit(Source.DERIVED.value).alias("source"),
            (pl.min("rank") & ~_TIE_BREAK).alias("rank"),
            pl.len().alias("fine"),
        )
        .collect()
    )
    return (
        made.with_columns(of_finer(fine, made)).select(*FULL_SCHEMA) if VWAP in fine.columns else made.select(*SCHEMA)
    )
