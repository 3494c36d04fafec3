"""The plan of a job: data, made once; what a dry run shows is what a job does."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from kraken_core.domain.archives import finest_intervals, rank_in
from kraken_core.domain.candles import Source, derived_rank
from kraken_core.domain.coverage import Assertion, file_covers, silence_covers
from kraken_core.domain.gaps import IntegratedGapDetector
from kraken_core.domain.knowledge import Knowledge
from kraken_core.domain.life import Life
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.ohlcvt import EARLIEST

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from kraken_core.domain.archives import Archive, ArchiveFile
    from kraken_core.domain.gaps import GapRecord
    from kraken_core.domain.request import Request
    from kraken_core.domain.tiers import Tiers

BYTES_A_CANDLE = 37  # on disk, measured on the archives
ROWS_A_SECOND = 1_500_000  # a cautious figure for the estimate only
BYTES_A_ROW = 55  # of text in an archive
BYTES_A_TRADE = 30  # likewise


class Action(StrEnum):
    """What a job does with a file."""

    INGEST = "ingest"
    SKIP = "skip"


class KnownFile(NamedTuple):
    """A file that was read before: what its bytes hash to, and the best rank they were read at (no tie-break)."""

    content_hash: str
    rank: int


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """One file and what will be done with it; ``archive`` is the index of its archive in the plan."""

    file: ArchiveFile
    archive: int
    action: Action
    reason: str
    finest: bool  # no finer file of the pair in its archive
    known: KnownFile | None = None


@dataclass(frozen=True, slots=True)
class IngestionPlan:
    """Everything a job will do. Files are in the order they will be read: newest vintage first.

    ``gaps`` are those known before a file is read; ``unread`` counts series whose files only tell when read.
    """

    request: Request
    as_of: int
    archives: tuple[Archive, ...]
    files: tuple[PlannedFile, ...]
    gaps: tuple[GapRecord, ...]
    unread: int
    passed_over: int  # files of pairs or intervals nobody asked for

    @property
    def to_ingest(self) -> tuple[PlannedFile, ...]:
        """The files that will be read."""
        return tuple(f for f in self.files if f.action is Action.INGEST)

    @property
    def text_bytes(self) -> int:
        """Bytes of text that will be read."""
        return sum(file.size for file in self._once_read)

    @property
    def download_bytes(self) -> int:
        """What will come over the network: of archives on web servers, the members that will be read."""
        return sum(file.download_bytes for file in self._once_read) + self.unfetched_bytes

    @property
    def unfetched_bytes(self) -> int:
        """Bytes of archives that their servers give only whole; which files are in them is not known before."""
        return sum(archive.unfetched for archive in self.archives)

    @property
    def disk_bytes(self) -> int:
        """What the new candles will take on disk, estimated."""
        return sum(self._candles(f.file) for f in self.to_ingest) * BYTES_A_CANDLE

    @property
    def estimated_seconds(self) -> float:
        """How long the files will take, estimated."""
        return self.text_bytes / BYTES_A_ROW / ROWS_A_SECOND

    @property
    def _once_read(self) -> Collection[ArchiveFile]:
        """The files that will be read, each once however many series it tells of."""
        return {(f.file.path, f.file.member): f.file for f in self.to_ingest}.values()

    def _candles(self, file: ArchiveFile) -> int:
        """How many candles a file brings, estimated: of trades there is at most one a slot."""
        if file.source is Source.CSV:
            return file.size // BYTES_A_ROW
        return min(file.size // BYTES_A_TRADE, (self.as_of - EARLIEST) // file.series.width)


def file_rank(archive: Archive, source: Source = Source.CSV) -> int:
    """The rank of what an archive's files hold; without a hash, that of none of them before the others."""
    return rank_in(archive.vintage, source)


@dataclass(frozen=True, slots=True)
class DataSourceRouter:
    """Decides which sources serve a request."""

    tiers: Tiers

    def create_ingestion_plan(
        self,
        request: Request,
        as_of: int,
        archives: Sequence[Archive],
        *,
        known: Mapping[tuple[str, str, str, Series], KnownFile],
        knowledge: Knowledge,
    ) -> IngestionPlan:
        """The plan of a request: every file of its series, newest vintage first, and the gaps they will leave.

        ``known`` are files read before, by path, member, stamp and series; ``knowledge`` what the ledger knows by now.
        """
        ordered = sorted(archives, key=file_rank, reverse=True)
        files: list[PlannedFile] = []
        passed_over = 0
        for index, archive in enumerate(ordered):
            finest = finest_intervals(archive)
            for file in sorted(archive.files, key=lambda f: (f.series, f.member)):
                if file.series.interval in request.intervals and request.holds(file.series.pair, self.tiers):
                    # Trades make candles of every interval alike: none is less sure than another at the end.
                    is_finest = file.source is Source.TRADES or finest[file.series.pair] == file.series.interval
                    files.append(
                        _planned(
                            file,
                            index,
                            archive,
                            finest=is_finest,
                            known=known.get((file.path, file.member, file.stamp, file.series)),
                        )
                    )
                else:
                    passed_over += 1
        expected, unread = _expected(knowledge, request, self.tiers, ordered, files)
        pairs = [pair for pair in expected.lives if request.holds(pair, self.tiers)]
        wanted = expected.wanted(pairs, request.intervals, request.window(as_of))
        wanted = {series: ranges for series, ranges in wanted.items() if series not in unread}
        detected = IntegratedGapDetector(as_of).detect_gaps_for_job(
            wanted, expected.covered(), expected.derivation_work(wanted).spans
        )
        return IngestionPlan(request, as_of, tuple(ordered), tuple(files), detected.gaps, len(unread), passed_over)


def _planned(file: ArchiveFile, index: int, archive: Archive, *, finest: bool, known: KnownFile | None) -> PlannedFile:
    if known is None:
        return PlannedFile(file, index, Action.INGEST, "new", finest)
    if known.rank < derived_rank(file_rank(archive, file.source)):
        return PlannedFile(file, index, Action.INGEST, "of a newer vintage than when it was read", finest, known)
    return PlannedFile(file, index, Action.SKIP, "already ingested", finest, known)


def _expected(
    knowledge: Knowledge, request: Request, tiers: Tiers, archives: Sequence[Archive], files: Sequence[PlannedFile]
) -> tuple[Knowledge, set[Series]]:
    """What will be known when the files have been read, as far as they state it; and the series that do not."""
    lives: dict[Pair, Sequence[Life]] = dict(knowledge.lives)
    claims = list(knowledge.claims)
    unread: set[Series] = set()
    for planned in files:
        if planned.action is Action.SKIP:
            continue
        archive, series, source = archives[planned.archive], planned.file.series, planned.file.source
        start, end = archive.statement
        if start is None or end is None:
            unread.add(series)
            continue
        if not knowledge.lives.get(series.pair):
            listed = min([start, *(life.start for life in lives.get(series.pair, ()))])
            lives[series.pair] = (Life(listed),)
        ranges = file_covers(series, archive.statement, start, end, finest=planned.finest)
        rank = derived_rank(file_rank(archive, source))
        claims += [Assertion(series, *r, source, rank, "planned") for r in ranges]
    chosen = [pair for pair in lives if request.holds(pair, tiers)]
    for archive in archives:
        claims += absence_claims(archive, {file.series.pair for file in archive.files}, chosen)
    # A pair of which one file tells only when read may turn out older than the others state.
    return Knowledge(lives, claims), {Series(s.pair, i) for s in unread for i in request.intervals}


def absence_claims(archive: Archive, held: Collection[Pair], pairs: Iterable[Pair]) -> list[Assertion]:
    """The silence a complete archive asserts of those ``pairs`` of which it holds no file at all (domain rule 4).

    ``held`` are the pairs it holds files of; an archive that is not complete asserts nothing.
    """
    if not archive.complete:
        return []
    rank = derived_rank(file_rank(archive))
    return [
        Assertion(series, *span, Source.CSV, rank, f"absent:{archive.identity}")
        for pair in pairs
        if pair not in held
        for series in (Series(pair, interval) for interval in INTERVALS)
        for span in silence_covers(series, archive.statement, finest=series.interval == INTERVALS[0])
    ]
