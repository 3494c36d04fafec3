"""Where a candle table lies: a folder of this machine, or a prefix of an object store (``delta_objects``).

Files are named relative to the table. Only a place knows what makes one durable, and how libraries reach it.
"""

from __future__ import annotations

import io
import os
import stat
import zlib
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import duckdb
import pyarrow as pa

from kraken_core.stores.files.file_names import Name

if TYPE_CHECKING:
    from typing_extensions import Buffer


class Found(NamedTuple):
    """A file: its path relative to the table, its bytes, and when it was last written (epoch seconds)."""

    path: str
    size: int
    written: float


class Written(NamedTuple):
    """A file that was written: its path relative to the table, and its bytes."""

    path: str
    size: int


class Place(Protocol):
    """The files of a table. Picklable and without state; whatever goes wrong is an OSError."""

    @property
    def delta_options(self) -> dict[str, str] | None:
        """What Delta Lake has to be told to get there."""
        ...

    @property
    def polars_options(self) -> dict[str, Any] | None:
        """What polars has to be told to get there."""
        ...

    def patient(self) -> Place:
        """The same place for who can wait: where nobody answers, it is asked again for minutes instead of seconds."""
        ...

    def at(self, path: str = "") -> str:
        """A file's whole path or address; the table's own where none is named."""
        ...

    def make(self) -> None:
        """Make the folder, where it takes one."""
        ...

    def write(self, name: Name, write: Callable[[pa.NativeFile], None]) -> Written:
        """Have a new file written, durable when this returns. Nothing is left of half a file."""
        ...

    def sync(self, paths: Iterable[str]) -> None:
        """Make files that others wrote, and the folders they are in, survive a power cut."""
        ...

    def size(self, path: str) -> int | None:
        """A file's bytes; None where there is none."""
        ...

    def stamp(self, path: str) -> Hashable:
        """Tells a file from another one of the same name; None where there is none."""
        ...

    def text(self, path: str) -> str:
        """What a small file says."""
        ...

    def content(self, path: str) -> bytes:
        """All of a file."""
        ...

    def files(self, pattern: str) -> Iterator[Found]:
        """The files whose path matches."""
        ...

    def remove(self, path: str) -> None:
        """Delete a file, if it is there."""
        ...

    def read_by(self, connection: duckdb.DuckDBPyConnection, name: str, paths: Collection[str]) -> str:
        """What a query selects from to read Parquet files, even where it may read no others."""
        ...


def place_of(address: str | Path) -> Place:
    """The place that a path, or an address of an object store, names."""
    text = str(address)
    if "://" not in text:
        return Folder(Path(text).absolute())
    from kraken_core.stores.files.object_store import ObjectStore  # noqa: PLC0415 - slow to load, and for whom it matters

    return ObjectStore(text.rstrip("/"))


def named_whole(pattern: str) -> str:
    """The folder that a pattern names without any wildcard; "" where it is the table's own."""
    folders = PurePosixPath(pattern).parts[:-1]
    return "/".join(takewhile(lambda name: not set(name) & set("*?["), folders))


@dataclass(frozen=True, slots=True)
class Folder:
    """A local folder."""

    root: Path

    def __str__(self) -> str:
        return str(self.root)

    @property
    def delta_options(self) -> None:
        """Nothing has to be said."""

    @property
    def polars_options(self) -> None:
        """Nothing has to be said."""

    def patient(self) -> Folder:
        """A folder answers."""
        return self

    def at(self, path: str = "") -> str:
        """See Place."""
        return str(self.root / path)

    def make(self) -> None:
        """See Place."""
        self.root.mkdir(parents=True, exist_ok=True)

    def write(self, name: Name, write: Callable[[pa.NativeFile], None]) -> Written:
        """See Place."""
        unnamed = self.root / name(0)  # until its checksum is known
        unnamed.parent.mkdir(parents=True, exist_ok=True)
        try:
            with pa.OSFile(str(unnamed), "wb") as file:
                summed = _Summed(file)
                with pa.PythonFile(summed, mode="w") as through:
                    write(through)
            _sync(unnamed)
            target = unnamed.rename(self.root / name(summed.checksum))
        except BaseException:
            unnamed.unlink(missing_ok=True)  # half a file is of no use, and may be what fills the disk
            raise
        _sync(target.parent)
        return Written(name(summed.checksum), target.stat().st_size)

    def sync(self, paths: Iterable[str]) -> None:
        """See Place."""
        targets = [self.root / path for path in paths]
        for target in filter(Path.exists, targets):
            _sync(target)
        for folder in sorted({target.parent for target in targets} | {self.root, self.root.parent}, reverse=True):
            _sync(folder)

    def size(self, path: str) -> int | None:
        """See Place."""
        try:
            return (self.root / path).stat().st_size
        except FileNotFoundError:
            return None

    def stamp(self, path: str) -> Hashable:
        """See Place."""
        try:
            found = (self.root / path).stat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_mtime_ns

    def text(self, path: str) -> str:
        """See Place."""
        return (self.root / path).read_text(encoding="utf-8")

    def content(self, path: str) -> bytes:
        """See Place."""
        return (self.root / path).read_bytes()

    def files(self, pattern: str) -> Iterator[Found]:
        """See Place."""
        try:
            os.scandir(self.root / named_whole(pattern)).close()  # a glob takes what it may not read for empty
        except FileNotFoundError:
            return
        for path in self.root.glob(pattern):
            try:
                found = path.lstat()
            except FileNotFoundError:  # a writer took it back
                continue
            if stat.S_ISREG(found.st_mode):
                yield Found(path.relative_to(self.root).as_posix(), found.st_size, found.st_mtime)

    def remove(self, path: str) -> None:
        """See Place."""
        (self.root / path).unlink(missing_ok=True)

    def read_by(self, connection: duckdb.DuckDBPyConnection, name: str, paths: Collection[str]) -> str:  # noqa: ARG002 - needs no name
        """See Place. The connection may read the table's folder even where it is denied all other files."""
        connection.execute(f"SET allowed_directories = {literal([self.at()])}")
        return f"read_parquet({literal(map(self.at, paths))}, hive_partitioning = false)"


class _Summed(io.RawIOBase):
    """Adds up the checksum of what is written to a file, on its way there."""

    def __init__(self, file: pa.NativeFile) -> None:
        self._file = file
        self.checksum = 0

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, content: Buffer) -> int:
        """Pass it on."""
        self.checksum = zlib.crc32(content, self.checksum)
        return int(self._file.write(content))

    def tell(self) -> int:
        """How much was written."""
        return int(self._file.tell())


def _sync(path: Path) -> None:
    """Make a file's content, or a folder's entries, survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def literal(paths: Iterable[str]) -> str:
    """A list of paths as SQL writes it."""
    return "[" + ", ".join("'" + path.replace("'", "''") + "'" for path in paths) + "]"
