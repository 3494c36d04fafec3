"""An archive's busiest files, and from when to when their rows go: what its statement is compared with."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

from kraken_core.domain.archives import ArchiveFile
from kraken_core.domain.candles import Source
from kraken_core.domain.market import INTERVALS
from kraken_core.domain.ohlcvt import EARLIEST
from kraken_core.domain.statements import RowCount
from kraken_core.domain.timerange import TimeRange, floor

FILES_AN_INTERVAL = 3
MOST_BYTES = 16 << 20  # of text: a whole history of hours has 7 MB; finer ones would only take longer to read
MOST_DOWNLOADED = 1 << 20  # a whole history of days, packed, has 0.1 MB
_EDGE_BYTES = 4096  # some dozens of rows
_COUNT = re.compile(rb"""[,;][ \t"']*(\d{1,9})(?:\.0*)?[ \t"']*,?\r?$""", re.MULTILINE)  # at the end of a line
_TIME = re.compile(rb"""^[ \t"']*(\d{10})(?:\.\d*)?[ \t"']*[,;]""", re.MULTILINE)


def busiest(files: Iterable[ArchiveFile]) -> Iterator[ArchiveFile]:
    """A few files of each interval, coarsest first, the largest of each first: the busiest pairs have most rows."""
    kinds: dict[int, dict[str, ArchiveFile]] = defaultdict(dict)  # of a file of trades one is enough
    for file in files:
        if not file.defect:
            if file.source is not Source.TRADES:
                kinds[file.series.interval][file.member] = file
            elif file.series.interval == INTERVALS[0]:
                kinds[0][file.member] = file
    small = {
        kind: [f for f in found.values() if f.size <= MOST_BYTES and f.download_bytes <= MOST_DOWNLOADED]
        for kind, found in kinds.items()
    }
    if not any(small.values()):
        yield from sorted((f for found in kinds.values() for f in found.values()), key=_size)[:1]
    for _, found in sorted(small.items(), reverse=True):
        yield from sorted(found, key=_size, reverse=True)[:FILES_AN_INTERVAL]


def rows_of(pieces: Iterable[bytes], width: int) -> TimeRange | None:
    """From the slot of ``width`` seconds of a text's first row to the end of the last one's; None without rows."""
    head, tail, size = b"", b"", 0
    for piece in pieces:
        head = head or piece[:_EDGE_BYTES]
        tail = (tail + piece)[-_EDGE_BYTES:]
        size += len(piece)
    if size > _EDGE_BYTES:  # what was cut in two may read as another time
        head, tail = head[: head.rfind(b"\n") + 1], tail[tail.find(b"\n") + 1 :]
    first, last = _times(head), _times(tail)
    return TimeRange(floor(min(first), width), floor(max(last), width) + width) if first and last else None


def rows_counted(
    files: Sequence[ArchiveFile], text: Callable[[ArchiveFile], bytes], stated_rows: int | None
) -> RowCount | None:
    """All rows of an archive's files counted; None where they are too many, or far away, or one cannot be read."""
    members = {file.member: file for file in files}.values()
    if any(f.defect or f.download_bytes for f in members) or sum(f.size for f in members) > MOST_BYTES:
        return None
    rows, rates = 0, dict.fromkeys((file.series.pair for file in members), 0.0)
    for file in members:
        content = text(file)
        times = _times(content)
        rows += len(times)
        trades = len(times) if file.source is Source.TRADES else _trades(content, len(times))
        span = max(times) - min(times) if times else 0
        rate = trades / span if trades is not None and span else math.inf
        rates[file.series.pair] = max(rates[file.series.pair], rate)
    return RowCount(rows == stated_rows, sum(rates.values()))


def _trades(text: bytes, rows: int) -> int | None:
    """How many trades a text of candles counts in its last column; None where that is not clear."""
    counts = _COUNT.findall(text)
    return sum(map(int, counts)) if len(counts) == rows else None


def _times(text: bytes) -> list[int]:
    return [time for time in map(int, _TIME.findall(text)) if time >= EARLIEST]


def _size(file: ArchiveFile) -> tuple[int, str]:
    return file.size, file.member
