"""Hashes of months that were computed before, each with the files of its candles then.

Files of a candle table never change and carry a checksum in their names, so that a month that lies in the same files
has the same hash. A cache that is lost or spoiled costs time alone: what is not in it is hashed again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from kraken_core.domain.certificates.candle_hashes import MonthHash
from kraken_core.domain.gc_pause import gc_paused
from kraken_core.domain.market import Pair, Series

_KEY_DIGITS = 32  # of a digest: what two sets of files share by a chance of 1 in 2**128

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


MonthSpan = tuple[int, int]  # of a month, or what of it lies in the span that is certified; epoch seconds


@dataclass(slots=True)
class MonthCache:
    """The months known, kept in a file; one without candles is known too."""

    path: Path
    _known: dict[Series, dict[MonthSpan, tuple[str, MonthHash]]] = field(default_factory=dict)
    _changed: bool = False

    @classmethod
    @gc_paused()
    def load(cls, path: Path) -> MonthCache:
        """What is in a file; nothing where there is none, or none that can be read."""
        known: dict[Series, dict[MonthSpan, tuple[str, MonthHash]]] = {}
        with suppress(OSError, pl.exceptions.PolarsError):
            found = pl.read_parquet(path, columns=list(_COLUMNS), glob=False)
            for (pair, interval), rows in found.group_by("pair", "interval", maintain_order=True):
                starts, ends, files, *months = (column.to_list() for column in rows.get_columns()[2:])
                hashed = zip(files, map(MonthHash._make, zip(*months, strict=True)), strict=True)
                series = Series(Pair.stored(str(pair)), int(str(interval)))
                known[series] = dict(zip(zip(starts, ends, strict=True), hashed, strict=True))
        return cls(path, known)

    def find(self, series: Series, span: MonthSpan, files: str) -> MonthHash | None:
        """The hash of a part that lay in the very same files; None where it did not."""
        before, month = self._known.get(series, {}).get(span, ("", None))
        return month if before == files else None

    def add(self, series: Series, span: MonthSpan, files: str, month: MonthHash) -> None:
        """Add a part."""
        self._known.setdefault(series, {})[span] = (files, month)
        self._changed = True

    def save(self) -> None:
        """Write what is known, whole or not at all; where that cannot be, it costs time alone."""
        if not self._changed or not self.path.parent.parent.is_dir():  # nothing is written where there is no home
            return
        rows = [
            (str(series.pair), series.interval, *span, files, *month)
            for series, months in self._known.items()
            for span, (files, month) in months.items()
        ]
        with suppress(OSError):
            self.path.parent.mkdir(exist_ok=True)
            partial = self.path.with_name(f".{self.path.name}.part")
            pl.DataFrame(rows, _COLUMNS, orient="row").write_parquet(partial)
            partial.replace(self.path)


def key_of(paths: Iterable[str]) -> str:
    """What a set of files is known by."""
    return hashlib.sha256("\n".join(sorted(paths)).encode()).hexdigest()[:_KEY_DIGITS]
