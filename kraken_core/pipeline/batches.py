"""Batches: files that one worker reads at once, and what it hands back of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import groupby
from typing import NamedTuple

from kraken_core.domain.archives import ArchiveFile
from kraken_core.domain.candles import Source, Vintage
from kraken_core.domain.coverage import ArchiveStatement
from kraken_core.domain.errors import BadFileError
from kraken_core.domain.jobs import FileIngestionRecord
from kraken_core.domain.market import Pair
from kraken_core.domain.ohlcvt import Reject
from kraken_core.domain.statements import as_stated_to
from kraken_core.domain.timerange import TimeRange, TimeRanges, iso
from kraken_core.ports import StagedFile

BATCH_BYTES = 64 << 20  # of text: large enough that a file costs nothing, small enough to hold several in memory


NOWHERE: Mapping[str, TimeRanges] = {}


class BatchFile(NamedTuple):
    """A file to read for a series, its PENDING record, and what its archive states.

    ``refuted`` is where contents of the series were contradicted, by content hash.
    """

    file: ArchiveFile
    record: FileIngestionRecord
    statement: ArchiveStatement
    vintage: Vintage
    finest: bool
    refuted: Mapping[str, TimeRanges] = NOWHERE
    kept: frozenset[str] | None = None  # contents of which the trades are kept already; None where none are wanted


class FileReceipt(NamedTuple):
    """What became of a file: its updated record, the slots it covers, the rows that were rejected.

    ``unfinished`` where our clock may have been what was wrong with it: rows, or stated slots, were too new to be true.
    """

    record: FileIngestionRecord
    claims: TimeRanges
    rejects: tuple[Reject, ...] = ()
    staged: bool = False
    source: Source = Source.CSV
    note: str = ""  # what is odd about the whole file
    unfinished: bool = False
    distinctive: bool = False  # whether no other pair can have this content by chance
    refused: bool = False  # whether another pair does have it
    adopted: bool = False  # whether it is of an export, so that it goes back to other sources
    repeated: bool = False  # whether the job has ingested its very bytes already

    @property
    def recorded(self) -> FileIngestionRecord:
        """The record as it is kept: of a file that is not finished at no rank, so that it is read again."""
        return replace(self.record, rank=0) if self.unfinished else self.record


class KeptFile(NamedTuple):
    """The trades of a file, staged, and where they are all there were; ``rank`` as for candles of the file."""

    pair: Pair
    content_hash: str
    rank: int
    claims: TimeRanges
    staged: tuple[StagedFile, ...]


class BatchReceipt(NamedTuple):
    """What became of a batch; nothing is staged where no file brought a candle. Small: candles stay on disk."""

    staged: tuple[StagedFile, ...]
    files: tuple[FileReceipt, ...]
    kept: tuple[KeptFile, ...] = ()


def batches(files: Iterable[BatchFile], limit: int = BATCH_BYTES) -> Iterator[tuple[BatchFile, ...]]:
    """Files of one kind together, by pair, to about ``limit`` bytes of text; no series twice in one batch.

    With a limit of 0 every file is a batch of its own: nothing is read together with one that may be bad. OHLCVT files
    of one interval are of a kind, and so is trading history, of which all series of a file stay together.
    """
    batch: list[BatchFile] = []
    pairs: set[Pair] = set()
    size = 0
    for _, same in groupby(sorted(files, key=_place), key=_place):
        items = tuple(same)
        pair = items[0].file.series.pair
        full = size + items[0].file.size > limit or pair in pairs
        if batch and (full or _kind(items[0]) != _kind(batch[0])):
            yield tuple(batch)
            batch, pairs, size = [], set(), 0
        batch += items
        pairs.add(pair)
        size += items[0].file.size
    if batch:
        yield tuple(batch)


def believed(item: BatchFile, rows: TimeRange) -> tuple[ArchiveStatement, str]:
    """What a file's archive states as far as it goes for the file's rows; and a note where those belie it.

    Rows outside of the stated span void it for their file (domain rule 4): such a file is not what its archive states.
    """
    start, width = item.statement.start, item.file.series.width
    if start is not None and rows.start < start < rows.start + width:
        rows = rows._replace(start=start)  # where rows confirmed a later start, a coarse slot may contain it
    statement = as_stated_to(item.statement, rows)
    if statement == item.statement:
        return statement, ""
    odd = rows.start if rows.start < (item.statement.start or 0) else rows.end - 1
    file = item.file
    return statement, (
        f"{file.member} in {file.path} has a row of {iso(odd)}, outside of the dates its archive states: those do not "
        "count for it"
    )


def brings(known_rank: int | None, settled_rank: int) -> bool:
    """Whether rows are to be staged whose very bytes had rank ``held`` before, None where they were not read.

    They are where they rise, and where they are settled (the last bit) and were not, be it by a newer vintage: of two
    archives with the same file either may be the one that vouches for its edges.
    """
    return known_rank is None or known_rank < settled_rank or bool(settled_rank & ~known_rank & 1)


def failure(item: BatchFile, error: BadFileError) -> FileReceipt:
    """The receipt of a file that could not be read, with what its archive states that it covers."""
    failed, width = item.record.mark_failed(str(error)), item.file.series.width
    start, end = item.statement
    if start is not None and end is not None and (stated := TimeRanges.single(start, end).inner(width)):
        failed = replace(failed, first=stated.hull.start, last=stated.hull.end - width)
    return FileReceipt(failed, TimeRanges())


def _kind(item: BatchFile) -> int:
    """The interval of candles; trades have none of their own."""
    return 0 if item.file.source is Source.TRADES else item.file.series.interval


def _place(item: BatchFile) -> tuple[int, str, str, str]:
    """Equal for all series of one file."""
    return _kind(item), str(item.file.series.pair), item.file.path, item.file.member
