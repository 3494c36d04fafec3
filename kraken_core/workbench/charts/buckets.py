"""Candles added up in DuckDB, so that millions of them never leave it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import polars as pl

from kraken_core.domain.market import Series
from kraken_core.domain.timerange import TimeRange, ceil, floor
from kraken_core.ports import CandleStore

if TYPE_CHECKING:
    import duckdb

_COUNTS = """
SELECT pair, epoch_us(time) // $width * $width // 1000000 AS start, count(*) AS candles
FROM candles WHERE interval_minutes = {interval} AND pair IN $pairs
AND time >= make_timestamptz($from) AND time < make_timestamptz($to)
GROUP BY ALL
"""
_BARS = """
SELECT epoch_us(time) // $width * $width // 1000000 AS start,
    arg_min(open, time) AS open, max(high) AS high, min(low) AS low, arg_max(close, time) AS close,
    sum(volume) AS volume, sum(trades)::BIGINT AS trades, count(*) AS candles,
    epoch_us(min(time)) // 1000000 AS first, epoch_us(max(time)) // 1000000 AS last,
    array_to_string(list_sort(list(DISTINCT source)), ', ') AS source
FROM candles WHERE interval_minutes = {interval} AND pair = $pair
AND time >= make_timestamptz($from) AND time < make_timestamptz($to)
GROUP BY ALL ORDER BY start
"""
_US = 1_000_000
_MEMORY = "256MB"  # that DuckDB may take for it; it needs a tenth


def counts(
    store: CandleStore, series: Collection[Series], window: TimeRange, width: int
) -> dict[Series, dict[int, int]]:
    """How many candles open in each stretch of ``width`` seconds, or of a slot, that reaches into the window.

    By series and the start of the stretch. All series are read at one state of the table.
    """
    found: dict[Series, dict[int, int]] = {each: {} for each in series}
    with _reading(store) as connection:
        for interval in sorted({each.interval for each in series}):
            named = {str(each.pair): each for each in series if each.interval == interval}
            slot = interval * 60
            whole = TimeRange(floor(window.start, slot), ceil(window.end, slot))
            parameters = {**_bounds(whole, max(width, slot)), "pairs": list(named)}
            for name, start, candles in connection.execute(_COUNTS.format(interval=interval), parameters).fetchall():
                found[named[name]][start] = candles
    return found


def bars(store: CandleStore, series: Series, window: TimeRange, width: int) -> pl.DataFrame:
    """The candles of the window, those that open in one stretch of ``width`` seconds made one.

    Columns: start (epoch seconds), open, high, low, close, volume, trades, candles (how many; where the first and the
    last open), source.
    """
    with _reading(store) as connection:
        parameters = {**_bounds(window, width), "pair": str(series.pair)}
        return pl.DataFrame(connection.sql(_BARS.format(interval=series.interval), params=parameters).to_arrow_table())


def _bounds(window: TimeRange, width: int) -> dict[str, int]:
    return {"from": window.start * _US, "to": window.end * _US, "width": width * _US}


@contextmanager
def _reading(store: CandleStore) -> Iterator[duckdb.DuckDBPyConnection]:
    import duckdb  # noqa: PLC0415 - jobs add up what is complete with these modules, and read no candle

    with duckdb.connect(config={"memory_limit": _MEMORY}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        with store.view(connection):
            yield connection
