"""Sweeping: deleting the files of the candle table that no version of it needs.

A file may be on disk and not in the table for three reasons: it is about to be committed, it never will be because its
writer died, or it left the table. Younger than a day, nobody can tell the first two apart. What left the table is kept
for a week, for readers of that moment and for going back to an earlier version.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import PurePosixPath

from kraken_core.stores.files.candle_files import PARTITION, store_errors
from kraken_core.stores.files.file_names import is_ours
from kraken_core.stores.files.location import Found, Location

UNCOMMITTED_KEPT_S = 24 * 3600
REMOVED_KEPT_S = 7 * 24 * 3600


def written_before(place: Location, instant: int) -> list[Found]:
    """The files of our own naming that were last written before an instant (epoch seconds). Raises StoreError."""
    with store_errors("list", place):
        found = list(place.files(f"{PARTITION}=*/*.parquet"))
    return [file for file in found if is_ours(file.path) and file.written < instant]  # nothing else is ever deleted


def needless(candidates: Collection[Found], needed: Collection[str]) -> list[Found]:
    """The candidates but those needed, by name: names are unique, and a log may spell folders otherwise."""
    return [file for file in candidates if PurePosixPath(file.path).name not in needed]
