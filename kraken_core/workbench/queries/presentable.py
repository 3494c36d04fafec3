"""Answers of SQL as frames for everything: pandas, polars, JSON, a terminal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from polars import selectors

from kraken_core.domain.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

_UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}  # a second's
_FIRST_S, _LAST_S = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (1, 9999))
_DAY_S = 86_400
_NO_TYPE: tuple[Callable[[pa.DataType], bool], ...] = (
    lambda kind: isinstance(kind, pa.BaseExtensionType),
    pa.types.is_interval,
    pa.types.is_union,
)


def presentable(answer: pa.Table) -> pl.DataFrame:
    """The answer as a frame, bytes as hexadecimal text.

    Raises UsageError for a column of a type that no frame supports, or of times that no calendar here reaches
    (``infinity``): it is to be cast.
    """
    for field, column in zip(answer.schema, answer.columns, strict=True):
        advice = f'cast it to text, as in "{field.name}"::varchar'
        if any(is_such(field.type) for is_such in _NO_TYPE):
            raise UsageError(f"the column {field.name!r} has a type that no table here supports: {advice}.")
        if not _within_calendar(column):
            raise UsageError(f"the column {field.name!r} has times before year 1 or after 9998 (infinity?): {advice}.")
    return pl.DataFrame(answer).with_columns(selectors.binary().bin.encode("hex"))


def _within_calendar(column: pa.ChunkedArray) -> bool:
    kind = column.type
    if pa.types.is_date(kind):
        least, most = (bound // _DAY_S for bound in (_FIRST_S, _LAST_S))
        column = column.cast(pa.date32()).cast(pa.int32())
    elif pa.types.is_timestamp(kind):
        least, most = (bound * _UNITS[kind.unit] for bound in (_FIRST_S, _LAST_S))
        column = column.cast(pa.int64())
    else:
        return True
    found = pc.min_max(column)
    return not found["min"].is_valid or (least <= found["min"].as_py() and found["max"].as_py() < most)
