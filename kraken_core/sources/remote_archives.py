"""Archives on web servers: read by parts where they lie, or fetched whole where a server gives no parts."""

from __future__ import annotations

import fcntl
import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from kraken_core.domain.errors import SourceError
from kraken_core.domain.timerange import TimeRange
from kraken_core.sources.bounded import PIECE_BYTES
from kraken_core.sources.http_ranges import RemoteFile, ServedFile, find, find_parts, version_of
from kraken_core.sources.members import Member
from kraken_core.sources.split import JoinedFile, LocalPart, Part
from kraken_core.sources.web import BreakError, RetryLimits, Web, absent
from kraken_core.sources.zips import read_directory


class UnfetchedFile:
    """A file that has to be fetched whole before anything of it is known."""

    def __init__(self, found: ServedFile) -> None:
        self.place, self.size, self.version = found.url, found.size, found.version

    def pread(self, length: int, offset: int) -> bytes:  # noqa: ARG002 - the signature of a Part
        """Raises SourceError."""
        raise SourceError("its server gives whole files only, and it has not been fetched yet, or has changed since")

    def close(self) -> None:
        """Nothing is open."""


@dataclass(frozen=True, eq=False)
class Remote:
    """Files on web servers. Small and picklable, thread-safe.

    ``downloads`` is the folder for files that have to be fetched whole; it is made when the first one is. ``rows`` has
    from when to when those of a file go, by archive, member and stamp, as far as that was looked at.
    """

    downloads: Path | None = None
    rows: dict[tuple[str, str, str], TimeRange | None] = field(default_factory=dict, init=False, repr=False)
    _web: Web = field(default_factory=Web, init=False, repr=False)
    _directories: dict[tuple[str, str], tuple[Member, ...]] = field(default_factory=dict, init=False, repr=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.downloads,)

    def close(self) -> None:
        """Close the connections that are kept open; more are opened where needed."""
        self._web.close()

    def exists(self, url: str) -> bool:
        """Whether there is a file at an address. Raises SourceError, UnreachableError."""
        return find(self._web, url) is not None

    def open(self, url: str) -> JoinedFile:
        """The file at an address, joined where it is in parts. Raises SourceError, UnreachableError."""
        return JoinedFile([self._part(found) for found in find_parts(self._web, url)])

    def members(self, file: JoinedFile) -> tuple[Member, ...]:
        """What is in a zip; a second call does not read it again. Raises SourceError, UnreachableError."""
        known = (file.parts[0].place, file.version)
        if known not in self._directories:
            self._directories[known] = tuple(read_directory(file))
        return self._directories[known]

    def fetch(self, url: str) -> None:
        """Fetch whatever of an archive its server gives only whole, and is not here yet.

        Raises SourceError, UnreachableError, OSError.
        """
        for found in find_parts(self._web, url):
            copy = self._copy(found)
            if found.tail is None and copy is not None and not copy.exists():
                self._fetch(found, copy)

    def _part(self, found: ServedFile) -> Part:
        if found.tail is not None:
            return RemoteFile(self._web, found)
        copy = self._copy(found)
        return LocalPart(copy, found.url) if copy is not None and copy.exists() else UnfetchedFile(found)

    def _copy(self, found: ServedFile) -> Path | None:
        """Where a copy of these very bytes is, or would be."""
        if self.downloads is None:
            return None
        return self.downloads / f"{_digest(found.url)}-{_digest(found.version)}.zip"

    def _fetch(self, found: ServedFile, copy: Path) -> None:
        copy.parent.mkdir(parents=True, exist_ok=True)
        with (copy.parent / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # after a wait here, the other process's copy is found
            if copy.exists():
                return
            fresh = copy.with_suffix(".new")
            try:
                self._write(found, fresh)
                fresh.replace(copy)
            finally:
                fresh.unlink(missing_ok=True)
            for older in copy.parent.glob(f"{_digest(found.url)}-*"):
                if older != copy:
                    older.unlink()

    def _write(self, found: ServedFile, path: Path) -> None:
        """What the server sends, from the start at every try: it sends no parts to resume with."""
        patience = RetryLimits(found.url)
        while True:
            try:
                with path.open("wb") as file, self._web.get(found.url) as answer:
                    _check_same(answer, found)
                    for piece in answer.iter_content(PIECE_BYTES):
                        file.write(piece)
                    file.flush()
                    os.fsync(file.fileno())
                return
            except BreakError as error:
                patience.wait(error)


def _check_same(answer: requests.Response, found: ServedFile) -> None:
    size = int(answer.headers.get("Content-Length", -1))  # requests gives an error where fewer bytes come
    if absent(answer) or version_of(answer, size) != found.version:
        raise SourceError(f"{found.url}: it has changed since it was listed. Try again.")


def unfetched(file: JoinedFile) -> int:
    """How many bytes of it have to be fetched whole before anything of it is known."""
    return sum(part.size for part in file.parts if isinstance(part, UnfetchedFile))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
