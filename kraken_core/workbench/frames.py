"""What Workbench hands out: pandas DataFrames, and what SQL answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
import pandas as pd
import polars as pl

from kraken_core.domain.candles import PRICES, TIME
from kraken_core.domain.errors import UsageError
from kraken_core.domain.timerange import TimeRanges
from kraken_core.ledger.ledger import SqlLedger
from kraken_core.ports import CandleStore

LEDGER_VIEWS = ("assets", "pairs", "jobs", "files", "coverage", "gaps")
_COLUMNS = (*PRICES, "volume", "trades", "source")


def candles(held: pl.DataFrame) -> pd.DataFrame:
    """Candles indexed by time: open, high, low, close, volume, trades (Int32), source."""
    frame = pandas(held.select("time", *_COLUMNS))
    return frame.astype({"trades": "Int32"}).set_index("time")


def filled(held: pl.DataFrame, known: TimeRanges, width: int) -> pd.DataFrame:
    """The candles, and in known slots without one the close before it, flagged in ``filled``.

    ``known``: covered ranges in epoch seconds, of slots of ``width`` seconds. A silent slot before the first candle
    has no close before it and stays absent.
    """
    slots = [at for start, end in known for at in range(start, end, width)]
    times = pl.DataFrame({"time": pl.from_epoch(pl.Series(slots, dtype=pl.Int64)).cast(TIME)})
    every = times.join(held, on="time", how="full", coalesce=True).sort("time")
    close = pl.col("close").forward_fill()
    whole = every.with_columns(filled=pl.col("close").is_null()).with_columns(
        close,
        *(pl.col(name).fill_null(close) for name in ("open", "high", "low")),
        pl.when("filled").then(0.0).otherwise("volume").alias("volume"),
        pl.when("filled").then(0).otherwise("trades").cast(pl.Int32).alias("trades"),
    )
    frame = pandas(whole.drop_nulls("close").select("time", *_COLUMNS, "filled"))
    return frame.astype({"trades": "Int32"}).set_index("time")


def table(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    """Contract rows as a DataFrame, ``start`` and ``end`` as UTC timestamps."""
    frame = pd.DataFrame(rows, columns=list(columns))
    for name in {"start", "end"} & set(columns):
        frame[name] = pd.to_datetime(frame[name], utc=True)
    return frame


def pandas(frame: pl.DataFrame) -> pd.DataFrame:
    """The same in pandas."""
    return frame.to_arrow().to_pandas()


def query(sql: str, store: CandleStore, ledger: SqlLedger) -> pl.DataFrame:
    """What a query answers; only the views it names are loaded, and no file but the table's can be read.

    Raises UsageError with DuckDB's reason.
    """
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        try:
            named = connection.get_table_names(sql)
            if "candles" in named:
                store.view(connection)
            connection.execute("SET enable_external_access = false")
            for name in LEDGER_VIEWS:
                if name in named:
                    connection.register(name, ledger.table_frame(name).to_arrow())
            return pl.DataFrame(connection.sql(sql).to_arrow_table())
        except duckdb.Error as error:
            raise UsageError(f"the query is wrong: {str(error).splitlines()[0]}") from error
