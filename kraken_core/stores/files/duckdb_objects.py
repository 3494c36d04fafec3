"""Objects as files that DuckDB reads: what it needs is fetched, in the thread that needs it, and no more.

Through pyarrow's datasets it would wait for pyarrow's own threads, which may wait for the interpreter that it keeps
meanwhile: for good.
"""

from __future__ import annotations

import errno
import io
import os
from datetime import UTC, datetime
from typing import Any, Protocol

from fsspec import AbstractFileSystem

PROTOCOL = "objects"
TRADES = "trades"  # how the names of what is selected from trades begin
_NEVER_CHANGED = datetime.fromtimestamp(0, UTC)


class Objects(Protocol):
    """What is used of an object store here."""

    def at(self, path: str = "") -> str:
        """An object's whole address."""
        ...

    def size(self, path: str) -> int | None:
        """Its bytes; None where there is none."""
        ...

    def part(self, path: str, start: int, length: int) -> bytes:
        """Some of its bytes."""
        ...


class ObjectFiles(AbstractFileSystem):  # type: ignore[misc] # it has no types
    """The objects of a candle table, for reading; paths are within the table. They never change once they are there."""

    protocol = PROTOCOL
    cachable = False  # one a connection

    def __init__(self, store: Objects) -> None:
        super().__init__()
        self._store = store
        self._sizes: dict[str, int] = {}

    def info(self, path: str, **_: object) -> dict[str, Any]:
        """Its size. Raises FileNotFoundError."""
        path = self._strip_protocol(path)
        size = self._sizes.get(path) or self._store.size(path)
        if size is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self._store.at(path))
        self._sizes[path] = size
        return {"name": path, "size": size, "type": "file"}

    def glob(self, path: str, **_: object) -> list[str]:
        """The very path: names are taken as they are."""
        return [path]

    def modified(self, path: str) -> datetime:  # noqa: ARG002 - none ever is
        """The same for all, so that a query need not check whether one changed while it reads."""
        return _NEVER_CHANGED

    def _open(self, path: str, mode: str = "rb", **_: object) -> ObjectFile:
        if mode != "rb":
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), self._store.at(path))
        return ObjectFile(self._store, path, int(self.info(path)["size"]))


class TradeObjectFiles(ObjectFiles):
    """Those of a table of trades, which a query may read beside candles of another place."""

    protocol = "tradeobjects"


class ObjectFile(io.RawIOBase):
    """An object as a file to be read anywhere in."""

    def __init__(self, store: Objects, path: str, size: int) -> None:
        self._store, self._path, self._size, self._at = store, path, size, 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Where the next read begins."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Where the next read begins from now on."""
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        """So many bytes, or those that are left."""
        left = max(0, self._size - self._at)
        length = left if size is None or size < 0 else min(size, left)
        if not length:
            return b""
        content = self._store.part(self._path, self._at, length)
        self._at += length
        return content
