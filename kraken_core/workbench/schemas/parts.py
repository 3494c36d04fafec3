"""What schemas are put together of (JSON Schema 2020-12)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypeAlias

import polars as pl

from kraken_core.domain.candles import TIME as TIME_COLUMN

Schema: TypeAlias = dict[str, Any]

TEXT: Schema = {"type": "string"}
INTEGER: Schema = {"type": "integer"}
COUNT: Schema = {"type": "integer", "minimum": 0}
NUMBER: Schema = {"type": "number"}
SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
YES_OR_NO: Schema = {"type": "boolean"}
TIME: Schema = {"type": "string", "format": "date-time", "pattern": "Z$", "description": "ISO 8601, UTC"}
PAIR: Schema = {
    "type": "string",
    "pattern": "^([^/:]+/[^/:]+|[^/:]+:.+)$",
    "description": "base/quote, such as BTC/USD; of other exchanges than Kraken spot kraken-futures:PF_XBTUSD",
}
MINUTES: Schema = {"type": "integer", "minimum": 1, "description": "length of a candle in minutes"}


def said(schema: Schema, description: str) -> Schema:
    """The same with what it means."""
    return {**schema, "description": description}


def one_of(values: Iterable[str]) -> Schema:
    """A text out of a few."""
    return {"type": "string", "enum": sorted(values)}


def nullable(schema: Schema) -> Schema:
    """The same, or null."""
    if "type" not in schema or "enum" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    return {**schema, "type": [schema["type"], "null"]}


def array(items: Schema) -> Schema:
    """A list."""
    return {"type": "array", "items": items}


def record(properties: Mapping[str, Schema], optional: Collection[str] = ()) -> Schema:
    """An object with these keys; later versions may add some."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": [name for name in properties if name not in optional],
    }


def mapping(values: Schema) -> Schema:
    """An object whose keys are data."""
    return {"type": "object", "additionalProperties": values}


def row_of(columns: Mapping[str, Any], nulls: Collection[str] = (), **better: Schema) -> Schema:
    """A row of a table by its columns' polars types; ``nulls`` may be null, ``better`` says more of a column."""
    known = {pl.String: TEXT, pl.Int32: INTEGER, pl.Int64: COUNT, pl.Float64: NUMBER, pl.Boolean: YES_OR_NO}
    named = {"pair": PAIR, "interval": MINUTES, **better}
    found = {n: named.get(n) or (TIME if kind == TIME_COLUMN else known[kind]) for n, kind in columns.items()}
    return record({name: nullable(schema) if name in nulls else schema for name, schema in found.items()})
