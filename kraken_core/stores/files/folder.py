"""A candle table in a folder of this machine."""

from __future__ import annotations

import io
import os
import stat
import zlib
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kraken_core.stores.files.durable import sync
from kraken_core.stores.files.file_names import Name
from kraken_core.stores.files.location import StoredFile, Written, allow, literal, named_whole, unglobbed

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa
    from typing_extensions import Buffer


@dataclass(frozen=True, slots=True)
class LocalFolder:
    """A local folder."""

    root: Path

    def __str__(self) -> str:
        return str(self.root)

    @property
    def delta_options(self) -> None:
        """None are needed."""

    @property
    def polars_options(self) -> None:
        """None are needed."""

    def with_retries(self) -> LocalFolder:
        """A folder answers."""
        return self

    def at(self, path: str = "") -> str:
        """See Location."""
        return str(self.root / path)

    def make(self) -> None:
        """See Location."""
        self.root.mkdir(parents=True, exist_ok=True)

    def write(self, name: Name, write: Callable[[pa.NativeFile], None]) -> Written:
        """See Location."""
        import pyarrow as pa  # noqa: PLC0415 - who only reads does not load it

        unnamed = self.root / name(0)  # until its checksum is known
        unnamed.parent.mkdir(parents=True, exist_ok=True)
        try:
            with pa.OSFile(str(unnamed), "wb") as file:
                summed = _Summed(file)
                with pa.PythonFile(summed, mode="w") as through:
                    write(through)
            sync(unnamed)
            target = unnamed.rename(self.root / name(summed.checksum))
        except BaseException:
            unnamed.unlink(missing_ok=True)  # half a file is of no use, and may be what fills the disk
            raise
        sync(target.parent)
        return Written(name(summed.checksum), target.stat().st_size)

    def sync(self, paths: Iterable[str]) -> None:
        """See Location."""
        targets = [self.root / path for path in paths]
        for target in filter(Path.exists, targets):
            sync(target)
        for folder in sorted({target.parent for target in targets} | {self.root, self.root.parent}, reverse=True):
            sync(folder)

    def size(self, path: str) -> int | None:
        """See Location."""
        try:
            return (self.root / path).stat().st_size
        except FileNotFoundError:
            return None

    def stamp(self, path: str) -> Hashable:
        """See Location."""
        try:
            found = (self.root / path).stat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_mtime_ns

    def text(self, path: str) -> str:
        """See Location."""
        return (self.root / path).read_text(encoding="utf-8")

    def content(self, path: str) -> bytes:
        """See Location."""
        return (self.root / path).read_bytes()

    def files(self, pattern: str) -> Iterator[StoredFile]:
        """See Location."""
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
                yield StoredFile(path.relative_to(self.root).as_posix(), found.st_size, found.st_mtime)

    def remove(self, path: str) -> None:
        """See Location."""
        (self.root / path).unlink(missing_ok=True)

    def read_by(self, connection: duckdb.DuckDBPyConnection, name: str, paths: Collection[str]) -> str:  # noqa: ARG002 - needs no name
        """See Location. The connection may read the table's folder even where it is denied all other files."""
        allow(connection, [self.at(), unglobbed(self.at())])
        return f"read_parquet({literal(unglobbed(self.at(path)) for path in paths)}, hive_partitioning = false)"


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
