"""Files cut into pieces, read as the one file they are (``X.zip.part00``, ``X.zip.part01``, …)."""

from __future__ import annotations

import io
import os
import re
from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path

from kraken_core.domain.errors import SourceError

_PART = re.compile(r"(.+)\.part(\d+)", re.ASCII | re.IGNORECASE)


def whole_name(name: str) -> str | None:
    """What the file was called before it was cut, where ``name`` is that of a part: X.zip for X.zip.part03."""
    match = _PART.fullmatch(name)
    return match[1] if match else None


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


class JoinedFile(io.RawIOBase):
    """Parts as one seekable file. :meth:`pread` is thread-safe: nothing of it moves. Raises OSError."""

    def __init__(self, parts: Sequence[Path]) -> None:
        self._starts: list[int] = []
        self._files: list[int] = []
        self._position = 0
        self.parts = tuple(parts)
        self.size = 0
        for part in parts:
            self._files.append(os.open(part, os.O_RDONLY | os.O_CLOEXEC))
            self._starts.append(self.size)
            self.size += os.fstat(self._files[-1]).st_size

    def pread(self, length: int, offset: int) -> bytes:
        """``length`` bytes from ``offset``; fewer where the file ends before."""
        pieces = []
        while length > 0 and 0 <= offset < self.size:
            part = bisect_right(self._starts, offset) - 1
            piece = os.pread(self._files[part], length, offset - self._starts[part])
            if not piece:
                break  # somebody cut the file short meanwhile
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
        data = self.pread(self.size if size < 0 else size, self._position)
        self._position += len(data)
        return data

    def close(self) -> None:
        """Close every part; nothing happens the second time."""
        while self._files:
            os.close(self._files.pop())
        super().close()
