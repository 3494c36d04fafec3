"""Rows and numbers of an answer: what has not the documented form is never guessed at.

Numbers keep their decimal text until they become the double nearest to it, or a decimal.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from kraken_core.domain.errors import UnknownPairError
from kraken_core.domain.exchange import NS
from kraken_core.domain.market import Pair
from kraken_core.domain.timerange import END_OF_TIME
from kraken_core.sources.rest.answers import Result
from kraken_core.sources.rest.failures import NoAnswerError, nonsense
from kraken_core.sources.rest.numbers import number_of, plain_text, whole_number

NUMBER = r"^[0-9]{1,30}(\.[0-9]{1,30})?$"
_MOST_CURSOR = 10**19  # nanoseconds
_MOST_EXACT = 1 << 53  # up to here a double is exact
_MOST_QUOTED = 120  # characters of a row that was skipped


def readable_rows(rows: list[Any], read: Callable[[list[Any]], pl.DataFrame]) -> tuple[pl.DataFrame, set[int]]:
    """What is read of the rows, and the places of those that cannot be. Raises NoAnswerError where all of them are."""
    try:
        return read(rows), set()
    except NoAnswerError:
        skipped = {place for place, row in enumerate(rows) if not _is_read([row], read)}
        if len(skipped) == len(rows):
            raise
        return read([row for place, row in enumerate(rows) if place not in skipped]), skipped


def _is_read(rows: list[Any], read: Callable[[list[Any]], pl.DataFrame]) -> bool:
    try:
        read(rows)
    except NoAnswerError:
        return False
    return True


class Cursor(NamedTuple):
    """The value of ``last``; ``exact`` unless its text leaves digits out (1.6166e18), or a double may have."""

    value: int
    exact: bool


def cursor_of(last: object) -> Cursor | None:
    """``last`` as a whole number, in whatever form; None where it is missing. Raises NoAnswerError for no instant."""
    if last is None:
        return None
    value, number = whole_number(last, _MOST_CURSOR), number_of(last)
    if value is None or number is None:
        raise nonsense(f"its last is no instant: {json.dumps(last, default=str)[:_MOST_QUOTED]}")
    exponent = number.as_tuple().exponent
    is_whole = isinstance(exponent, int) and exponent <= 0
    may_be_rounded = value > _MOST_EXACT and not str(last).isdigit() and value == int(float(value))
    return Cursor(value, exact=is_whole and not may_be_rounded)


def rows_of(found: Result, pair: Pair | None) -> list[Any]:
    """The rows: the only list of rows, or the one under the pair's own name."""
    values = {key: value for key, value in found.items() if key != "last" and isinstance(value, list)}
    if len(values) > 1:
        values = {key: value for key, value in values.items() if not value or isinstance(value[0], list)}
    if len(values) > 1:
        values = {key: value for key, value in values.items() if pair and _names(key, pair)}
    if len(values) != 1:
        raise nonsense("it is not of one pair")
    [rows] = values.values()
    return rows


def _names(key: str, pair: Pair) -> bool:
    try:
        return key == pair.altname or Pair.parse(key) == pair
    except UnknownPairError:
        return False


def columns(rows: list[Any], width: int) -> list[Sequence[object]]:
    """The first fields of rows as columns."""
    if not rows:
        return [()] * width
    if set(map(type, rows)) != {list} or min(map(len, rows)) < width:
        raise nonsense(f"rows that have not {width} fields")
    return list(zip(*(row[:width] for row in rows), strict=True))


def quoted(rows: list[Any], places: Iterable[int]) -> tuple[str, ...]:
    """Rows as they may be shown."""
    return tuple(json.dumps(rows[place], default=str)[:_MOST_QUOTED] for place in sorted(places))


def whole_numbers(values: Sequence[Any], end: int) -> npt.NDArray[np.int64]:
    """Whole numbers from 0 up to an end."""
    if not set(map(type, values)) <= {int}:
        values = [whole_number(value, end) for value in values]
    if None in values or (values and not (min(values) >= 0 and max(values) < end)):
        raise nonsense("a number that is not whole, or too large")
    return np.array(values, dtype=np.int64)


def decimal_texts(values: Sequence[Any], pattern: str) -> pl.Series:
    """The texts of decimals, as they are, or without an exponent."""
    if set(map(type, values)) <= {str}:
        texts = pl.Series(plain_texts(values), dtype=pl.String)
        if texts.str.contains(pattern).all():
            return texts
    texts = pl.Series([plain_text(value) for value in values], dtype=pl.String)
    if texts.null_count() or not texts.str.contains(pattern).all():
        raise nonsense("a value that is not a number, or has too many digits")
    return texts


def plain_texts(values: Sequence[Any]) -> Sequence[str]:
    """Texts of ASCII, as they are."""
    if not set(map(type, values)) <= {str} or not "".join(values).isascii():
        raise nonsense("a value that is not plain text")
    return values


def nanoseconds(values: Sequence[Any]) -> npt.NDArray[np.int64]:
    """Times in seconds, with or without a fraction."""
    if not set(map(type, values)) <= {int, Decimal}:
        values = [number_of(value) for value in values]
    if None in values or (values and not (min(values) > 0 and max(values) < END_OF_TIME)):
        raise nonsense("a time that is none")
    return np.array([int(value * NS) for value in values], dtype=np.int64)
