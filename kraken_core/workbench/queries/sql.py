"""SQL over the candle table and the ledger."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from types import MappingProxyType

import duckdb
import polars as pl

from kraken_core.domain.errors import UsageError
from kraken_core.ports import QueriedRecords, StoredCandles, TradeStore
from kraken_core.workbench.queries.complete_candles import FUNCTION, Require, define
from kraken_core.workbench.queries.presentable import presentable

CANDLES, TRADES, SILENCES = "candles", "trades", "silences"
KEPT_VIEWS = frozenset({CANDLES, "coverage", "gaps", "differences"})  # as known at an instant there are these
VIEWS = KEPT_VIEWS | {
    TRADES,
    "assets",
    "pairs",
    "jobs",
    "stages",
    "verifications",
    "files",
    "listings",
    "funding_rates",
}
WORKED_OUT = frozenset({SILENCES, "incidents", "conditions", "price_findings", "trade_coverage"})
_WORD = re.compile(r"\w+")
_NO_TABLE = re.compile(r"Table with name (\w+) does not exist")
_QUERIES = ([duckdb.StatementType.SELECT], [duckdb.StatementType.EXPLAIN])


def answer(
    sql: str,
    store: StoredCandles,
    ledger: QueriedRecords,
    require: Require | None = None,
    views: frozenset[str] = VIEWS,
    *,
    worked_out: Mapping[str, Callable[[], pl.DataFrame]] = MappingProxyType({}),
    trades: Callable[[], TradeStore] | None = None,
) -> pl.DataFrame:
    """What a query over some views answers; only those it names are loaded, and no file but the table's can be read.

    One that names none (``show tables``) sees them all, but those that are ``worked_out`` for a query that has their
    name in it. Raises UsageError with DuckDB's reason, and for whatever is
    not one query: nothing here can be changed by SQL. Raises StoreError where the candles cannot be read, and what
    ``require`` does where a range is not complete that the query wants so; without it no query can.
    """
    try:
        with duckdb.connect() as connection, ExitStack() as shown:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute("SET python_enable_replacements = false")  # a misspelt view is not one of our variables
            _check(connection.extract_statements(sql))
            named = _named(connection, sql, views)
            completely = require if FUNCTION in sql.casefold() else None
            if completely:
                named |= {CANDLES}
            if CANDLES in named:
                shown.enter_context(store.view(connection))
            if TRADES in named and trades:
                shown.enter_context(trades().view(connection))
            connection.execute("SET enable_external_access = false")
            for name in named - {CANDLES, TRADES}:
                connection.register(name, ledger.table_frame(name).to_arrow())
            for name in _words(sql) & worked_out.keys():
                connection.register(name, worked_out[name]().to_arrow())
            if completely:
                define(connection, sql, completely)
            return presentable(connection.sql(sql).to_arrow_table())
    except duckdb.Error as error:
        _refuse_not_kept(error, views)
        raise UsageError(f"the query is wrong: {str(error).splitlines()[0]}") from error
    except pl.exceptions.PolarsError as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"its answer does not fit a table: {reason}. Rename or cast that column.") from error


def _named(connection: duckdb.DuckDBPyConnection, sql: str, views: frozenset[str]) -> frozenset[str]:
    try:
        named = VIEWS.intersection(map(str.casefold, connection.get_table_names(sql)))
    except duckdb.Error:  # it does not understand every query, such as joins with USING
        return views
    if named:
        return named & views
    return views if not _words(sql) & WORKED_OUT else frozenset()


def _words(sql: str) -> set[str]:
    return set(_WORD.findall(sql.casefold()))


def _refuse_not_kept(error: duckdb.Error, views: frozenset[str]) -> None:
    found = _NO_TABLE.search(str(error))
    if found and (name := found[1].casefold()) in (VIEWS | WORKED_OUT) - views:
        raise UsageError(
            f"the view {name} is not kept as it was: as known at an instant there are {', '.join(sorted(views))} and "
            f"{SILENCES}."
        ) from error


def _check(statements: Sequence[duckdb.Statement]) -> None:
    if [statement.type for statement in statements] not in _QUERIES:
        raise UsageError("the query is wrong: write one SELECT; the history cannot be changed by SQL.")
