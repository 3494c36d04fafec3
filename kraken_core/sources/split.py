"""Files cut into pieces, read as the one file they are (``X.zip.part00``, ``X.zip.part01``, …)."""

from __future__ import annotations

import io
import os
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, count
from pathlib import Path
from typing import Protocol

from kraken_core.domain.errors import SourceError

MAX_READ_BYTES = 16 << 20  # at once, of what is read as a stream: directories; Kraken's largest has 3 MB
_DIGITS = 2  # of a part's number, as Kraken writes them
_PART = re.compile(r"(.+)\.part(\d+)", re.ASCII | re.IGNORECASE)


def whole_name(name: str) -> str | None:
    """What the file was called before it was cut, where ``name`` is that of a part: X.zip for X.zip.part03."""
    match = _PART.fullmatch(name)
    return match[1] if match else None


def part_names(name: str) -> Iterator[str]:
    """The names of a file's parts, in order, without end; ``name`` is that of a part, or of the whole."""
    match = _PART.fullmatch(name)
    whole, digits = (match[1], len(match[2])) if match else (name, _DIGITS)
    return (f"{whole}.part{number:0{digits}}" for number in count())


def parts_of(path: Path) -> tuple[Path, ...]:
    """The files that make up ``path``, in order: itself, or all parts where it is one of them or is there only so.

    Raises SourceError where a part before the last one found is missing, and OSError.
    """
    whole = whole_name(path.name)
    if whole is None and path.exists():
        return (path,)
    whole = whole or path.name
    matches = [(_PART.fullmatch(beside.name), beside) for beside in path.parent.iterdir()]
    parts = {int(match[2]): beside for match, beside in matches if match and match[1] == whole}
    for number in range(max(parts, default=-1)):
        if number not in parts:
            raise SourceError(f"{whole}.part{number:02} is missing; put it beside the other parts")
    return tuple(parts[number] for number in sorted(parts)) or (path,)


class Part(Protocol):
    """A file, or a piece of one, wherever it lies. Thread-safe. ``version`` identifies its bytes; "" on a disk."""

    place: str  # a path or an address
    size: int  # bytes
    version: str

    def pread(self, length: int, offset: int) -> bytes:
        """``length`` bytes from ``offset``; fewer where it ends before. Raises OSError, SourceError."""
        ...

    def close(self) -> None:
        """Let go of it; nothing happens the second time."""
        ...


class LocalPart:
    """A file on a disk, open for reading; ``place`` is whose copy it is, if it is one. Raises OSError."""

    version = ""
    _file = -1

    def __init__(self, path: Path, place: str = "") -> None:
        self.place = place or str(path)
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.size = os.fstat(self._file).st_size

    def pread(self, length: int, offset: int) -> bytes:
        """As of :class:`Part`."""
        return os.pread(self._file, length, offset)

    def close(self) -> None:
        """As of :class:`Part`."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    __del__ = close


class JoinedFile(io.RawIOBase):
    """Parts as one seekable file. :meth:`pread` is thread-safe: nothing of it moves. Raises OSError, SourceError."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._position = 0
        self.parts = tuple(parts)
        self._starts = [0, *accumulate(part.size for part in parts)]
        self.size = self._starts.pop()
        self.version = " ".join(part.version for part in parts).strip()

    def pread(self, length: int, offset: int) -> bytes:
        """``length`` bytes from ``offset``; fewer where the file ends before."""
        pieces = []
        while length > 0 and 0 <= offset < self.size:
            part = bisect_right(self._starts, offset) - 1
            start = offset - self._starts[part]
            piece = self.parts[part].pread(min(length, self.parts[part].size - start), start)
            if not piece:
                break  # the file was cut short meanwhile
            pieces.append(piece)
            offset += len(piece)
            length -= len(piece)
        return b"".join(pieces)

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a place counted from the start, from here or from the end."""
        self._position = max(0, (0, self._position, self.size)[whence] + offset)
        return self._position

    def tell(self) -> int:
        """The current place."""
        return self._position

    def read(self, size: int = -1) -> bytes:
        """The next bytes; all that are left where ``size`` is negative."""
        wanted = self.size - self._position if size < 0 else size
        if wanted > MAX_READ_BYTES:
            raise SourceError(f"its directory claims {wanted:,} bytes, more than that of any archive has")
        data = self.pread(wanted, self._position)
        self._position += len(data)
        return data

    def close(self) -> None:
        """Close every part; nothing happens the second time."""
        for part in self.parts:
            part.close()
        super().close()
