"""Jobs and the files they read: their states, and the only moves between them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from kraken_core.domain.errors import IllegalMoveError
from kraken_core.domain.formatting import instant
from kraken_core.domain.html_tables import facts

if TYPE_CHECKING:
    from datetime import datetime

    from kraken_core.domain.market import Series
    from kraken_core.domain.request import JobKind, Request


class JobStatus(StrEnum):
    """The states of a job."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


ENDED = {JobStatus.COMPLETED: "has already completed", JobStatus.CANCELLED: "has already been cancelled"}
MOVES: dict[JobStatus, frozenset[JobStatus]] = {
    JobStatus.PENDING: frozenset({JobStatus.RUNNING, JobStatus.FAILED, JobStatus.CANCELLED}),
    JobStatus.RUNNING: frozenset({JobStatus.PAUSED, JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED}),
    JobStatus.PAUSED: frozenset({JobStatus.RUNNING, JobStatus.CANCELLED}),
    JobStatus.FAILED: frozenset({JobStatus.RUNNING, JobStatus.CANCELLED}),
    JobStatus.COMPLETED: frozenset(),
    JobStatus.CANCELLED: frozenset(),
}
MOST_UNFINISHED_PCT = 99.0
UNFINISHED = (JobStatus.PENDING, JobStatus.RUNNING, JobStatus.PAUSED, JobStatus.FAILED)


class Control(StrEnum):
    """What may be requested of a running job."""

    PAUSE = "PAUSE"
    CANCEL = "CANCEL"


class Trigger(StrEnum):
    """What began a job."""

    HAND = "hand"  # the command line, the dashboard, a notebook
    WATCH = "watch"
    LIVE = "live"


class JobOrigin(NamedTuple):
    """What begins a job, and what it is where its request does not tell."""

    trigger: Trigger = Trigger.HAND
    kind: JobKind | None = None


BY_HAND = JobOrigin()


class FileStatus(StrEnum):
    """The states of a file in a job."""

    PENDING = "PENDING"
    COMPLETED = "COMPLETED"  # its rows are in the table
    SKIPPED = "SKIPPED"  # the same bytes were already there; only its claim was recorded
    FAILED = "FAILED"


FILE_MOVES: dict[FileStatus, frozenset[FileStatus]] = {
    FileStatus.PENDING: frozenset({FileStatus.COMPLETED, FileStatus.SKIPPED, FileStatus.FAILED}),
    FileStatus.FAILED: frozenset({FileStatus.PENDING}),  # by the ledger, all of a job at once, when it is resumed
    FileStatus.COMPLETED: frozenset(),
    FileStatus.SKIPPED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class JobMetrics:
    """What a job has done so far; counts of files, records (candles), gaps and requests to the exchange."""

    total_files: int = 0
    files_ingested: int = 0
    files_skipped: int = 0
    files_failed: int = 0
    records_read: int = 0
    records_ingested: int = 0  # new: their slot had no candle before
    records_changed: int = 0  # differ from what was stored, whichever is in force
    records_rejected: int = 0
    gaps_detected: int = 0
    gaps_filled: int = 0
    gaps_unfillable: int = 0
    gaps_failed: int = 0
    gaps_open: int = 0  # all that were not filled: the two before, and those that are still to be tried
    total_requests: int = 0  # those made, and those expected still
    requests: int = 0
    retries: int = 0  # of the requests

    @property
    def all_files_failed(self) -> bool:
        """Whether there were files, and none of them could be read."""
        return 0 < self.files_failed == self.total_files

    @property
    def progress_pct(self) -> float:
        """Files and requests done, of all: 0 to 100; 0 while nothing is known of the total."""
        return self.pct_with()

    def pct_with(self, *, files: int = 0, requests: int = 0) -> float:
        """The same once so many more files and requests are done."""
        read = self.files_ingested + self.files_skipped + self.files_failed + files
        done = min(read, self.total_files) + min(self.requests + requests, self.total_requests)
        total = self.total_files + self.total_requests
        return 100.0 * done / total if total else 0.0


# What a job goes through, in this order; rounds of repair cover, detect and backfill again.
STAGES = ("ingest", "cover", "listings", "detect", "backfill", "audit", "check", "tidy", "report")


class ProgressReport(NamedTuple):
    """How far a stage of a job is; counts are of its plan, ``rows_per_second`` since the stage began.

    ``job_pct`` (0 to 100) and ``job_eta_seconds`` are of the job as a whole; None where there is no job, or no basis.
    """

    stage: str
    done: int
    total: int
    current: str = ""
    rows: int = 0
    rows_per_second: float = 0.0
    eta_seconds: float | None = None
    job_pct: float | None = None
    job_eta_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class IngestionJob:
    """One run of the pipeline, as the ledger has it. Datetimes are UTC; ``as_of`` and ``lease_until`` epoch seconds.

    While it runs, ``worker`` is who runs it, valid until ``lease_until``, and how far it is
    (``doing``).
    """

    id: int
    status: JobStatus
    request: Request
    as_of: int
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    stage: str = ""
    worker: str = ""
    lease_until: int | None = None
    requested: Control | None = None  # of its worker
    error: str | None = None
    metrics: JobMetrics = field(default_factory=JobMetrics)
    doing: ProgressReport | None = None
    table_version: int | None = None  # of the candle table when it first ran
    undone_at: datetime | None = None
    worker_lost: bool = False
    reached_pct: float = 0.0  # the most that was ever recorded of its progress
    trigger: Trigger | None = None  # of earlier versions it is unknown
    kind: JobKind | None = None

    @property
    def progress_pct(self) -> float:
        """How far it is: 0 to 100, and never less than before, though there may turn out to be more to do.

        A completed job is at 100 whatever it had to do, and no other one is.
        """
        if self.status is JobStatus.COMPLETED:
            return 100.0
        return min(max(self.reached_pct, self.metrics.progress_pct), MOST_UNFINISHED_PCT)

    @property
    def stage_number(self) -> int:
        """Which of STAGES it is at, from 1 on."""
        return STAGES.index(self.stage) + 1 if self.stage in STAGES else 1

    @property
    def is_orphaned(self) -> bool:
        """Whether it failed because its worker vanished."""
        return self.status is JobStatus.FAILED and self.worker_lost

    @property
    def total_files(self) -> int:
        """Files of the plan."""
        return self.metrics.total_files

    @property
    def files_ingested(self) -> int:
        """Files whose rows were read."""
        return self.metrics.files_ingested

    @property
    def records_ingested(self) -> int:
        """Candles that were new to the table."""
        return self.metrics.records_ingested

    @property
    def gaps_detected(self) -> int:
        """Gaps found."""
        return self.metrics.gaps_detected

    @property
    def gaps_filled(self) -> int:
        """Gaps of those that were filled."""
        return self.metrics.gaps_filled

    def seconds_run(self, now: int, stopped: int) -> float | None:
        """How long it ran, or has been running; None where it never ran, or is to run again.

        ``stopped``: for how many seconds it did not, until it was resumed (``Ledger.seconds_stopped``).
        """
        if self.started_at is None:
            return None
        if self.status is JobStatus.RUNNING:
            return max(0.0, now - self.started_at.timestamp() - stopped)
        return max(0.0, (self.finished_at - self.started_at).total_seconds() - stopped) if self.finished_at else None

    def mark_running(self, worker: str, lease_until: int | None = None) -> IngestionJob:
        """Running in ``worker``, with a lease until ``lease_until``. Raises IllegalMoveError unless it may run."""
        return replace(self._moved(JobStatus.RUNNING), worker=worker, lease_until=lease_until, error=None)

    def mark_paused(self) -> IngestionJob:
        """Paused, to be resumed. Raises IllegalMoveError unless it is running."""
        return self._moved(JobStatus.PAUSED)

    def mark_completed(self, error: str | None = None) -> IngestionJob:
        """Done, though only in part where there is an ``error``. Raises IllegalMoveError unless it is running.

        It is not resumed: the same request is a new job, as of a new present.
        """
        return replace(self._moved(JobStatus.COMPLETED), error=error)

    def mark_failed(self, error: str) -> IngestionJob:
        """Stopped by ``error``; it may be resumed. Raises IllegalMoveError unless it was pending or running."""
        return replace(self._moved(JobStatus.FAILED), error=error)

    def mark_lost(self, why: str, last_seen: datetime | None = None) -> IngestionJob:
        """Failed, as its worker vanished; it may be resumed. Raises IllegalMoveError as :meth:`mark_failed`.

        It ended when its worker was ``last_seen``, where that is known, whenever somebody looked.
        """
        return replace(self.mark_failed(f"worker lost: {why}"), worker_lost=True, finished_at=last_seen)

    def mark_cancelled(self) -> IngestionJob:
        """Cancelled for good. Raises IllegalMoveError when it has ended."""
        return self._moved(JobStatus.CANCELLED)

    def _repr_html_(self) -> str:
        """The job in a notebook: its state, what it was for, and what it did."""
        did = self.metrics
        values = {
            "state": f"{self.status}, {self.progress_pct:.0f} %",
            "of": ", ".join([*self.request.tiers, *map(str, self.request.pairs)]) or "everything stored",
            "as of": f"{instant(self.as_of)} UTC",
            "files": f"{did.files_ingested:,} read, {did.files_skipped:,} skipped, {did.files_failed:,} failed",
            "candles": f"{did.records_ingested:,} new, {did.records_changed:,} changed",
            "rows": f"{did.records_read:,} read, {did.records_rejected:,} rejected",
            "gaps": f"{did.gaps_detected:,} detected, {did.gaps_filled:,} filled, {did.gaps_open:,} open",
            "requests": f"{did.requests:,}",
            "error": self.error or "",
        }
        return facts(f"Job {self.id}", values)

    def _moved(self, to: JobStatus) -> IngestionJob:
        if to not in MOVES[self.status]:
            state = self.status.lower()
            allowed = ", ".join(sorted(MOVES[self.status])).lower()
            only = f"is {state} and cannot become {to.lower()}, only {allowed}" if allowed else ENDED[self.status]
            raise IllegalMoveError(f"job {self.id} {only}.")
        return replace(self, status=to, lease_until=None, requested=None, doing=None, worker_lost=False)


@dataclass(frozen=True, slots=True)
class FileIngestionRecord:
    """One file of an archive in one job. Times in epoch seconds, of its first and last candle (open).

    Those of rows that were rejected count, where they can be read; of a file that could not be read at all, they are
    the first and last slot that its archive states to cover.
    """

    path: str
    member: str
    stamp: str
    size: int
    series: Series
    status: FileStatus = FileStatus.PENDING
    rank: int = 0
    content_hash: str = ""
    first: int | None = None
    last: int | None = None
    records: int = 0
    records_new: int = 0
    records_changed: int = 0
    records_rejected: int = 0
    error: str | None = None
    id: int | None = None
    job_id: int | None = None

    @property
    def failure(self) -> str:
        """Why it could not be read, with its name."""
        error = self.error or "it could not be read"
        return error if self.member in error else f"{self.member}: {error}"

    def mark_read(self, *, known: bool) -> FileIngestionRecord:
        """Its rows are taken; where its bytes were ``known`` only its claim. Raises IllegalMoveError unless pending."""
        return self._moved(FileStatus.SKIPPED if known else FileStatus.COMPLETED)

    def mark_failed(self, error: str) -> FileIngestionRecord:
        """It could not be read, and why. Raises IllegalMoveError unless it was pending."""
        return replace(self._moved(FileStatus.FAILED), error=error)

    def _moved(self, to: FileStatus) -> FileIngestionRecord:
        if to not in FILE_MOVES[self.status]:
            allowed = ", ".join(sorted(FILE_MOVES[self.status])).lower() or "nothing"
            raise IllegalMoveError(
                f"{self.member or self.path} is {self.status.lower()} in this job and cannot become {to.lower()}, "
                f"only {allowed}."
            )
        return replace(self, status=to)
