"""What distinguishes the kinds of tables that are kept as Parquet files below a Delta log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import polars as pl

from kraken_core.domain.candles import SCHEMA
from kraken_core.domain.kept_trades import KEPT

PARTITION = "interval_minutes"  # of candles; in the folder's name, so not in the files (Delta's rule)
YEAR = "year"  # of trades


class TableForm(NamedTuple):
    """A kind of table: what is in it, what it is called, its transactions' name, its columns, that of its folders."""

    rows: str
    noun: str
    application: str
    schema: Mapping[str, pl.DataType | type[pl.DataType]]
    partition: str


CANDLE_TABLE = TableForm("candles", "candle table", "kraken-candles", SCHEMA, PARTITION)
TRADE_TABLE = TableForm("trades", "table of trades", "kraken-trades", {YEAR: pl.Int32, **KEPT}, YEAR)
