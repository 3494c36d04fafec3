"""Parameters of requests: what may be in a query, by the very schemas that the OpenAPI document shows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from kraken_core.domain.errors import UsageError
from kraken_core.workbench.schemas.parts import Schema

MOST_ROWS = 10_000  # of a page
MOST_CANDLES = 100_000  # slots of a page: up to 15 MB as JSON


class BadRequestError(UsageError):
    """A request that is not as the OpenAPI document says."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a query: texts by pattern or enumeration, whole numbers by their bounds, true or false."""

    name: str
    meaning: str
    schema: Schema
    required: bool = False
    example: str | int | None = None

    @property
    def document(self) -> dict[str, Any]:
        """As OpenAPI has it."""
        described = {"name": self.name, "in": "query", "description": self.meaning, "schema": self.schema}
        shown = {} if self.example is None else {"example": self.example}
        return {**described, "required": self.required, **shown}

    def parse(self, text: str) -> str | int | bool:
        """The value. Raises BadRequestError."""
        match self.schema:
            case {"type": "integer", "minimum": least, "maximum": most}:
                if re.fullmatch("[0-9]{1,9}", text) and least <= int(text) <= most:
                    return int(text)
                wanted = f"a whole number from {least} to {most:,}"
            case {"type": "boolean"}:
                if text in {"true", "false"}:
                    return text == "true"
                wanted = "true or false"
            case {"enum": choices}:
                if text in choices:
                    return text
                wanted = " or ".join(choices)
            case {"pattern": pattern}:
                if re.fullmatch(pattern, text):
                    return text
                wanted = f"{self.meaning} ({pattern})"
            case _:
                raise TypeError(f"the schema of {self.name} is of no kind that is checked")
        raise BadRequestError(f"{self.name} is {text[:100]!r}; it must be {wanted}.")


def parse_query(parameters: Sequence[Parameter], query: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The values of a query. Raises BadRequestError for one that is unknown, twice there, missing or wrong."""
    known = {parameter.name: parameter for parameter in parameters}
    values: dict[str, Any] = {p.name: p.schema["default"] for p in parameters if "default" in p.schema}
    named: set[str] = set()
    for name, text in query:
        if name not in known:
            raise BadRequestError(f"there is no parameter {name[:100]!r}; there are {', '.join(known) or 'none'}.")
        if name in named:
            raise BadRequestError(f"{name} is there twice: give one value.")
        named.add(name)
        values[name] = known[name].parse(text)
    if absent := [p.name for p in parameters if p.required and p.name not in named]:
        raise BadRequestError(f"{' and '.join(absent)} must be given: see /openapi.json.")
    return values


_NAME = r"([A-Za-z0-9-]{1,32}:)?[A-Za-z0-9._-]{1,32}(/[A-Za-z0-9._]{1,32})?"
_LENGTH = "[1-9][0-9]{0,6}[mhdw]?"
_DAY = r"20[0-9]{2}-[01][0-9]-[0-3][0-9]"


def _text(pattern: str) -> Schema:
    return {"type": "string", "pattern": f"^{pattern}$"}


def _list(item: str) -> Schema:
    return {"type": "string", "pattern": f"^{item}(,{item}){{0,999}}$"}


def _instant(name: str, meaning: str, example: str, *, required: bool = False) -> Parameter:
    schema = _text(rf"{_DAY}(T[0-2][0-9]:[0-5][0-9](:[0-5][0-9])?Z?)?")
    return Parameter(name, f"{meaning}: 2024-01-31 or 2024-01-31T12:00:00Z, UTC", schema, required, example)


def whole_number(name: str, meaning: str, default: int, most: int) -> Parameter:
    """A parameter that bounds how much is in an answer."""
    return Parameter(name, meaning, {"type": "integer", "minimum": 1, "maximum": most, "default": default})


PAIR = Parameter("pair", "a pair, such as BTC/USD or XBTUSD", _text(_NAME), required=True, example="BTC/USD")
LENGTH = Parameter("interval", "minutes of a candle, or 1h, 3d, 1w", _text(_LENGTH), required=True, example="1h")
AT = _instant("at", "an instant in the slot", "2024-03-31T12:00:00Z", required=True)
START = _instant("start", "from when on", "2024-03-28")
END = _instant("end", "until when, not included", "2024-04-01")
SELECTION = (
    Parameter("tiers", "tiers, such as TIER1,TIER2", _list("[A-Za-z0-9_]{1,32}")),
    Parameter("pairs", "pairs, such as BTC/USD,ETH/USD, instead of tiers", _list(_NAME)),
    Parameter("quotes", "only pairs quoted in these, such as USD,EUR", _list("[A-Za-z0-9]{1,16}")),
    Parameter("intervals", "from 1m,5m,15m,30m,1h,4h,12h,1d, or minutes", _list(_LENGTH)),
    Parameter("start_date", "first UTC day, such as 2024-01-31", _text(_DAY)),
    Parameter("end_date", "last UTC day, included", _text(_DAY)),
)
FROM_NEXT = "from 'next' of the answer before, with all else the same"
PAGING = (
    whole_number("limit", "most items of a page", 1000, MOST_ROWS),
    Parameter("cursor", FROM_NEXT, _text("[0-9]{1,12}-[0-9a-f]{16}")),
)
CANDLE_PAGING = (
    whole_number("limit", "most candles of a page, which is as many slots", 10_000, MOST_CANDLES),
    Parameter("cursor", FROM_NEXT, _text("[0-9]{1,12}-[0-9]{1,12}-[0-9]{1,12}-[0-9a-f]{16}")),
)
EVIDENCE = Parameter(
    "evidence",
    "refuse candles that are not complete on evidence of this grade or better",
    {"type": "string", "enum": ["claimed", "confirmed", "proved"]},
)
REQUIRE_COMPLETE = Parameter(
    "require_complete", "refuse candles where any is missing or doubtful", {"type": "boolean", "default": False}
)
AVERAGE = Parameter(
    "vwap",
    "with the average price of each candle, weighted by volume, null where its source has none",
    {"type": "boolean", "default": False},
)
FORMAT = Parameter(
    "format", "json, or arrow (an IPC stream); else by Accept", {"type": "string", "enum": ["json", "arrow"]}
)
