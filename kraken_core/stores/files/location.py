"""Where a candle table lies: a folder of this machine (``folder``), or a prefix of an object store (``object_store``).

Files are named relative to the table. Only a location defines what makes one durable, and how libraries reach it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from itertools import takewhile
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from kraken_core.stores.files.file_names import Name

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa


class StoredFile(NamedTuple):
    """A file: its path relative to the table, its bytes, and when it was last written (epoch seconds)."""

    path: str
    size: int
    written: float


class Written(NamedTuple):
    """A file that was written: its path relative to the table, and its bytes."""

    path: str
    size: int


class Location(Protocol):
    """The files of a table. Picklable and without state; whatever goes wrong is an OSError."""

    @property
    def delta_options(self) -> dict[str, str] | None:
        """The options Delta Lake needs to get there."""
        ...

    @property
    def polars_options(self) -> dict[str, Any] | None:
        """The options polars needs to get there."""
        ...

    def with_retries(self) -> Location:
        """The same place for callers that can wait: requests are repeated for minutes instead of seconds."""
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
        """Distinguishes a file from another one of the same name; None where there is none."""
        ...

    def text(self, path: str) -> str:
        """The content of a small file."""
        ...

    def content(self, path: str) -> bytes:
        """All of a file."""
        ...

    def files(self, pattern: str) -> Iterator[StoredFile]:
        """The files whose path matches."""
        ...

    def remove(self, path: str) -> None:
        """Delete a file, if it is there."""
        ...

    def read_by(self, connection: duckdb.DuckDBPyConnection, name: str, paths: Collection[str]) -> str:
        """What a query selects from to read Parquet files, even where it may read no others."""
        ...


def named_whole(pattern: str) -> str:
    """The folder that a pattern names without any wildcard; "" where it is the table's own."""
    folders = PurePosixPath(pattern).parts[:-1]
    return "/".join(takewhile(lambda name: not set(name) & set("*?["), folders))


def unglobbed(path: str) -> str:
    """A pattern that means this very path: DuckDB takes every path for one."""
    return re.sub(r"([*?\[])", r"[\1]", path)


def allow(connection: duckdb.DuckDBPyConnection, places: Iterable[str]) -> None:
    """Let a connection read these places too, even where it is denied all other files."""
    [(allowed,)] = connection.execute("SELECT current_setting('allowed_directories')").fetchall()
    connection.execute(f"SET allowed_directories = {literal(dict.fromkeys([*allowed, *places]))}")


def literal(paths: Iterable[str]) -> str:
    """A list of paths as SQL writes it."""
    return "[" + ", ".join("'" + path.replace("'", "''") + "'" for path in paths) + "]"
