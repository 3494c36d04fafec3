"""Jobs, who runs them on which candle table, and what is worth remembering of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from contextlib import AbstractContextManager

    from kraken_core.domain.completeness import Completeness
    from kraken_core.domain.gaps import GapRecord
    from kraken_core.domain.jobs import (
        Control,
        FileIngestionRecord,
        FileStatus,
        IngestionJob,
        JobMetrics,
        JobOrigin,
        JobStatus,
        ProgressReport,
    )
    from kraken_core.domain.market import Pair, Series
    from kraken_core.domain.record_list import RecordList
    from kraken_core.domain.request import Request
    from kraken_core.domain.run_history import StageRun
    from kraken_core.domain.table_mark import TableMark
    from kraken_core.domain.timerange import TimeRanges


class JobEvent(NamedTuple):
    """Something worth remembering of a job. ``at`` in epoch seconds."""

    at: int
    kind: str
    message: str


class Forgotten(NamedTuple):
    """What counts no more, as its candles are lost: pairs that had claims, and the jobs that had read the files."""

    pairs: tuple[Pair, ...] = ()
    jobs: tuple[int, ...] = ()


class JobLedger(Protocol):
    """Jobs, who runs them on which candle table, and what is worth remembering of them.

    Every method is one transaction.
    """

    def now(self) -> int:
        """Epoch seconds by the clock of the ledger, common to all that share it: leases go by it."""
        ...

    def with_retries(self, stop: Callable[[], bool]) -> AbstractContextManager[None]:
        """While entered, a database that went away is waited for, almost as long as a lease; ``stop`` ends that.

        Whatever was requested of it meanwhile is done then, once.
        """
        ...

    def known_table(self) -> TableMark | None:
        """The candle table as the last job left it, by the ledger's name of it; None where no job did.

        One of no identity where candles of a table of another name are counted: some table has to be there.
        """
        ...

    def record_table(self, mark: TableMark) -> None:
        """Take the candle table as it is now for the known one."""
        ...

    def jobs_reached(self) -> Mapping[int, TableMark]:
        """How far jobs brought the candle table, by their ids, as far as recorded; identities are left out."""
        ...

    def forget_lost(
        self, jobs: Collection[int] | None, ranges: Mapping[Series, TimeRanges], mark: TableMark
    ) -> Forgotten:
        """Void what jobs claimed (everything, for None), or what is claimed of ranges.

        Void are the files it is based on too, so that they are read again; coverage of the pairs is forgotten, and has
        to be computed again. The table as it is (``mark``) becomes the known one.
        """
        ...

    def not_read_again(self) -> Mapping[int, Mapping[Series, TimeRanges]]:
        """What files covered whose candles were lost, and no claim of the same content covers again; by job."""
        ...

    def create_job(
        self,
        request: Request,
        as_of: int,
        files: Sequence[FileIngestionRecord],
        metrics: JobMetrics,
        origin: JobOrigin = ...,
    ) -> IngestionJob:
        """A PENDING job with its PENDING files; by hand, and what its request is, unless ``origin`` differs."""
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
        """Store a move made by IngestionJob.mark_…, if the job is still as in ``before``; timestamps are set here.

        Where it begins to run or stops running, however that came about, gaps that were being filled are DETECTED.
        Raises JobRunningError where another job runs on this ledger's candle table, or another worker runs this one,
        IllegalMoveError where another process moved the job meanwhile.
        """
        ...

    def discard_job(self, job: IngestionJob) -> None:
        """Delete a job that is PENDING: it never ran, and leaves nothing. One that another process took up stays."""
        ...

    def progress(self, job_id: int, stage: str, metrics: JobMetrics, ended: Sequence[StageRun] = ()) -> None:
        """Store how far a running job is, and stages that have ended. Raises IllegalMoveError where it does not run."""
        ...

    def record_stages(self, job_id: int, ended: Sequence[StageRun]) -> None:
        """Store stages of a job that have ended."""
        ...

    def stages(self, job_id: int) -> list[StageRun]:
        """The stages that a job has ended, in order."""
        ...

    def files_of_job(self, job_id: int, most: int, status: FileStatus | None = None) -> RecordList[FileIngestionRecord]:
        """The first of a job's files, in the order of its plan; of one status, or of all."""
        ...

    def files_of_series(self, series: Series, most: int) -> RecordList[FileIngestionRecord]:
        """The first of the files of a series in all jobs, newest first."""
        ...

    def gaps_of_job(self, job_id: int, most: int) -> RecordList[GapRecord]:
        """The gaps that a job was the last to change: by status, the largest first. No reasons of filled ones."""
        ...

    def record_completeness(self, job_id: int, counts: Mapping[int, Completeness]) -> None:
        """How complete everything is as a job ends, by interval (minutes)."""
        ...

    def renew(self, job: IngestionJob, lease_s: int, doing: ProgressReport | None = None) -> Control | None:
        """Renew a worker's lease to so many seconds from :meth:`now`; returns what was requested of its job.

        ``doing`` is what others may see of its progress, until it ends.

        Raises IllegalMoveError where the job is not this worker's any more.
        """
        ...

    def request_control(self, job_id: int, control: Control) -> None:
        """Request that a running job pauses, or is cancelled. Raises JobError where it does not run."""
        ...

    def record_table_version(self, job_id: int, table_version: int) -> None:
        """Remember the version of the candle table that undoing a job restores.

        That is what it found when it first ran; of one that is resumed before it claimed anything, what it found then
        where another job stored something meanwhile.
        """
        ...

    def table_reached(self, job_id: int) -> TableMark:
        """How far a job brought its candle table, whichever that was, as far as it is known; without an identity."""
        ...

    def claimed(self, job_id: int) -> bool:
        """Whether the job made any claim of candles, undone or not."""
        ...

    def undoable(self, job_id: int) -> IngestionJob:
        """The job, if it can be undone.

        Raises JobError where there is no such job, UsageError where one runs, where it may be resumed, changed nothing,
        or is not the latest that did.
        """
        ...

    def undo(self, job_id: int) -> Sequence[Pair]:
        """Have nothing that a job claimed or read count any more; returns those of its pairs that are still known.

        Coverage of its pairs is forgotten, and has to be computed again. No job begins to run until the event of the
        undo's end is added. Raises as :meth:`undoable`.
        """
        ...

    def add_event(self, job_id: int, kind: str, message: str) -> None:
        """Append to the job's history."""
        ...

    def events(self, job_id: int) -> list[JobEvent]:
        """The job's history, oldest first."""
        ...

    def seconds_stopped(self, job_ids: Collection[int] | None = None) -> Mapping[int, int]:
        """How long jobs stopped before they were resumed: of these jobs, or of all, those that were."""
        ...
