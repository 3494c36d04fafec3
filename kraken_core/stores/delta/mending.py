"""A log with entries that are missing or cannot be read, brought back to the newest version that can.

A checkpoint stands for all entries before it. Behind the newest one, entries are needed one after the other: from the
first that is lost or damaged, nobody knows what the table had.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import polars as pl

from kraken_core.stores.delta.log import LOG
from kraken_core.stores.files.durable import write_whole
from kraken_core.stores.files.errors import store_errors
from kraken_core.stores.files.location import Location

_HINT = f"{LOG}/_last_checkpoint"


def mend_log(place: Location, aside: Path) -> list[str]:
    """Move what makes the log unreadable into a folder; returns the paths, if there are any. Raises StoreError."""
    with store_errors("mend the log of", place):
        useless = list(_useless(place))
        for path in useless:
            write_whole(aside / PurePosixPath(path).name, place.content(path))
            place.remove(path)
    return useless


def _useless(place: Location) -> Iterator[str]:
    entries = {_version_of(file.path): file.path for file in place.files(f"{LOG}/[0-9]*.json")}
    checkpoints = {_version_of(file.path): file.path for file in place.files(f"{LOG}/[0-9]*.checkpoint.parquet")}
    whole = {version for version, path in checkpoints.items() if _is_checkpoint(place.content(path))}
    begin = max(whole, default=-1)
    readable = {version for version, path in entries.items() if _is_entry(place.content(path))}
    end = begin + 1
    while end in readable:
        end += 1
    yield from (checkpoints[version] for version in sorted(checkpoints.keys() - whole))
    yield from (entries[version] for version in sorted(entries) if version >= end or version not in readable)
    if place.size(_HINT) is not None and _hinted(place.content(_HINT)) not in whole:
        yield _HINT


def _version_of(path: str) -> int:
    return int(PurePosixPath(path).name.partition(".")[0])


def _is_entry(content: bytes) -> bool:
    """Whether it is a commit: a JSON object a line, the last of them ended."""
    try:
        return bool(content) and all(isinstance(json.loads(line), dict) for line in content.splitlines())
    except ValueError:
        return False


def _is_checkpoint(content: bytes) -> bool:
    try:
        return pl.read_parquet(io.BytesIO(content)).height > 0
    except (pl.exceptions.PolarsError, OSError):
        return False


def _hinted(content: bytes) -> int | None:
    try:
        return int(json.loads(content)["version"])
    except (ValueError, KeyError, TypeError):
        return None
