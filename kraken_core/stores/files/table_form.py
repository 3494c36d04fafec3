"""What distinguishes the kinds of tables that are kept as Parquet files below a Delta log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import polars as pl

from kraken_core.domain.averages import VWAP
from kraken_core.domain.candles import FULL_SCHEMA, TIME
from kraken_core.domain.kept_trades import KEPT
from kraken_core.domain.revisions import ALL_VISIBLE

PARTITION = "interval_minutes"  # of candles; in the folder's name, so not in the files (Delta's rule)
YEAR = "year"  # of trades
_SQL = {pl.String: "VARCHAR", pl.Int32: "INTEGER", pl.Float64: "DOUBLE", TIME: "TIMESTAMP WITH TIME ZONE"}
SQL_TYPES = {name: _SQL[kind] for name, kind in ALL_VISIBLE.items()}  # of the view ``candles``


class TableForm(NamedTuple):
    """A kind of table: what is in it, what it is called, its transactions' name, its columns, that of its folders.

    ``later`` are columns that tables, and files, of earlier versions of this program have not, nor files that would
    have nothing in them: they are null there.
    """

    rows: str
    noun: str
    application: str
    schema: Mapping[str, pl.DataType | type[pl.DataType]]
    partition: str
    later: tuple[str, ...] = ()


CANDLE_TABLE = TableForm("candles", "candle table", "kraken-candles", FULL_SCHEMA, PARTITION, later=(VWAP,))
TRADE_TABLE = TableForm("trades", "table of trades", "kraken-trades", {YEAR: pl.Int32, **KEPT}, YEAR)
