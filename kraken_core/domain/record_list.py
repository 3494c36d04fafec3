"""The first of many records, with what is worth saying of all: a page of a hundred thousand helps nobody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class RecordList(Generic[Record]):
    """``first`` are those that were wanted at most; ``by_status`` and ``reasons`` count all, the most frequent first.

    A reason is the text that a record carries; records without any are left out of ``reasons``.
    """

    first: Sequence[Record]
    by_status: Mapping[str, int]
    reasons: Mapping[str, int]

    @property
    def total(self) -> int:
        """How many there are."""
        return sum(self.by_status.values())
