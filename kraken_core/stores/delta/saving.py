"""A candle table saved into a folder, as a table of its own with the same content, log and identity.

Files of candles come first, the log's entries after them, in their order: whatever interrupts that, the folder has a
whole table, of an earlier version at worst, and the same call again continues. Nothing that is there is written again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from deltalake import DeltaTable

from kraken_core.domain.errors import UsageError
from kraken_core.failpoints import reached
from kraken_core.ports import SavedTable
from kraken_core.stores.delta.log import LOG, ActiveFile, is_table
from kraken_core.stores.files.durable import write_whole
from kraken_core.stores.files.errors import store_errors
from kraken_core.stores.files.file_names import is_as_written
from kraken_core.stores.files.folder import LocalFolder
from kraken_core.stores.files.location import Location

_HINT = f"{LOG}/_last_checkpoint"
Done = Callable[[int, int], None]  # how many files of how many


def save_table(
    place: Location, version: int, active: Mapping[str, ActiveFile], left: Iterable[str], *, folder: Path, done: Done
) -> SavedTable:
    """Save ``version`` of a table, whose files are ``active``, and of the names that ``left`` it the files still there.

    Files that are missing, or are not as they were written, are not saved, and listed. Raises StoreError where the
    table cannot be read, UsageError where another one is in the folder, and OSError where that cannot be written.
    """
    target = LocalFolder(folder)
    with store_errors("save", place):
        _require_same(place, version, target)
        sizes = {file.path: file.size for file in place.files("*/*.parquet")}
    wanted = sorted({*active, *(path for path in sizes if PurePosixPath(path).name in set(left))})
    copied, damaged = 0, []
    for number, path in enumerate(wanted):
        done(number, len(wanted))
        size = active[path].size if path in active else sizes[path]
        if target.size(path) == size:
            continue
        if (content := _content(place, path, size)) is not None:
            write_whole(folder / path, content)
            copied += 1
            reached("backup.file")
        elif path in active:
            damaged.append(path)
    with store_errors("save", place):
        entries = _entries(place, version)
        hint = _hint(place, entries)
    for path in entries:
        if target.size(path) is None:
            with store_errors("save", place):
                entry = place.content(path)
            write_whole(folder / path, entry)
            reached("backup.log")
    if hint:
        write_whole(folder / _HINT, hint)
    done(len(wanted), len(wanted))
    return SavedTable(version, len(active), copied, sum(file.size for file in active.values()), tuple(damaged))


def _require_same(place: Location, version: int, target: LocalFolder) -> None:
    """Raises UsageError where the folder has another table, or one that is further than this."""
    if not is_table(target):
        return
    saved, ours = DeltaTable(target.at()), DeltaTable(place.at(), storage_options=place.delta_options)
    entry = f"{LOG}/{saved.version():020d}.json"
    same = saved.metadata().id == ours.metadata().id and saved.version() <= version
    if same and place.size(entry) is not None:
        same = place.text(entry) == target.text(entry)
    if not same:
        raise UsageError(
            f"{target.root.parent} is a backup of another candle table, or of a later state of this one. Nothing was "
            "changed: name another folder."
        )


def _content(place: Location, path: str, size: int) -> bytes | None:
    """A file of candles; None where it is missing, or not as it was written."""
    with store_errors("save", place):
        try:
            content = place.content(path)
        except FileNotFoundError:
            return None
    return content if len(content) == size and is_as_written(path, content) else None


def _entries(place: Location, version: int) -> list[str]:
    """The log up to a version, in the order in which it can be copied: a checkpoint stands for entries before it."""
    checkpoints = sorted(file.path for file in place.files(f"{LOG}/*.checkpoint*.parquet"))
    entries = sorted(file.path for file in place.files(f"{LOG}/[0-9]*.json"))
    return [path for path in (*checkpoints, *entries) if int(PurePosixPath(path).name[:20]) <= version]


def _hint(place: Location, entries: Sequence[str]) -> bytes:
    """Where readers may begin; empty where that is a checkpoint which is not among these entries of the log."""
    try:
        hint = place.content(_HINT)
    except FileNotFoundError:
        return b""
    begin = f"{LOG}/{json.loads(hint)['version']:020d}.checkpoint"
    return hint if any(path.startswith(begin) for path in entries) else b""
