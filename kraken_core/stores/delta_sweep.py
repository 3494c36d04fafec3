"""Sweeping: deleting the files of the candle table that no version of it needs.

A file may be on disk and not in the table for three reasons: it is about to be committed, it never will be because its
writer died, or it left the table. Younger than a day, nobody can tell the first two apart. What left the table is kept
for a week, for readers of that moment and for going back to an earlier version.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from kraken_core.stores.delta_files import PARTITION, store_errors

UNCOMMITTED_KEPT_S = 24 * 3600
REMOVED_KEPT_S = 7 * 24 * 3600

_OURS = re.compile(r"[0-9a-f]{32}\.parquet")  # what CandleFiles.write calls a file: nothing else is ever deleted


class Candidate(NamedTuple):
    """A file on disk that may be needless; ``path`` is relative to the table."""

    path: str
    size: int


def written_before(root: Path, instant: int) -> list[Candidate]:
    """The files of our own naming that were last written before an instant (epoch seconds). Raises StoreError."""
    with store_errors("list", root):
        return list(_written_before(root, instant))


def needless(candidates: Collection[Candidate], needed: Collection[str]) -> list[Candidate]:
    """The candidates but those needed, by name: names are unique, and a log may spell folders otherwise."""
    return [file for file in candidates if Path(file.path).name not in needed]


def _written_before(root: Path, instant: int) -> Iterator[Candidate]:
    for path in root.glob(f"{PARTITION}=*/*.parquet"):
        try:
            found = path.lstat()
        except FileNotFoundError:  # a writer took it back
            continue
        if _OURS.fullmatch(path.name) and stat.S_ISREG(found.st_mode) and found.st_mtime < instant:
            yield Candidate(str(path.relative_to(root)), found.st_size)
