"""SQL over the candle table and the ledger."""

from __future__ import annotations

import duckdb
import polars as pl

from kraken_core.domain.errors import UsageError
from kraken_core.ledger.ledger import SqlLedger
from kraken_core.ports import CandleStore

LEDGER_VIEWS = ("assets", "pairs", "jobs", "files", "coverage", "gaps")


def answer(sql: str, store: CandleStore, ledger: SqlLedger) -> pl.DataFrame:
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
