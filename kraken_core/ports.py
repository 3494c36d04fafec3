"""What the pipeline needs of the outside world. One small protocol a role; adapters share nothing but these."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias, runtime_checkable

from kraken_core.domain.jobs import ProgressReport as ProgressReport  # noqa: PLC0414 - a part of the port

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Executor
    from contextlib import AbstractContextManager

    import duckdb
    import polars as pl

    from kraken_core.domain.archives import Archive, ArchiveFile
    from kraken_core.domain.coverage import Assertion, DataCoverageRange
    from kraken_core.domain.exchange import ListedPair, OhlcAnswer, TradesPage
    from kraken_core.domain.gaps import GapRecord
    from kraken_core.domain.jobs import Control, FileIngestionRecord, IngestionJob, JobMetrics, JobStatus
    from kraken_core.domain.life import Life
    from kraken_core.domain.market import Pair, Series
    from kraken_core.domain.ohlcvt import Reject
    from kraken_core.domain.plan import KnownFile
    from kraken_core.domain.request import Request
    from kraken_core.domain.scope import Detection
    from kraken_core.domain.sweeps import SweepPoint
    from kraken_core.domain.timerange import TimeRanges


class Clock(Protocol):
    """Tells the time, so that a run can be repeated."""

    def now(self) -> int:
        """Epoch seconds."""
        ...


class CandleSource(Protocol):
    """Where archives are found and read. Reading is thread-safe and changes nothing."""

    def archives(self) -> Sequence[Archive]:
        """Every archive of the source. Raises SourceError where there is none."""
        ...

    def read(self, file: ArchiveFile) -> bytes:
        """The file's text, checked against the archive's own checksum. Raises BadFileError."""
        ...

    def pieces(self, file: ArchiveFile) -> Iterator[bytes]:
        """The text of a file too large to be held, in pieces of some MB; the checks end behind the last one.

        Raises BadFileError: then none of the pieces before may be believed.
        """
        ...


class Span(NamedTuple):
    """Where a series' candles lie in a file: first and last open (epoch seconds), and how many."""

    first: int
    last: int
    candles: int


class StagedFile(NamedTuple):
    """Candles written durably but not yet part of the table. Small and picklable: the receipt of a worker."""

    path: str  # relative to the table
    interval: int
    size: int  # bytes
    spans: Mapping[Pair, Span]


class Merged(NamedTuple):
    """What became of a series' staged candles; the four add up to those staged."""

    new: int = 0  # the slot held nothing
    changed: int = 0  # replaced a different value of lower rank: a revision
    confirmed: int = 0  # equal to what was held
    outranked: int = 0  # different from what was held, which ranks higher and stays


class CandleStore(Protocol):
    """The candle table: one row a (pair, interval, time), whatever is committed, in whatever order."""

    @property
    def version(self) -> int:
        """The table's version; it rises with every commit."""
        ...

    def stage(self, candles: pl.DataFrame) -> StagedFile:
        """Write candles of one interval (columns and dtypes of SCHEMA, unique by pair and time, sorted by them).

        Durable when it returns, invisible until committed. Thread-safe. Raises StoreError.
        """
        ...

    def commit(
        self,
        staged: Sequence[StagedFile],
        clear: Mapping[Series, TimeRanges] | None = None,
        demote: Mapping[Series, TimeRanges] | None = None,
    ) -> Mapping[Series, Merged]:
        """Make staged candles part of the table, in one transaction.

        In every slot the higher rank wins; at equal rank what is held stays. Derived candles inside ``clear`` are
        removed first, and all others inside ``demote`` become provisional. Raises CommitConflictError where somebody
        else committed meanwhile, StoreError.
        """
        ...

    def candles(self, ranges: Mapping[Series, TimeRanges]) -> pl.DataFrame:
        """The candles held in the ranges: columns of SCHEMA, sorted by pair, interval and time."""
        ...

    def count(self, ranges: Mapping[Series, TimeRanges]) -> Mapping[Series, list[int]]:
        """How many candles each range holds, in the order of the ranges."""
        ...

    def view(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Create the view ``candles`` (the contract's columns, without rank) in a DuckDB connection."""
        ...


@runtime_checkable
class Versioned(Protocol):
    """A candle table whose earlier versions can be read."""

    def at(self, version: int) -> CandleStore:
        """The table as it was at a version, for reading only. Raises UsageError, StoreError where there is no such."""
        ...

    def keeps(self, version: int) -> bool:
        """Whether all that the table held at a version is still there."""
        ...

    def restore(self, version: int) -> None:
        """Have the table hold what it held at a version that it keeps, as a new version. Raises StoreError."""
        ...


class Fragmentation(NamedTuple):
    """Small files of an interval that are worth merging: how many, and their bytes, which merging needs once more."""

    interval: int
    files: int
    size: int


class Compaction(NamedTuple):
    """What merging small files did: ``files`` became ``merged``, with ``candles`` in them.

    ``overtaken`` counts merges that were dropped, as somebody else replaced one of the files meanwhile.
    """

    files: int = 0
    merged: int = 0
    candles: int = 0
    overtaken: int = 0


class Swept(NamedTuple):
    """Files that were deleted, and their bytes."""

    files: int = 0
    size: int = 0


class Damage(NamedTuple):
    """What is wrong with a file of the candle table; ``path`` is relative to the table."""

    path: str
    problem: str


class Maintainable(Protocol):
    """A candle table that wants care: merging small files, deleting what it does not need, proving it is whole.

    None of it changes what the table holds, and all of it may run beside readers and writers.
    """

    def fragmentation(self) -> Sequence[Fragmentation]:
        """The intervals in which merging pays; none, where it does not. Reads no candle."""
        ...

    def compact(self, stop: Callable[[], bool]) -> Compaction:
        """Merge the small files that :meth:`fragmentation` tells of, each merge proven equal before it is committed.

        Ends early when asked to stop; what was merged until then stays. Raises StoreError.
        """
        ...

    def sweep(self, now: int) -> Swept:
        """Delete files that were never committed, and those that left the table long ago. ``now`` in epoch seconds.

        Raises StoreError.
        """
        ...

    def verify(self) -> Sequence[Damage]:
        """Read the whole table and tell what is wrong with it. Raises StoreError where its log cannot be read."""
        ...


class CandleTable(CandleStore, Maintainable, Protocol):
    """A store that jobs write to, and look after."""


class Crew(NamedTuple):
    """Whoever reads the batches of a job: ``size`` of them at once. ``told`` says who and where, if not we ourselves.

    What the executor is given, and what it gives back, may cross a network: small and picklable values.
    """

    executor: Executor
    size: int
    told: str = ""


class Exchange(Protocol):
    """The exchange's public API, polite and patient: paced for each pair, retried where that helps.

    Safe to use from several threads. Every method raises UnavailableError, those about a pair PairRefusedError too,
    and Interrupted when asked to stop while it waits.
    """

    @property
    def requests(self) -> int:
        """How many requests were sent, retries included."""
        ...

    @property
    def retries(self) -> int:
        """How many of them repeated one that had failed."""
        ...

    def now(self) -> int:
        """The exchange's clock, in epoch seconds."""
        ...

    def status(self) -> str:
        """``online``, ``maintenance``, ``cancel_only``, ``post_only``."""
        ...

    def pairs(self) -> Sequence[ListedPair]:
        """The pairs listed now, sorted; without dark pools."""
        ...

    def ohlc(self, series: Series, as_of: int) -> OhlcAnswer:
        """The last candles of a series, up to 720, that were closed by ``as_of`` (epoch seconds)."""
        ...

    def trades(self, pair: Pair, cursor: int) -> TradesPage:
        """Up to 1,000 trades after a cursor (nanoseconds)."""
        ...

    def first_trade(self, pair: Pair) -> int | None:
        """When the pair first traded, in epoch seconds; None where it never did."""
        ...


class PairRecord(NamedTuple):
    """A pair the ledger knows, and its life; ``lives`` is empty until a candle of it was seen."""

    pair: Pair
    tier: str | None
    lives: tuple[Life, ...]


class AssetRecord(NamedTuple):
    """An asset and the number it is known by, in the ledger and wherever its candles are kept by number."""

    id: int
    ticker: str
    tier: str | None = None


class JobEvent(NamedTuple):
    """Something worth remembering of a job. ``at`` in epoch seconds."""

    at: int
    kind: str
    message: str


class Ledger(Protocol):
    """What was asked, read, claimed, covered and found missing. Every method is one transaction."""

    def now(self) -> int:
        """Epoch seconds by the clock that everybody who shares the ledger goes by: leases are told by it."""
        ...

    def patient(self, stop: Callable[[], bool]) -> AbstractContextManager[None]:
        """While entered, a database that went away is waited for, almost as long as a lease; ``stop`` ends that.

        Whatever was asked of it meanwhile is done then, once.
        """
        ...

    # Jobs
    def create_job(
        self, request: Request, as_of: int, files: Sequence[FileIngestionRecord], metrics: JobMetrics
    ) -> IngestionJob:
        """A PENDING job with its PENDING files."""
        ...

    def job(self, job_id: int) -> IngestionJob:
        """Raises JobError where there is none."""
        ...

    def jobs(self, statuses: Collection[JobStatus] = (), request_key: str | None = None) -> list[IngestionJob]:
        """Newest first; of the given statuses and request only, where given."""
        ...

    def move(self, before: IngestionJob, after: IngestionJob) -> IngestionJob:
        """Store a move made by IngestionJob.mark_…, if the job is still as ``before`` says; timestamps are set here.

        Raises JobRunningError where another job runs on this ledger's candle table, IllegalMoveError where somebody
        else moved the job meanwhile.
        """
        ...

    def progress(self, job_id: int, stage: str, metrics: JobMetrics) -> None:
        """Store how far a running job is. Raises IllegalMoveError where it does not run any more."""
        ...

    def renew(self, job: IngestionJob, lease_s: int, doing: ProgressReport | None = None) -> Control | None:
        """Prolong a worker's hold of its running job to so many seconds from :meth:`now`; returns what was asked of it.

        ``doing`` is what others may see of its progress, until it ends.

        Raises IllegalMoveError where the job is not this worker's any more.
        """
        ...

    def ask(self, job_id: int, control: Control) -> None:
        """Ask a running job to pause, or to be given up. Raises JobError where it does not run."""
        ...

    def began(self, job_id: int, table_version: int) -> None:
        """Remember the version of the candle table that a job found when it first ran."""
        ...

    def undoable(self, job_id: int) -> IngestionJob:
        """The job, if it can be taken back.

        Raises JobError where there is no such job, UsageError where one runs, where it may go on, changed nothing, or
        is not the latest that did.
        """
        ...

    def undo(self, job_id: int) -> Sequence[Pair]:
        """Have nothing that a job claimed or read count any more; returns those of its pairs that are still known.

        Coverage of its pairs is forgotten, and has to be worked out anew. Raises as :meth:`undoable`.
        """
        ...

    def add_event(self, job_id: int, kind: str, message: str) -> None:
        """Append to the job's history."""
        ...

    def events(self, job_id: int) -> list[JobEvent]:
        """The job's history, oldest first."""
        ...

    # Files and claims
    def pending_files(self, job_id: int) -> list[FileIngestionRecord]:
        """The job's files not yet read (PENDING), in the order of the plan; FAILED ones too when resumed."""
        ...

    def files(self, job_id: int | None = None) -> list[FileIngestionRecord]:
        """The files of a job, or of all jobs, oldest first."""
        ...

    def known_stamps(self) -> Mapping[tuple[str, str, str, Series], KnownFile]:
        """Files read before (COMPLETED or SKIPPED) by (path, member, stamp, series)."""
        ...

    def known_contents(self) -> Mapping[tuple[str, Series], int]:
        """The best rank at which the same bytes were ingested for a series, by (content hash, series)."""
        ...

    def record_files(
        self,
        job_id: int,
        files: Sequence[FileIngestionRecord],
        assertions: Sequence[Assertion],
        stale: Mapping[Series, TimeRanges],
        metrics: JobMetrics,
    ) -> None:
        """What a committed batch brought, all or nothing: file states, claims and metrics.

        A claim that stands already, or was withdrawn, is not made again. Derived claims of the ``stale`` ranges are
        withdrawn, so that they are derived anew. ``files`` carry the ids of their PENDING records.
        """
        ...

    def record_answers(
        self,
        job_id: int,
        assertions: Sequence[Assertion],
        stale: Mapping[Series, TimeRanges],
        points: Mapping[Pair, SweepPoint | None],
        metrics: JobMetrics,
    ) -> None:
        """What committed answers of the exchange brought, all or nothing: claims, metrics, how far sweeps are.

        Derived claims of the ``stale`` ranges are withdrawn, so that they are derived anew. The sweep of a pair goes on
        at its point, or is at its end where that is None.
        """
        ...

    def sweep_points(self) -> Mapping[Pair, SweepPoint]:
        """Where unfinished sweeps of trades go on."""
        ...

    def claim(self, assertions: Sequence[Assertion]) -> None:
        """Append claims and counter-claims as they are, in order."""
        ...

    def assertions(self, pairs: Collection[Pair] | None = None) -> list[Assertion]:
        """Claims and counter-claims in the order they were made; of all pairs where none are given."""
        ...

    def refuted(self) -> Mapping[tuple[str, Series], TimeRanges]:
        """Where contents were contradicted, by (content hash, series): what they say of these slots counts no more."""
        ...

    def first_candles(self, pairs: Collection[Pair] | None = None) -> Mapping[Series, int]:
        """The first candle ever seen of each series (open, epoch seconds)."""
        ...

    def record_archives(self, archives: Sequence[Archive]) -> None:
        """Remember what complete archives state and which pairs they hold, so that absent ones were silent."""
        ...

    def complete_archives(self) -> list[tuple[Archive, frozenset[Pair]]]:
        """The complete archives ever ingested (without their files), with the pairs they hold."""
        ...

    # Pairs, coverage, gaps
    def assets(self, tickers: Collection[str] = ()) -> list[AssetRecord]:
        """Every asset known, by id; new ones among ``tickers`` are given their ids first."""
        ...

    def adopt_assets(self, assets: Sequence[AssetRecord]) -> None:
        """Know assets by the numbers that somebody else gave them. Raises LedgerError where others have those here."""
        ...

    def record_pairs(self, pairs: Sequence[PairRecord]) -> None:
        """Insert or update pairs, their assets' tiers and their lives."""
        ...

    def pairs(self) -> list[PairRecord]:
        """Every pair known, sorted."""
        ...

    def replace_coverage(self, coverage: Mapping[Series, Sequence[DataCoverageRange]]) -> None:
        """Set the covered ranges of these series."""
        ...

    def coverage(self, series: Collection[Series] | None = None) -> list[DataCoverageRange]:
        """Covered ranges by series and time; of all series where none are given."""
        ...

    def record_gaps(
        self, detections: Mapping[Series, Detection], gaps: Sequence[GapRecord], filled: Sequence[GapRecord]
    ) -> list[GapRecord]:
        """Store a detection: all open gaps of the detected series become ``gaps``.

        A gap with an id updates its record, one without becomes a new record. Open records of the series that are
        in neither list are removed (their range went into another's). ``filled`` ones are closed as FILLED.
        Returns ``gaps`` with their ids.
        """
        ...

    def gaps(self, series: Collection[Series] | None = None, *, open_only: bool = True) -> list[GapRecord]:
        """Gaps by series and time; of all series where none are given."""
        ...

    def detections(self) -> Mapping[Series, Detection]:
        """The last detection of every series."""
        ...


Progress: TypeAlias = "Callable[[ProgressReport], None]"


class RejectLog(Protocol):
    """Where rows that could not be taken are set aside."""

    def forget(self, job_id: int, files: Iterable[FileIngestionRecord]) -> None:
        """Drop the rows of files that will be read again."""
        ...

    def add(self, job_id: int, rejected: Sequence[tuple[FileIngestionRecord, Sequence[Reject]]]) -> None:
        """Append rejected rows of files to the job's list: file, line, text, reason."""
        ...
