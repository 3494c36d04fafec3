"""Which column of a CSV file is which: in Kraken's order, or in the order that the file's header names.

A header is obeyed or the file is refused: read in another order than it was written, a file makes candles that look
right and are wrong. What makes a text unreadable as a whole is named here too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from kraken_core.domain.errors import BadFileError

STRIPPED = " \t\r\"'\ufeff"  # what may surround a field
_NAMES: dict[str, frozenset[str]] = {
    "time": frozenset(
        {
            *("timestamp", "time", "open time", "opentime", "time open", "open timestamp", "ts", "epoch"),
            *("unix", "unix time", "unixtime", "unix timestamp", "time utc", "timestamp utc"),
        }
    ),
    "open": frozenset({"open", "o", "open price"}),
    "high": frozenset({"high", "h", "high price"}),
    "low": frozenset({"low", "l", "low price"}),
    "close": frozenset({"close", "c", "close price"}),
    "price": frozenset({"price", "p"}),
    "volume": frozenset({"volume", "vol", "v", "base volume", "amount", "qty", "quantity", "size"}),
    "trades": frozenset(
        {
            *("trades", "trade count", "tradecount", "trades count", "count", "n", "number of trades", "num trades"),
            *("no of trades", "transactions"),
        }
    ),
    "vwap": frozenset({"vwap", "weighted price", "volume weighted average price", "volume weighted average"}),
}
_FEWEST_NAMED = 3  # columns; a shorter line is no header
_UTF16_HEAD = 400  # bytes that identify it


class ColumnLayout(NamedTuple):
    """The position of each column that is read, and how many a row has; ``named`` by a header, or Kraken's own."""

    places: Mapping[str, int]
    width: int
    named: bool = False


def fields_of(line: str) -> list[str]:
    """The fields of a line, without what may surround them."""
    return [field.strip(STRIPPED) for field in line.split(",")]


def is_header(fields: Sequence[str]) -> bool:
    """Whether fields are names: the first has a letter, and none is a number."""
    named = len(fields) >= _FEWEST_NAMED and re.search("[A-Za-z]", fields[0]) is not None
    return named and not any(map(_is_number, fields))


def layout_of(header: Sequence[str], wanted: Sequence[str], optional: Sequence[str] = ()) -> ColumnLayout:
    """The layout that a header names, ``optional`` columns that it names once included; others are ignored.

    Raises BadFileError where a needed column is not named, or named twice: nothing is guessed.
    """
    named = list(header)
    while named and not named[-1]:  # rows may end in an empty field too
        named.pop()
    readable = (*wanted, *optional)
    known = [next((name for name in readable if _plain(field) in _NAMES[name]), None) for field in named]
    for name in wanted:
        if known.count(name) != 1:
            how = "no column" if name not in known else "more than one column"
            raise BadFileError(
                f"its header ({','.join(named)}) names {how} as {name}; name the columns {','.join(wanted)}, or leave "
                "the header out and keep that order"
            )
    once = [name for name in readable if known.count(name) == 1]
    return ColumnLayout({name: known.index(name) for name in once}, len(named), named=True)


def encoding_fault(text: bytes) -> str:
    """Why a file's text cannot be read at all; "" where that does not show."""
    head = text[:_UTF16_HEAD]
    marked = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    wide = len(head) > 1 and any(head) and not (any(head[::2]) and any(head[1::2]))
    return "its text is UTF-16; save it as UTF-8" if marked or wide else ""


def _plain(field: str) -> str:
    return " ".join(re.findall("[a-z0-9]+", field.lower()))


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True
