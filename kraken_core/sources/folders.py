"""Folders of unpacked files, zips and split zips: which part of one is an archive, and reading its files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from kraken_core.domain.archives import stated_by_name
from kraken_core.domain.coverage import ArchiveStatement
from kraken_core.domain.errors import BadFileError
from kraken_core.sources.manifest import MANIFEST
from kraken_core.sources.members import MAX_TEXT_BYTES, Member
from kraken_core.sources.split import whole_name


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that is an archive: its unpacked files, and the zips in it (split ones by their whole name)."""

    path: Path
    members: list[Member] = field(default_factory=list)
    zips: dict[Path, None] = field(default_factory=dict)


def folders(root: Path) -> list[Folder]:
    """``root``, and each folder below it with a manifest or a quarter in its name; others belong to the one above.

    Symbolic links are not followed: they may lead out of the folder, or round in circles. Raises OSError.
    """
    found: list[Folder] = []
    pending: list[tuple[Path, Folder | None, str]] = [(root, None, "")]  # directory, its archive, its name there
    while pending:
        directory, folder, prefix = pending.pop()
        with os.scandir(directory) as listed:
            entries = sorted(listed, key=lambda entry: entry.name)
        if folder is None or _is_archive(directory.name, entries):
            folder, prefix = Folder(directory), ""
            found.append(folder)
        for entry in entries:
            name = entry.name
            if entry.is_dir(follow_symlinks=False):
                pending.append((directory / name, folder, f"{prefix}{name}/"))
            elif entry.is_file(follow_symlinks=False) and (whole_name(name) or name).lower().endswith(".zip"):
                folder.zips[directory / (whole_name(name) or name)] = None
            else:
                folder.members.append(_member(entry, prefix + name))
    return found


def _is_archive(name: str, entries: list[os.DirEntry[str]]) -> bool:
    return stated_by_name(name) != ArchiveStatement() or any(entry.name == MANIFEST for entry in entries)


def _member(entry: os.DirEntry[str], name: str) -> Member:
    if entry.is_symlink():
        return Member(name, 0, "", defect="symbolic link")
    if not entry.is_file(follow_symlinks=False):
        return Member(name, 0, "", defect="no regular file")
    status = entry.stat(follow_symlinks=False)
    return Member(name, status.st_size, _stamp(status))


def _stamp(status: os.stat_result) -> str:
    return f"{status.st_size}-{status.st_mtime_ns}"


def file_pieces(path: Path, size: int, stamp: str, piece: int) -> Iterator[bytes]:
    """The file's text in pieces of so many bytes. Raises as :func:`read_file`, behind the last one too."""
    with path.open("rb") as file:
        while size > 0 and (text := file.read(min(piece, size))):
            size -= len(text)
            yield text
        if size or _stamp(os.fstat(file.fileno())) != stamp:
            raise BadFileError("it has changed since it was listed")


def read_file(path: Path, size: int, stamp: str) -> bytes:
    """The file's text of ``size`` bytes. Raises BadFileError where it is not what was listed, and OSError."""
    if size > MAX_TEXT_BYTES:
        raise BadFileError(f"it has {size:,} bytes, more than any file of candles has")
    with path.open("rb") as file:
        text = file.read(size)
        if _stamp(os.fstat(file.fileno())) != stamp:
            raise BadFileError("it has changed since it was listed")
    return text
