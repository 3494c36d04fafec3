"""Where a candle table lies: a folder of this machine, or a prefix of an object store.

Files are named relative to the table. Only here is known what makes one durable, and how libraries reach it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple, Protocol

import duckdb
import pyarrow as pa
from deltalake.fs import DeltaStorageHandler
from pyarrow import fs

# What the environment may say of the object store; the rest of AWS_… is for other programs.
_SAID = frozenset(
    {"access_key_id", "secret_access_key", "session_token", "region", "default_region", "endpoint_url", "allow_http"}
    | {"role_arn", "web_identity_token_file", "container_credentials_relative_uri", "skip_signature"}
    | {"virtual_hosted_style_request", "conditional_put"}
)


class Found(NamedTuple):
    """A file: its path relative to the table, its bytes, and when it was last written (epoch seconds)."""

    path: str
    size: int
    written: float


class Place(Protocol):
    """The files of a table. Picklable and without state; whatever goes wrong is an OSError."""

    @property
    def options(self) -> dict[str, str] | None:
        """What libraries have to be told to get there."""
        ...

    def at(self, path: str = "") -> str:
        """A file's whole path or address; the table's own where none is named."""
        ...

    def make(self) -> None:
        """Make the folder, where it takes one."""
        ...

    def write(self, path: str, write: Callable[[pa.NativeFile], None]) -> int:
        """Have a new file written, durable when this returns; returns its bytes. Nothing is left of half a file."""
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
    return ObjectStore(text.rstrip("/")) if "://" in text else Folder(Path(text).absolute())


@dataclass(frozen=True, slots=True)
class Folder:
    """A local folder."""

    root: Path

    def __str__(self) -> str:
        return str(self.root)

    @property
    def options(self) -> None:
        """Nothing has to be said."""

    def at(self, path: str = "") -> str:
        """See Place."""
        return str(self.root / path)

    def make(self) -> None:
        """See Place."""
        self.root.mkdir(parents=True, exist_ok=True)

    def write(self, path: str, write: Callable[[pa.NativeFile], None]) -> int:
        """See Place."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with pa.OSFile(str(target), "wb") as file:
                write(file)
            _sync(target)
        except BaseException:
            target.unlink(missing_ok=True)  # half a file is of no use, and may be what fills the disk
            raise
        _sync(target.parent)
        return target.stat().st_size

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

    def files(self, pattern: str) -> Iterator[Found]:
        """See Place."""
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
        connection.execute(f"SET allowed_directories = {_literal([self.at()])}")
        return f"read_parquet({_literal(map(self.at, paths))}, hive_partitioning = false)"


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """A prefix of an object store, such as ``s3://bucket/prefix``; keys and addresses are in the environment.

    So a copy in another process takes none along. What is put there is durable, and appears whole or not at all.
    """

    address: str

    def __str__(self) -> str:
        return self.address

    @property
    def options(self) -> dict[str, str]:
        """See Place."""
        return storage_options(os.environ)

    def at(self, path: str = "") -> str:
        """See Place."""
        return f"{self.address}/{path}" if path else self.address

    def make(self) -> None:
        """Prefixes need not be made."""

    def write(self, path: str, write: Callable[[pa.NativeFile], None]) -> int:
        """See Place."""
        buffer = pa.BufferOutputStream()  # what is closed is there: half a file is not to be
        write(buffer)
        content = buffer.getvalue().to_pybytes()
        _Objects(self.address, self.options).put(path, content)
        return len(content)

    def sync(self, paths: Iterable[str]) -> None:
        """What is there is durable."""

    def size(self, path: str) -> int | None:
        """See Place."""
        size: int | None = self._info(path).size
        return size

    def stamp(self, path: str) -> Hashable:
        """See Place."""
        found = self._info(path)
        return (found.mtime_ns, found.size) if found.is_file else None

    def text(self, path: str) -> str:
        """See Place."""
        with self._files.open_input_stream(path) as file:
            content: bytes = file.read()
        return content.decode()

    def files(self, pattern: str) -> Iterator[Found]:
        """See Place."""
        for found in self._files.get_file_info(fs.FileSelector("", recursive=True)):
            if found.is_file and PurePosixPath(found.path).match(pattern):
                yield Found(found.path, found.size, found.mtime_ns / 1e9)

    def remove(self, path: str) -> None:
        """See Place."""
        self._files.delete_file(path)

    def read_by(self, connection: duckdb.DuckDBPyConnection, name: str, paths: Collection[str]) -> str:
        """See Place. DuckDB is handed what to read: by itself it could not get there."""
        from pyarrow import dataset  # noqa: PLC0415 - it loads pandas, which is slow

        files = dataset.dataset(list(paths), format="parquet", filesystem=self._files)
        connection.register(name, files)
        return name

    @property
    def _files(self) -> fs.FileSystem:
        return fs.PyFileSystem(DeltaStorageHandler(self.address, self.options))

    def _info(self, path: str) -> fs.FileInfo:
        return self._files.get_file_info(path)


class _Objects(DeltaStorageHandler):
    """Writes bytes: pyarrow's stream would hand on buffers, which deltalake does not take."""

    def put(self, path: str, content: bytes) -> None:
        """Write an object, which appears whole or not at all."""
        stream = self._handler.open_output_stream(path, None)
        stream.write(content)
        stream.close()  # type: ignore[attr-defined] # which the stub leaves out


def storage_options(environment: Mapping[str, str]) -> dict[str, str]:
    """What ``AWS_…`` says of the object store. Commits are conditional writes: of two at once, one lands."""
    said = {name.lower(): value for name, value in environment.items() if name.upper().startswith("AWS_")}
    options = {name: value for name, value in said.items() if name.removeprefix("aws_") in _SAID}
    if options.get("aws_endpoint_url", "").startswith("http://"):
        options.setdefault("aws_allow_http", "true")
    return {"aws_conditional_put": "etag", **options}


def _sync(path: Path) -> None:
    """Make a file's content, or a folder's entries, survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _literal(paths: Iterable[str]) -> str:
    """A list of paths as SQL writes it."""
    return "[" + ", ".join("'" + path.replace("'", "''") + "'" for path in paths) + "]"
