"""Folders of unpacked files, zips and split zips: which part of one is an archive, and reading its files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from kraken_core.domain.archive_names import stated_by_name
from kraken_core.domain.coverage import ArchiveStatement
from kraken_core.domain.errors import BadFileError, SourceError
from kraken_core.sources.manifest import MANIFEST
from kraken_core.sources.members import LINK, MAX_TEXT_BYTES, UNREAD_FOLDER, Member
from kraken_core.sources.split import whole_name

# A dozen quarters and a full archive are 250,000 files; ten times the folders of any collection known.
MAX_FOLDERS = 20_000
MAX_ENTRIES = 2_000_000


@dataclass(frozen=True, slots=True)
class FolderArchive:
    """A folder that is an archive: its unpacked files, and the zips in it (split ones by their whole name)."""

    path: Path
    members: list[Member] = field(default_factory=list)
    zips: dict[Path, None] = field(default_factory=dict)


def folders(root: Path) -> list[FolderArchive]:
    """``root``, and each folder below it with a manifest or a quarter in its name; others belong to the one above.

    Symbolic links are not followed: they may lead out of the folder, or round in circles. A folder below that may not
    be read is a member that is unfit. Raises OSError where the root cannot be read, and SourceError where there is more
    below it than any collection of archives has.
    """
    found: list[FolderArchive] = []
    pending: list[tuple[Path, FolderArchive | None, str]] = [(root, None, "")]  # directory, its archive, its name there
    looked, seen = 0, 0
    while pending:
        directory, folder, prefix = pending.pop()
        try:
            with os.scandir(directory) as listed:
                entries = sorted(listed, key=lambda entry: entry.name)
        except OSError:
            if folder is None:
                raise
            folder.members.append(Member(prefix.rstrip("/"), 0, "", unfit=UNREAD_FOLDER))
            continue
        looked, seen = looked + 1, seen + len(entries)
        if looked > MAX_FOLDERS or seen > MAX_ENTRIES:
            raise SourceError(
                f"there are more than {MAX_FOLDERS:,} folders or {MAX_ENTRIES:,} files below it, which was not looked "
                "through further: name the folders with the archives"
            )
        if folder is None or _is_archive(directory.name, entries, folder):
            folder, prefix = FolderArchive(directory), ""
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


def is_of_its_own(name: str, enclosing: ArchiveStatement) -> bool:
    """Whether a folder of such a name is an archive by itself: it states an end that the one around it does not."""
    stated = stated_by_name(name)
    return stated != ArchiveStatement() and (enclosing.end is None or enclosing.end != stated.end)


def _is_archive(name: str, entries: list[os.DirEntry[str]], around: FolderArchive) -> bool:
    return any(entry.name == MANIFEST for entry in entries) or is_of_its_own(name, stated_by_name(around.path.name))


def _member(entry: os.DirEntry[str], name: str) -> Member:
    if entry.is_symlink():
        return Member(name, 0, "", unfit=LINK)
    if not entry.is_file(follow_symlinks=False):
        return Member(name, 0, "", unfit="no regular file")
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError:
        return Member(name, 0, "", unfit="vanished while it was looked at")
    return member_of(status, name)


def member_of(status: os.stat_result, name: str) -> Member:
    """A regular file as a member."""
    return Member(name, status.st_size, _stamp(status), dated=int(status.st_mtime))


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
