"""An answer of OHLC: candles that had closed, and the slots that are known by them."""

from __future__ import annotations

from typing import Any

import polars as pl

from kraken_core.domain.averages import VWAP, stated
from kraken_core.domain.candles import FULL_SCHEMA, PRICES, TIME, Source, provisional, rank_of
from kraken_core.domain.exchange import OhlcAnswer
from kraken_core.domain.market import Series
from kraken_core.domain.timerange import END_OF_TIME, TimeRanges
from kraken_core.sources.rest.answer_rows import (
    NUMBER,
    columns,
    cursor_of,
    decimal_texts,
    quoted,
    readable_rows,
    rows_of,
    whole_numbers,
)
from kraken_core.sources.rest.answers import Result
from kraken_core.sources.rest.failures import nonsense
from kraken_core.sources.rest.numbers import whole_number
from kraken_core.sources.rest.row_intervals import in_step

_OHLC_WIDTH = 8  # time, open, high, low, close, vwap, volume, count
_DECIMALS = (*PRICES, "vwap", "volume")
_OHLC: dict[str, type[pl.DataType]] = {"time": pl.Int64, **dict.fromkeys(_DECIMALS, pl.Float64), "trades": pl.Int64}
_MOST_TRADES = (1 << 31) - 1
_US = 1_000_000  # microseconds a second


def ohlc(found: Result, series: Series, as_of: int, young_s: int = 0) -> OhlcAnswer:
    """OHLC: the candles of a series that were closed by ``as_of``; the last row, still forming, is never one.

    Those that closed up to ``young_s`` seconds later are provisional, and none of their slots is known. A row that
    contradicts itself, is out of place, or cannot be read, is not believed: its slot stays unknown, and so does one
    that has two different rows. Raises NoAnswerError where rows are of another interval.
    """
    rows, last = rows_of(found, series.pair), cursor_of(found.get("last"))
    if last is None:
        raise nonsense("candles without last")
    opens = [_opens(row) for row in rows]
    placed = in_step(opens, series.width)
    frame, unread = readable_rows(rows, _candle_rows)
    readable = [place for place in range(len(rows)) if place not in unread]
    is_placed = pl.Series([placed[place] for place in readable], dtype=pl.Boolean)
    believed, is_named = frame.select(_is_believed()).to_series(), is_placed
    if unread or frame["time"].n_unique() < frame.height:
        unsure = pl.Series([opens[place] for place in unread], dtype=pl.Int64).append(_with_different_rows(frame))
        believed &= ~frame["time"].is_in(unsure.implode())
        is_named = frame.with_columns(is_placed.alias("placed")).select(pl.col("placed").any().over("time")).to_series()
    skipped = unread | {readable[place] for place in (~(believed & is_named)).arg_true()}
    settled = as_of - series.width  # the last slot that had closed by then
    # Whatever ``last`` says, the last row is the forming one: an old answer's may have closed since. All others are
    # committed where ``last`` is rounded, and so may be hours before them.
    forming = max(frame["time"].filter(is_placed), default=END_OF_TIME)
    committed = min(last.value, forming - 1) if last.exact else forming - 1
    closed = frame.filter(is_placed & believed & (pl.col("time") <= min(committed, settled + young_s)))
    known = TimeRanges.of((time, time + series.width) for time in closed["time"].to_list() if time <= settled)
    rank = rank_of(Source.OHLC)
    candles = (
        closed.lazy()
        .filter(pl.col("trades") > 0)
        .select(
            pl.lit(str(series.pair)).alias("pair"),
            pl.lit(series.interval, pl.Int32).alias("interval_minutes"),
            (pl.col("time") * _US).cast(TIME),
            *PRICES,
            "volume",
            pl.col("trades").cast(pl.Int32),
            pl.lit(Source.OHLC.value).alias("source"),
            pl.when(pl.col("time") <= settled)
            .then(pl.lit(rank, pl.Int64))
            .otherwise(pl.lit(provisional(rank), pl.Int64))
            .alias("rank"),
            stated(pl.col(VWAP)).alias(VWAP),
        )
        .select(*FULL_SCHEMA)
        .collect()
    )
    return OhlcAnswer(candles, known, len(rows), quoted(rows, skipped))


def _opens(row: object) -> int | None:
    return whole_number(row[0], END_OF_TIME) if isinstance(row, list) and row else None


def _with_different_rows(frame: pl.DataFrame) -> pl.Series:
    """Slots of which the rows do not agree."""
    repeats = frame.filter(pl.col("time").is_duplicated()).unique()
    return repeats.filter(pl.col("time").is_duplicated())["time"]


def _candle_rows(rows: list[Any]) -> pl.DataFrame:
    """Rows of candles, as _OHLC has them. Raises NoAnswerError where any of them cannot be read."""
    time, *texts, count = columns(rows, _OHLC_WIDTH)
    times = whole_numbers(time, END_OF_TIME)
    numbers = decimal_texts([text for column in texts for text in column], NUMBER).cast(pl.Float64)
    values = {name: numbers.slice(place * len(rows), len(rows)) for place, name in enumerate(_DECIMALS)}
    return pl.DataFrame({"time": times, **values, "trades": whole_numbers(count, _MOST_TRADES)}, schema=_OHLC)


def _is_believed() -> pl.Expr:
    """Whether a row is one without trades, or a candle. Without trades all prices are the close before it."""
    first, high, low, close = map(pl.col, PRICES)
    shaped = (low > 0) & (low <= pl.min_horizontal(first, close)) & (high >= pl.max_horizontal(first, close))
    silent, traded = ((pl.col("trades") > 0) == wanted for wanted in (False, True))
    empty = (pl.col("volume") == 0) & (low == high) & (close == close.shift(1, fill_value=close.first()))
    return (silent & empty) | (traded & ~empty & shaped)
