"""The candles in QuestDB as a view of DuckDB: fetched once for every state of the table, as one Parquet file."""

from __future__ import annotations

import time
import uuid
from pathlib import Path

import duckdb

from kraken_core.domain.averages import VWAP
from kraken_core.domain.venues import SEPARATOR
from kraken_core.stores.files.errors import store_errors
from kraken_core.stores.files.location import literal, unglobbed
from kraken_core.stores.files.table_form import SQL_TYPES
from kraken_core.stores.questdb.server import QuestDbServer
from kraken_core.stores.questdb.tables import ASSETS, TableKey, TableLayout

KEPT_S = 3600  # a file of an earlier state may still be read
# Where rows of several sources share a slot: as everywhere, the highest kind of source counts.
_HIGHEST = (
    "QUALIFY row_number() OVER (PARTITION BY pair, interval_minutes, time ORDER BY CASE "
    "WHEN source LIKE '%trade%' THEN 0 WHEN source LIKE '%csv%' THEN 1 "
    "WHEN source LIKE '%ohlc%' OR source LIKE '%api%' THEN 2 ELSE 3 END, source) = 1"
)


def show(
    connection: duckdb.DuckDBPyConnection,
    server: QuestDbServer,
    folder: Path,
    key: TableKey,
    table: str,
    *,
    layout: TableLayout,
) -> None:
    """Create the view. ``key`` is the state of the table; where there is none, the view is empty. Raises StoreError."""
    columns = ", ".join(f"{name}::{kind} AS {name}" for name, kind in SQL_TYPES.items())
    with store_errors("show", folder):
        connection.execute(f"SET allowed_directories = {literal([str(folder), unglobbed(str(folder))])}")
        rows = f"SELECT {', '.join(f'NULL AS {name}' for name in SQL_TYPES)} WHERE false"
        if key.ids:
            fetched = str(_fetched(server, folder, key, table, layout))
            rows = f"SELECT * FROM read_parquet({literal([unglobbed(fetched)])})"
            rows += f" {_HIGHEST}" if layout.by_source else ""
        connection.execute(f"CREATE OR REPLACE VIEW candles AS SELECT {columns} FROM ({rows})")


def _fetched(server: QuestDbServer, folder: Path, key: TableKey, table: str, layout: TableLayout) -> Path:
    # Earlier versions fetched fewer columns of the same state.
    target = folder / f"{'-'.join(map(str, (*key.ids, *key.transactions)))}-{len(SQL_TYPES)}.parquet"
    if target.exists():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.parquet"):
        if old.stat().st_mtime < time.time() - KEPT_S:
            old.unlink(missing_ok=True)
    part = folder / f"{uuid.uuid4().hex}.part"
    called = {"trades": "trade_count AS trades", **({} if layout.has_vwap else {VWAP: f"NULL::double AS {VWAP}"})}
    names = ", ".join(called.get(name, name) for name in SQL_TYPES if name != "pair")
    try:
        server.download(
            f"SELECT CASE WHEN strpos(quote_currency, '{SEPARATOR}') > 0 THEN quote_currency::string "
            f"ELSE concat(ticker, '/', quote_currency) END AS pair, {names} FROM {table} p JOIN {ASSETS} a "
            "ON a.id = p.asset_id WHERE close IS NOT NULL",
            part,
        )
        part.rename(target)
    finally:
        part.unlink(missing_ok=True)
    return target
