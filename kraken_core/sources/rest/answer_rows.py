"""Rows and numbers of an answer: what has not the documented form is never guessed at.

Numbers keep their decimal text until they become the double nearest to it, or a decimal.
"""

from __future__ import annotations

import json
import re
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

NUMBER = r"^[0-9]{1,30}(\.[0-9]{1,30})?$"
_CURSOR = re.compile(r"\d{1,19}|\d(\.\d{1,30})?[eE]\+?\d{1,2}", re.ASCII)
_MOST_CURSOR = 10**19  # nanoseconds
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
    """The value of ``last``; ``exact`` unless its text leaves digits out (1.6166e18)."""

    value: int
    exact: bool


def cursor_of(last: object) -> Cursor | None:
    """``last`` as a whole number, a text, or in scientific notation; None where it is no instant."""
    if type(last) is int:
        number = Decimal(last)
    elif isinstance(last, (str, Decimal)) and _CURSOR.fullmatch(text := str(last)):
        number = Decimal(text)
    else:
        return None
    exponent = number.as_tuple().exponent
    if not 0 <= number < _MOST_CURSOR or number != number.to_integral_value() or not isinstance(exponent, int):
        return None
    return Cursor(int(number), exact=exponent <= 0)


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
    if not set(map(type, values)) <= {int} or (values and not (min(values) >= 0 and max(values) < end)):
        raise nonsense("a number that is not whole, or too large")
    return np.array(values, dtype=np.int64)


def decimal_texts(values: Sequence[Any], pattern: str) -> pl.Series:
    """Decimal texts, as they are."""
    texts = pl.Series(plain_texts(values), dtype=pl.String)
    if not texts.str.contains(pattern).all():
        raise nonsense("a text that is not a number")
    return texts


def plain_texts(values: Sequence[Any]) -> Sequence[str]:
    """Texts of ASCII, as they are."""
    if not set(map(type, values)) <= {str} or not "".join(values).isascii():
        raise nonsense("a value that is not plain text")
    return values


def nanoseconds(values: Sequence[Any]) -> npt.NDArray[np.int64]:
    """Times in seconds, with or without a fraction."""
    if not set(map(type, values)) <= {int, Decimal} or (values and not (min(values) > 0 and max(values) < END_OF_TIME)):
        raise nonsense("a time that is none")
    return np.array([int(value * NS) for value in values], dtype=np.int64)
