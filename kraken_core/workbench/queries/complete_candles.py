"""``complete_candles(…)`` in SQL: candles of a range, refused where it is not complete.

The calls are found in the query before it runs, as DuckDB parses it: what is refused does not depend on which rows a
plan happens to touch.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import duckdb

from kraken_core.domain.errors import UsageError
from kraken_core.domain.market import Pair

FUNCTION = "complete_candles"
_USE = f"{FUNCTION}('BTC/USD', 60, '2024-01-01', '2025-01-01', evidence := 'confirmed')"
_MACRO = (  # for MEANT, which pair each name of the query means
    "CREATE TEMP MACRO complete_candles(named, minutes, from_time, to_time, evidence := NULL) AS TABLE "
    "SELECT * FROM candles WHERE pair = CASE named MEANT END AND interval_minutes = minutes "
    "AND time >= from_time::TIMESTAMPTZ AND time < to_time::TIMESTAMPTZ"
)
_PARAMETERS = ("pair", "interval", "start", "end", "evidence")


class RangeCall(NamedTuple):
    """What a query requires: pair, interval (minutes), start and end, and perhaps a grade, each as it is written."""

    pair: str
    interval: str
    start: str
    end: str
    evidence: str | None = None


Require = Callable[[RangeCall], Pair]  # raises where the range is not complete; returns the pair


def define(connection: duckdb.DuckDBPyConnection, sql: str, require: Require) -> None:
    """Have the query find the function, once every call of it is of a range that is complete.

    Raises what ``require`` does, UsageError where it is called with anything but constants, and in no way that is
    understood.
    """
    pairs = {call.pair: str(require(call)) for call in _calls(connection, sql)}
    if not pairs:
        raise UsageError(f"the query is wrong: write {_USE} where a table would be.")
    meant = " ".join(f"WHEN {_text(written)} THEN {_text(pair)}" for written, pair in sorted(pairs.items()))
    connection.execute(_MACRO.replace("MEANT", meant))


def _calls(connection: duckdb.DuckDBPyConnection, sql: str) -> Iterator[RangeCall]:
    [(text,)] = connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [sql]).fetchall()
    for function in _functions(json.loads(text)):
        given: dict[str, str] = {}
        for name, argument in zip(_PARAMETERS, function["arguments"], strict=False):
            literal = argument["expression"].get("literal") or {}
            if literal.get("kind") not in {"STRING", "INTEGER"}:
                raise UsageError(f"{FUNCTION} takes constants only: {_USE}.")
            given[argument["name"] or name] = literal["text"]
        if not {*_PARAMETERS[:-1]} <= given.keys() <= {*_PARAMETERS} or len(function["arguments"]) != len(given):
            raise UsageError(f"{FUNCTION} takes a pair, an interval, a start and an end: {_USE}.")
        yield RangeCall(**given)


def _functions(parsed: Any) -> Iterator[Mapping[str, Any]]:  # noqa: ANN401 - any JSON value
    """Every call of the function, wherever it is in the query."""
    if isinstance(parsed, dict):
        function = parsed.get("function")
        if parsed.get("type") == "TABLE_FUNCTION" and function and function["function_name"].casefold() == FUNCTION:
            yield function
        parsed = list(parsed.values())
    if isinstance(parsed, list):
        for part in parsed:
            yield from _functions(part)


def _text(value: str) -> str:
    quoted = value.replace("'", "''")
    return f"'{quoted}'"
