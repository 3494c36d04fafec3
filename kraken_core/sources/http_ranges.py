"""Files on web servers, read by byte ranges: only the needed parts of them cross the network."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice

import requests

from kraken_core.domain.errors import SourceError
from kraken_core.sources.addresses import file_name
from kraken_core.sources.bounded import PIECE_BYTES
from kraken_core.sources.split import part_names, whole_name
from kraken_core.sources.web import BreakError, RetryLimits, Web, absent

WORTH_WHILE_BYTES = 1 << 20  # brought before a break: then the count of retries starts again
TAIL_BYTES = 256  # has the end records of a zip (98 bytes), so that the first request for a file brings them along
MAX_PARTS = 100
_CONTENT_RANGE = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15})", re.ASCII)
_LENGTH = re.compile(r"\d{1,15}", re.ASCII)
_PART_OF_IT, _WHOLE, _RANGE_REFUSED = 206, 200, 416
_CHANGED = "it has changed since it was listed"


@dataclass(frozen=True, slots=True)
class ServedFile:
    """A file that a server has: its size, which bytes it has by now, and its end where the server gives parts.

    ``tag`` is sent with every further request, so that the server reports when it has other bytes.
    """

    url: str
    size: int
    version: str
    tag: str
    tail: bytes | None


def find(web: Web, url: str) -> ServedFile | None:
    """What a server has at an address, for one request and some 300 bytes; None where there is nothing.

    Raises SourceError where it cannot be read from afar, UnreachableError.
    """
    patience = RetryLimits(url)
    while True:
        try:
            with web.get(url, {"Range": f"bytes=-{TAIL_BYTES}"}) as answer:
                return None if absent(answer) else _found(url, answer)
        except BreakError as error:
            patience.wait(error)


def find_parts(web: Web, url: str) -> list[ServedFile]:
    """The file at an address, or all parts of it where it is one of them or is there only so.

    Raises SourceError where there is nothing, or where a part before the one named is missing; UnreachableError.
    """
    name, folder = file_name(url), url[: url.rindex("/") + 1]
    if whole_name(name) is None and (found := find(web, url)):
        return [found]
    parts: list[ServedFile] = []
    names = [folder + part for part in islice(part_names(url[len(folder) :]), MAX_PARTS)]
    for part in names:
        if (found := find(web, part)) is None:
            break
        parts.append(found)
    if whole_name(name) is None and not parts:
        raise SourceError("there is nothing at that address, or it is not for everybody")
    if whole_name(name) is not None and url not in names[: len(parts)]:
        raise SourceError(f"{file_name(names[len(parts) % MAX_PARTS])} is not there, nor what comes after it")
    return parts


class RemoteFile:
    """A file on a server that gives parts of it. A :class:`~kraken_core.sources.split.Part`; thread-safe."""

    def __init__(self, web: Web, found: ServedFile) -> None:
        self.place, self.size, self.version = found.url, found.size, found.version
        self._web = web
        self._tail = found.tail or b""
        self._tag = found.tag

    def pread(self, length: int, offset: int) -> bytes:
        """``length`` bytes from ``offset``; what broke off is continued from where it stopped.

        Raises SourceError where the file has changed, UnreachableError.
        """
        end = min(offset + length, self.size)
        tail_start = self.size - len(self._tail)
        if offset >= tail_start:
            return self._tail[offset - tail_start : end - tail_start]
        got = bytearray()
        patience = RetryLimits(self.place)
        while offset + len(got) < end:
            before = len(got)
            try:
                self._read_on(got, offset + len(got), end)
            except BreakError as error:
                patience.wait(error, progressed=len(got) - before >= WORTH_WHILE_BYTES)
        return bytes(got)

    def _read_on(self, got: bytearray, start: int, end: int) -> None:
        """Append what the server sends of ``[start, end)``. Raises BreakError where that is not all."""
        wanted = len(got) + end - start
        unchanged = {"If-Range": self._tag} if self._tag else {}
        with self._web.get(self.place, {"Range": f"bytes={start}-{end - 1}", **unchanged}) as answer:
            self._check(answer, start)
            for piece in answer.iter_content(PIECE_BYTES):
                got += piece[: wanted - len(got)]
                if len(got) == wanted:
                    return
        raise BreakError("its server sent less than requested")

    def _check(self, answer: requests.Response, start: int) -> None:
        """Raises SourceError where the answer is not of the bytes that were listed."""
        if absent(answer):
            raise SourceError("it is no longer there")
        if answer.status_code == _RANGE_REFUSED or (answer.status_code == _WHOLE and self._tag):
            raise SourceError(_CHANGED)
        stated = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        if answer.status_code != _PART_OF_IT or not stated or int(stated[1]) != start:
            raise SourceError("its server no longer gives parts of it")
        header = "ETag" if self._tag.startswith('"') else "Last-Modified"
        if int(stated[3]) != self.size or (self._tag and answer.headers.get(header, self._tag) != self._tag):
            raise SourceError(_CHANGED)

    def close(self) -> None:
        """As of :class:`~kraken_core.sources.split.Part`: connections are the client's."""


def version_of(answer: requests.Response, size: int) -> str:
    """Another text for other bytes, as far as the server distinguishes them. Never empty."""
    return f"{answer.headers.get('ETag') or answer.headers.get('Last-Modified') or ''} {size}"


def _found(url: str, answer: requests.Response) -> ServedFile:
    size, tail = _size_and_tail(answer)
    tag = answer.headers.get("ETag") or answer.headers.get("Last-Modified", "")
    # A weak one is not of the bytes: servers never take it for If-Range.
    return ServedFile(url, size, version_of(answer, size), "" if tag.startswith("W/") else tag, tail)


def _size_and_tail(answer: requests.Response) -> tuple[int, bytes | None]:
    stated = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
    if answer.status_code == _RANGE_REFUSED:
        raise SourceError("it is empty")
    if answer.status_code == _PART_OF_IT and stated:
        start, end, size = int(stated[1]), int(stated[2]) + 1, int(stated[3])
        tail = next(answer.iter_content(TAIL_BYTES + 1), b"")
        if (end, len(tail)) != (size, end - start):
            raise BreakError("its server sent another part than requested")
        return size, tail
    length = answer.headers.get("Content-Length", "")
    if answer.status_code == _WHOLE and _LENGTH.fullmatch(length):
        return int(length), None
    raise SourceError("its server does not send its size: download it, and name the file")
