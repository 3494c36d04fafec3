"""Where another page of candles begins: in the range and at the version of its first page, and of its query alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from kraken_core.serving.http.paging import ChangedError, digest_of

if TYPE_CHECKING:
    from kraken_core.domain.market import Pair

_SAME = ("start", "end", "require_complete", "evidence", "vwap")  # in all pages; their format and size may change


class CandleQuery(NamedTuple):
    """What all pages have to have in common."""

    pair: str
    interval: int
    others: tuple[Any, ...]

    @classmethod
    def of(cls, pair: Pair, interval: int, given: Mapping[str, Any]) -> Self:
        """The query of a request, by whatever name it has the pair."""
        return cls(str(pair), interval, tuple(given.get(name) for name in _SAME))


class CandleCursor(NamedTuple):
    """The slots that are left, ``[start, end)`` in epoch seconds, and the version of the table they are read at."""

    start: int
    end: int
    version: int

    def text(self, query: CandleQuery) -> str:
        """As it is in the address of the next page."""
        return f"{self.start}-{self.end}-{self.version}-{digest_of([*query, *self])}"

    @classmethod
    def parse(cls, text: str, query: CandleQuery) -> Self:
        """The cursor. Raises ChangedError where it is of another query, or none of ours."""
        found = cls(*map(int, text.split("-")[:3]))
        if found.text(query) != text:
            raise ChangedError("this cursor is not of this query: begin again without one.")
        return found
