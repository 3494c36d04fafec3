"""Candles as JSON rows and as an Arrow stream, and which of the two a client wants."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
from starlette.exceptions import HTTPException

from kraken_core.serving.http.endpoints import ARROW, JSON

if TYPE_CHECKING:
    from collections.abc import Mapping

_FORMATS = {"*/*": JSON, "application/*": JSON, JSON: JSON, ARROW: ARROW}


def as_json(candles: pl.DataFrame, document: Mapping[str, Any]) -> bytes:
    """The document with a row a candle, its time as ISO 8601, written by polars: no Python object each."""
    rows = candles.with_columns(pl.col("time").dt.strftime("%Y-%m-%dT%H:%M:%SZ")).write_json()
    head = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return f'{head[:-1]},"candles":{rows}}}\n'.encode()


def as_arrow(candles: pl.DataFrame, document: Mapping[str, Any]) -> bytes:
    """An IPC stream that every version of Arrow reads; the schema's metadata has the rest of the document, as JSON."""
    table = candles.to_arrow(compat_level=pl.CompatLevel.oldest())
    described = {name: json.dumps(value) for name, value in document.items()}
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema.with_metadata(described)) as stream:
        stream.write_table(table.replace_schema_metadata(described))
    content: bytes = sink.getvalue().to_pybytes()
    return content


def wants_arrow(named: str | None, accept: str | None) -> bool:
    """Whether the answer is to be Arrow: as the parameter says, else by Accept.

    Raises HTTPException (406) where neither that nor JSON is accepted.
    """
    if named:
        return named == "arrow"
    best, found = 0.0, None
    for part in (accept or "*/*").split(","):
        kind, *options = (piece.strip().lower() for piece in part.split(";"))
        quality = next((_quality(option[2:]) for option in options if option.startswith("q=")), 1.0)
        if kind in _FORMATS and quality > best:
            best, found = quality, _FORMATS[kind]
    if found is None:
        raise HTTPException(406, f"there are {JSON} and {ARROW}: accept one of them, or name a format.")
    return found == ARROW


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
