"""The kinds of arguments that callers in Python give, by the type declared: how each is taken, and an example."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from datetime import date
from math import isfinite
from operator import index
from typing import NamedTuple, SupportsIndex, cast

from kraken_core.domain.market import Pair, Series
from kraken_core.domain.request import Selection
from kraken_core.domain.timerange import END_OF_TIME, TimeRange

_TOO_LARGE = 1 << 63  # for the ledger, and for any count
_EARLIEST = -62_135_596_800  # 0001-01-01T00:00:00Z, the first that a date can be


class OtherTypeError(Exception):
    """The value is of no type that is taken."""


class ArgumentKind(NamedTuple):
    """What an argument may be: how that is taken, in words, and as an example."""

    taken: Callable[[object], object]
    words: str
    example: str


def _text(value: object) -> object:
    return _one_of(value, str)


def _path(value: object) -> object:
    found = _text(os.fspath(value) if isinstance(value, os.PathLike) else value)
    if "\0" in cast("str", found):
        raise OtherTypeError
    return value


def _number(value: object) -> object:
    """A whole number of any library, as Python's own."""
    if isinstance(value, bool):
        raise OtherTypeError
    try:
        found = int(value) if isinstance(value, float) and value.is_integer() else index(cast("SupportsIndex", value))
    except TypeError:
        raise OtherTypeError from None
    if not -_TOO_LARGE <= found < _TOO_LARGE:
        raise OtherTypeError
    return found


def _interval(value: object) -> object:
    return value if isinstance(value, str) else _number(value)


def _pair(value: object) -> object:
    return _one_of(value, str, Pair)


def _when(value: object) -> object:
    if isinstance(value, (str, date)) and value == value:  # noqa: PLR0124 - pandas' NaT is a date, and equals nothing
        return value
    if isinstance(value, float) or not _EARLIEST <= cast("int", seconds := _number(value)) <= END_OF_TIME:
        raise OtherTypeError
    return seconds


def _one_of(value: object, *types: type) -> object:
    if not isinstance(value, types):
        raise OtherTypeError
    return value


def _listed(item: Callable[[object], object]) -> Callable[[object], object]:
    def taken(value: object) -> object:
        if isinstance(value, (str, bytes, Pair)) or not isinstance(value, Iterable):
            raise OtherTypeError
        return [item(each) for each in value]

    return taken


def _pairs(value: object) -> object:
    return value if isinstance(value, (str, Pair)) else _listed(_pair)(value)


def _plan(value: object) -> object:
    from kraken_core.domain.plan import IngestionPlan  # noqa: PLC0415 - loads polars, which opening a home does not

    return _one_of(value, IngestionPlan)


def _texts(value: object) -> object:
    return value if isinstance(value, str) else _listed(_text)(value)


def _size(value: object) -> object:
    return value if isinstance(value, float) and isfinite(value) else _interval(value)


_OF_PAIRS = ArgumentKind(_listed(_pair), "a list of pairs", '["BTC/USD"]')
_OF_TEXTS = ArgumentKind(_listed(_text), "a list of texts", '["BTC/USD"]')
KINDS = {
    "str": ArgumentKind(_text, "a text", '"…"'),
    "Literal['pandas', 'polars', 'arrow']": ArgumentKind(_text, "a text", '"polars"'),
    'Literal["pandas", "polars", "arrow"]': ArgumentKind(_text, "a text", '"polars"'),
    "int": ArgumentKind(_number, "a whole number", "1"),
    "int | str": ArgumentKind(_interval, "minutes, or a length as a text", '60 or "1h"'),
    "When": ArgumentKind(_when, "a date, a time, or whole seconds since 1970", '"2024-01-31"'),
    "str | Path": ArgumentKind(_path, "a path", '"data"'),
    "str | Pair": ArgumentKind(_pair, "a pair", '"BTC/USD"'),
    "OneOrMore": ArgumentKind(_pairs, "a pair, or a list of pairs", '"BTC/USD"'),
    "Iterable[str]": _OF_TEXTS,
    "Iterable[str | Pair]": _OF_PAIRS,
    "Iterable[int | str]": ArgumentKind(_listed(_interval), "a list of intervals", '[60, "1d"]'),
    "Iterable[int]": ArgumentKind(_listed(_number), "a list of whole numbers", "[1, 2]"),
    "Iterable[str | Path]": ArgumentKind(_listed(_path), "a list of paths and addresses", '["archives"]'),
    "str | Iterable[str]": ArgumentKind(_texts, "a text, or a list of texts", '"USD"'),
    "str | float": ArgumentKind(_size, "a text, or a number", '"1h"'),
    "Series": ArgumentKind(lambda value: _one_of(value, Series), "a series", 'Series(wb.pair("BTC/USD"), 60)'),
    "TimeRange": ArgumentKind(lambda value: _one_of(value, TimeRange), "a range of time", "TimeRange(0, 86_400)"),
    "Selection": ArgumentKind(lambda value: _one_of(value, Selection), "a selection", 'wb.select(pairs=["BTC/USD"])'),
    "IngestionPlan": ArgumentKind(_plan, "a plan", 'wb.plan(tier="TIER1")'),
}
EXAMPLES = {
    "tier": '"TIER1"',
    "tiers": '["TIER1", "TIER2"]',
    "quotes": '["USD", "EUR"]',
    "fill": '"previous"',
    "pivot": '"close"',
    "evidence": '"confirmed"',
    "kind": '"parquet"',
    "query": '"select * from candles limit 10"',
    "to": '"polars"',
}
