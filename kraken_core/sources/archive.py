"""Kraken's OHLCVT archives where they lie: folders, zips, split zips. Nothing is unpacked, moved or changed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from kraken_core.domain.archives import Archive, ArchiveFile, ZipEntry, day_start, stated_by_name
from kraken_core.domain.candles import Vintage
from kraken_core.domain.coverage import ArchiveStatement
from kraken_core.domain.errors import BadFileError, KrakenError, SourceError
from kraken_core.sources.folders import folders, read_file
from kraken_core.sources.manifest import MAX_MANIFEST_BYTES, Manifest
from kraken_core.sources.members import Contents
from kraken_core.sources.split import JoinedFile, parts_of
from kraken_core.sources.zips import read_directory, read_member


@dataclass(frozen=True, eq=False)
class ArchiveSource:
    """A CandleSource of local paths. Small and picklable; zips are opened when first needed and kept open.

    ``archive_through`` is the last day of archives that state no end themselves.
    """

    paths: tuple[Path, ...]
    archive_through: date | None = None
    _opened: dict[str, JoinedFile] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def open(cls, paths: Sequence[str | Path], archive_through: date | None = None) -> ArchiveSource:
        """A source of folders, zips and split zips (named by any part, or as if they were whole).

        A folder inside another that is named too is left out: its files are found there.
        """
        places = dict.fromkeys(_absolute(Path(path)) for path in paths)
        named = {place for place in places if _is_folder(place, follow_symlinks=False)}
        return cls(tuple(p for p in places if p not in named or named.isdisjoint(p.parents)), archive_through)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.paths, self.archive_through)

    def archives(self) -> list[Archive]:
        """Every archive there is by now; one that is named twice is one.

        A broken zip inside a folder is an archive without files and with a note. Raises SourceError where a path
        cannot be read, and where none of them holds a candle file.
        """
        self._opened.clear()  # what is there now may be another file of that name
        found: dict[str, Archive] = {}
        for path in self.paths:
            for archive in self._archives_at(path):
                found.setdefault(os.path.realpath(archive.path), archive)
        archives = list(found.values())
        if self.paths and not any(archive.files for archive in archives):
            where = ", ".join(map(str, self.paths))
            why = "".join(f" {note}" for archive in archives for note in archive.notes[:1])
            raise SourceError(f"{where}: no candle files there; they are named like XBTUSD_60.csv.{why}")
        return archives

    def read(self, file: ArchiveFile) -> bytes:
        """The file's text, checked. Raises BadFileError."""
        try:
            return self._text(file.path, file.member, file.size, file.stamp, file.entry)
        except (BadFileError, SourceError, OSError) as error:
            raise BadFileError(
                f"{file.member} in {file.path}: {_reason(error)}. Nothing of it was taken; get it again."
            ) from error

    def _text(self, path: str, name: str, size: int, stamp: str, entry: ZipEntry | None) -> bytes:
        if entry is None:
            return read_file(Path(path, name), size, stamp)
        return read_member(self._zip(path), entry, size)

    def _zip(self, path: str) -> JoinedFile:
        if (file := self._opened.get(path)) is None:
            # Two threads may both come here: the second takes what the first opened, and its own closes itself.
            file = self._opened.setdefault(path, JoinedFile(parts_of(Path(path))))
        return file

    def _archives_at(self, path: Path) -> Iterator[Archive]:
        if not _is_folder(path):
            yield self._of_zip(path)
            return
        try:
            found = folders(path)
        except OSError as error:
            raise SourceError(f"{error.filename or path}: {_reason(error)}.") from error
        for folder in found:
            contents = Contents.of(str(folder.path), folder.members)
            if contents.files or contents.manifests or contents.unknown:
                yield self._archive(folder.path, contents)
            for inside in folder.zips:
                try:
                    yield self._of_zip(inside)
                except SourceError as error:
                    yield _unreadable(inside, error)

    def _of_zip(self, path: Path) -> Archive:
        try:
            first = parts_of(path)[0]
            contents = Contents.of(str(first), read_directory(self._zip(str(first))))
        except (SourceError, OSError) as error:
            raise SourceError(f"{path}: {_reason(error)}.") from error
        return self._archive(first, contents)

    def _archive(self, path: Path, contents: Contents) -> Archive:
        notes = [f"{path}: {note}" for note in contents.notes]
        manifest = None
        try:
            manifest = self._manifest(str(path), contents)
        except (BadFileError, OSError) as error:
            notes.append(f"{path}: its manifest is not believed: {_reason(error)}.")
        complete = manifest is not None and manifest.files == contents.counted
        if manifest and not complete:
            notes.append(
                f"{path}: its manifest speaks of {manifest.files:,} files, {contents.counted:,} are there: "
                "pairs it lacks are not taken for silent."
            )
        statement = manifest.statement if manifest else self._stated(path.name)
        return Archive(
            path=str(path),
            statement=statement,
            vintage=Vintage(statement.end, manifest.generated if manifest else None),
            complete=complete,
            identity=manifest.identity if manifest else "",
            files=tuple(contents.files.values()),
            ignored=dict(contents.ignored),
            notes=tuple(notes),
        )

    def _manifest(self, path: str, contents: Contents) -> Manifest | None:
        if len(contents.manifests) > 1:
            raise BadFileError(f"there are {len(contents.manifests)} of them")
        for member in contents.manifests.values():
            if member.size > MAX_MANIFEST_BYTES:
                raise BadFileError(f"it has {member.size:,} bytes")
            return Manifest.parse(self._text(path, member.name, member.size, member.stamp, member.entry))
        return None

    def _stated(self, name: str) -> ArchiveStatement:
        by_name = stated_by_name(name)
        if by_name.end is None and self.archive_through is not None:
            return ArchiveStatement(None, day_start(self.archive_through + timedelta(days=1)))
        return by_name


def _absolute(path: Path) -> Path:
    """The same place however it is reached; its own name is kept, which may state a quarter."""
    return path.resolve() if path.name == ".." else path.parent.resolve() / path.name


def _is_folder(path: Path, *, follow_symlinks: bool = True) -> bool:
    try:
        return stat.S_ISDIR(path.stat(follow_symlinks=follow_symlinks).st_mode)
    except OSError:
        return False  # why, it will say when it is opened


def _unreadable(path: Path, error: SourceError) -> Archive:
    return Archive(
        path=str(path),
        statement=ArchiveStatement(),
        vintage=Vintage(),
        complete=False,
        identity="",
        files=(),
        notes=(str(error),),
    )


def _reason(error: KrakenError | OSError) -> str:
    """What went wrong, without the path."""
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
