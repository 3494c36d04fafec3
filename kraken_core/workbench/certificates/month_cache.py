"""Hashes of months that were worked out before, each with the files that held its candles then.

Files of a candle table never change and carry a checksum in their names, so that a month that lies in the same files
has the same hash. A cache that is lost or spoiled costs time alone: what is not in it is hashed again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import polars as pl

from kraken_core.domain.certificates.candle_hashes import MonthHash
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRange

_COLUMNS = {
    "pair": pl.String,
    "interval": pl.Int32,
    "start": pl.Int64,
    "end": pl.Int64,
    "files": pl.String,
    "month": pl.String,
    "candles": pl.Int64,
    "sha256": pl.String,
    "locators": pl.String,
}


class Part(NamedTuple):
    """A month of a series, or what of it lies in the span that is certified."""

    series: Series
    span: TimeRange


@dataclass(slots=True)
class MonthCache:
    """The months known, kept in a file; one without candles is known too."""

    path: Path
    _known: dict[Part, tuple[str, MonthHash]] = field(default_factory=dict)
    _changed: bool = False

    @classmethod
    def load(cls, path: Path) -> MonthCache:
        """What is in a file; nothing where there is none, or none that can be read."""
        known: dict[Part, tuple[str, MonthHash]] = {}
        with suppress(OSError, pl.exceptions.PolarsError):
            for pair, interval, start, end, files, *month in pl.read_parquet(path, columns=list(_COLUMNS)).iter_rows():
                part = Part(Series(Pair.stored(pair), interval), TimeRange(start, end))
                known[part] = (files, MonthHash(*month))
        return cls(path, known)

    def find(self, part: Part, files: str) -> MonthHash | None:
        """The hash of a part that lay in the very same files; None where it did not."""
        before, month = self._known.get(part, ("", None))
        return month if before == files else None

    def add(self, part: Part, files: str, month: MonthHash) -> None:
        """Know a part."""
        self._known[part] = (files, month)
        self._changed = True

    def save(self) -> None:
        """Write what is known, whole or not at all; where that cannot be, it costs time alone."""
        if not self._changed or not self.path.parent.parent.is_dir():  # nothing is written where there is no home
            return
        rows = [
            (str(series.pair), series.interval, *span, files, *month)
            for (series, span), (files, month) in self._known.items()
        ]
        with suppress(OSError):
            self.path.parent.mkdir(exist_ok=True)
            partial = self.path.with_name(f".{self.path.name}.part")
            pl.DataFrame(rows, _COLUMNS, orient="row").write_parquet(partial)
            partial.replace(self.path)


def key_of(paths: Iterable[str]) -> str:
    """What a set of files is known by."""
    return hashlib.sha256("\n".join(sorted(paths)).encode()).hexdigest()
