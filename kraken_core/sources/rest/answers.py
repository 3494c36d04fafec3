"""From an answer's JSON to values: what has not the documented form is never guessed at.

Forms grow: unknown keys and trailing fields are ignored. A row or an entry that cannot be read is
skipped, named and counted, and shows nothing of its surroundings; where nothing can be read, the answer is refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import NoReturn

from kraken_core.domain.timerange import END_OF_TIME
from kraken_core.sources.rest.failures import nonsense, refused_by
from kraken_core.sources.rest.numbers import whole_number

Result = Mapping[str, object]


class Partial(dict[str, object]):
    """A result that came with an error: what is absent from it may exist."""


def result(body: bytes, *, beside_errors: bool = False) -> Result:
    """The content of an answer. Raises NoAnswerError where that is an error, or invalid.

    With ``beside_errors`` a result counts that came with an error, as a Partial one: one entry of many may have caused
    that.
    """
    try:
        document = json.loads(body, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise nonsense("it is not JSON, or not all of it") from error
    if not isinstance(document, dict) or not isinstance(errors := document.get("error"), list):
        raise nonsense("it has no list of errors")
    found = document.get("result")
    serious = [str(error) for error in errors if not str(error).startswith("W")]
    if serious and not (beside_errors and isinstance(found, dict) and found):
        raise refused_by(serious)
    if not isinstance(found, dict):
        raise nonsense("it has neither an error nor a result")
    return Partial(found) if serious else found


def server_time(found: Result) -> int:
    """Time: epoch seconds."""
    now = whole_number(found.get("unixtime"), END_OF_TIME)
    if not now:
        raise nonsense("a clock without time")
    return now


def status(found: Result) -> str:
    """SystemStatus: online, maintenance, cancel_only or post_only."""
    return _text(found, "status")


def _text(row: Result, field: str) -> str:
    match row.get(field):
        case str(text) if text and text.isascii() and text.isprintable():
            return text
    raise nonsense(f"no {field}")


def _no_number(text: str) -> NoReturn:
    raise ValueError(text)
