"""Lists in pages: what is bounded, and noticed when it changes between two pages."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from kraken_core.domain.errors import KrakenError

_DIGEST = 16  # characters


class ChangedError(KrakenError):
    """What was read in pages is not any more what it was at the first."""


class ListPage(NamedTuple):
    """Some items of ``total``; ``cursor`` leads to the next, None where there are none."""

    items: Sequence[Any]
    total: int
    cursor: str | None


def digest_of(values: Sequence[Any]) -> str:
    """What a cursor carries, to be of no use with other values."""
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:_DIGEST]


def page_of(rows: Sequence[Any], limit: int, cursor: str | None) -> ListPage:
    """The first rows, or those that a cursor leads to. Raises ChangedError where the list is not the same any more."""
    digest = digest_of(rows)
    first = 0
    if cursor:
        text, _, before = cursor.partition("-")
        first = int(text)
        if before != digest:
            raise ChangedError("the list has changed since its first page: begin again without a cursor.")
    after = first + limit
    return ListPage(rows[first:after], len(rows), f"{after}-{digest}" if after < len(rows) else None)
