"""The ledger: what was asked, read, claimed, covered and found missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from contextlib import AbstractContextManager

    from kraken_core.domain.archives import Archive
    from kraken_core.domain.coverage import Assertion, DataCoverageRange
    from kraken_core.domain.differences import Difference
    from kraken_core.domain.gaps import GapRecord
    from kraken_core.domain.grading import Findings
    from kraken_core.domain.jobs import (
        Control,
        FileIngestionRecord,
        IngestionJob,
        JobMetrics,
        JobStatus,
        ProgressReport,
    )
    from kraken_core.domain.life import Life
    from kraken_core.domain.market import Pair, Series
    from kraken_core.domain.names import Names
    from kraken_core.domain.plan import KnownFile
    from kraken_core.domain.request import Request
    from kraken_core.domain.scope import Detection
    from kraken_core.domain.sweep_points import SweepPoint
    from kraken_core.domain.table_mark import TableMark
    from kraken_core.domain.timerange import TimeRanges
    from kraken_core.domain.trade_sweep import TradeSpan


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


class RenamedRows(NamedTuple):
    """How much is recorded of a pair that was renamed."""

    files: int
    claims: int


class JobEvent(NamedTuple):
    """Something worth remembering of a job. ``at`` in epoch seconds."""

    at: int
    kind: str
    message: str


class Forgotten(NamedTuple):
    """What counts no more, as its candles are lost: pairs that had claims, and the jobs that had read the files."""

    pairs: tuple[Pair, ...] = ()
    jobs: tuple[int, ...] = ()


class Unexamined(NamedTuple):
    """What was claimed or withdrawn since pairs were examined last, when they ``lived`` by what was known then.

    ``newest`` is the newest claim there is.
    """

    touched: Mapping[Series, TimeRanges]
    lived: Mapping[Pair, TimeRanges]
    newest: int


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

    # The candle table, and who writes of it
    def known_table(self) -> TableMark | None:
        """The candle table as the last job left it, by the ledger's name of it; None where no job did."""
        ...

    def record_table(self, mark: TableMark) -> None:
        """Take the candle table as it is now for the known one."""
        ...

    def jobs_reached(self) -> Mapping[int, TableMark]:
        """How far jobs brought the candle table, by their ids, as far as they said; identities are left out."""
        ...

    def forget_lost(
        self, jobs: Collection[int] | None, ranges: Mapping[Series, TimeRanges], mark: TableMark
    ) -> Forgotten:
        """Have what jobs claimed (all of them, and whoever else, for None) or is claimed of ranges count no more.

        So do the files it stands on, so that they are read again; coverage of the pairs is forgotten, and has to be
        worked out anew. The table as it is (``mark``) becomes the known one.
        """
        ...

    def held_by(self, job: IngestionJob, mark: Callable[[], TableMark]) -> Ledger:
        """This ledger for the worker that runs a job.

        Whatever it writes is recorded together with how far the table is (``mark``), and only while the worker holds
        the job: else every method that writes raises IllegalMoveError.
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

    def last_table(self) -> str | None:
        """The candle table that the newest job used, of those that ever ran; None where none did."""
        ...

    def move(self, before: IngestionJob, after: IngestionJob) -> IngestionJob:
        """Store a move made by IngestionJob.mark_…, if the job is still as ``before`` says; timestamps are set here.

        Where it begins to run or stops running, however that came about, gaps that were being filled are DETECTED.
        Raises JobRunningError where another job runs on this ledger's candle table, or another worker runs this one,
        IllegalMoveError where somebody else moved the job meanwhile.
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

    def unreadable(self) -> Mapping[Series, str]:
        """Why a file of a series could not be read, by series, the newest; files that were read since are left out."""
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
        *,
        spans: Sequence[TradeSpan] = (),
    ) -> None:
        """What committed answers of the exchange brought, all or nothing: claims, metrics, how far sweeps are.

        Derived claims of the ``stale`` ranges are withdrawn, so that they are derived anew. The sweep of a pair goes on
        at its point, or is at its end where that is None. ``spans`` say which trade ids it saw.
        """
        ...

    def trade_spans(self, pair: Pair) -> Sequence[TradeSpan]:
        """What sweeps saw of a pair's trade ids, by time; of the same time the latest first."""
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

    def record_differences(self, differences: Sequence[Difference]) -> None:
        """Append what the running job found: where two sources differ. Its ``job_id`` is set here."""
        ...

    def differences(self, series: Collection[Series] | None = None, *, job_id: int | None = None) -> list[Difference]:
        """Where two sources differ, by series and time; of all series and jobs where none are given.

        A slot may be in several, of several pairs of sources. Those found by jobs undone since are left out.
        """
        ...

    def contents(self, pairs: Collection[Pair]) -> Mapping[Series, Mapping[str, str]]:
        """The contents read for the series of these pairs: content hash to the path of the archive read last."""
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
        """Every pair known, sorted; without those that were renamed."""
        ...

    def names(self) -> Names:
        """What the exchange calls its pairs, as it told last; those it lists no more included."""
        ...

    def remember_names(self, names: Names) -> None:
        """Keep what the exchange calls its pairs; a pair that it lists is not hidden as renamed any more."""
        ...

    def renamed(self) -> Mapping[Pair, Pair]:
        """The pairs that were renamed, and what they are called now."""
        ...

    def rename_pairs(self, renames: Mapping[Pair, Pair]) -> Mapping[Pair, RenamedRows]:
        """Have all that is recorded of a pair be of another one; returns how much that was.

        Coverage and lives of both are to be worked out anew. The old pair is not known any more.
        """
        ...

    def replace_coverage(self, coverage: Mapping[Series, Sequence[DataCoverageRange]]) -> None:
        """Set the covered ranges of these series."""
        ...

    def coverage(self, series: Collection[Series] | None = None) -> list[DataCoverageRange]:
        """Covered ranges by series and time; of all series where none are given."""
        ...

    def unexamined(self, pairs: Collection[Pair]) -> Unexamined:
        """What was claimed or withdrawn of the pairs since each was examined last."""
        ...

    def findings(self, pairs: Collection[Pair] | None = None) -> Mapping[Series, Findings]:
        """What holding series against each other showed, by series; of all pairs where none are given."""
        ...

    def record_findings(
        self, findings: Mapping[Series, Findings], examined: Mapping[Pair, TimeRanges], newest: int
    ) -> None:
        """Set the findings of these series; pairs were ``examined`` up to the ``newest`` claim, as they lived then."""
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
