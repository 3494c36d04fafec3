"""Control of jobs: begin, take up, pause, resume, cancel. The same for the command line, the dashboard and a watch."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from kraken_core.domain.errors import JobError, UsageError
from kraken_core.domain.gaps import GapRecord
from kraken_core.domain.jobs import (
    BY_HAND,
    Control,
    FileIngestionRecord,
    FileStatus,
    IngestionJob,
    JobOrigin,
    JobStatus,
)
from kraken_core.domain.plan import IngestionPlan
from kraken_core.domain.record_list import RecordList
from kraken_core.domain.request import Request
from kraken_core.domain.run_history import StageRun
from kraken_core.pipeline.audit import AuditOutcome
from kraken_core.pipeline.run import JobResult
from kraken_core.ports import JobEvent, Progress, never_stop, no_progress
from kraken_core.workbench.jobs.runner import JobRunner

LOOK_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class JobControl:
    """Works from any process, whichever runs the job: requests go through the ledger."""

    runner: JobRunner

    def known(self, job_id: int) -> IngestionJob:
        """The job of a number that a user named. Raises UsageError where there is none."""
        try:
            return self.runner.ledger.job(job_id)
        except JobError as error:
            raise UsageError(str(error)) from error

    def running(self) -> list[IngestionJob]:
        """The jobs recorded as running; pages call this every second, so only the ledger is read."""
        return self.runner.ledger.jobs([JobStatus.RUNNING])

    def files(self, job_id: int, most: int, status: FileStatus | None = None) -> RecordList[FileIngestionRecord]:
        """The first of a job's files, in the order of its plan; of one status, or of all."""
        return self.runner.ledger.files_of_job(job_id, most, status)

    def failed_files(self, job_id: int) -> Sequence[FileIngestionRecord]:
        """All those that could not be read."""
        return self.files(job_id, sys.maxsize, FileStatus.FAILED).first

    def unread_files(self) -> Sequence[FileIngestionRecord]:
        """Those of whatever job that could not be read, and were not read since, oldest first."""
        return self.runner.ledger.unread_files()

    def files_with_rejected_rows(self) -> Sequence[FileIngestionRecord]:
        """Those of whatever job of which rows were rejected when they were last read, oldest first."""
        return self.runner.ledger.files_with_rejected_rows()

    def events(self, job_id: int) -> list[JobEvent]:
        """What is worth remembering of a job, oldest first."""
        return self.runner.ledger.events(job_id)

    def seconds_stopped(self, job_ids: Collection[int] | None = None) -> Mapping[int, int]:
        """How long jobs stopped before they were resumed: of these jobs, or of all, those that were."""
        return self.runner.ledger.seconds_stopped(job_ids)

    def stages(self, job_id: int) -> list[StageRun]:
        """The stages that a job has ended, in order, and how long each took."""
        return self.runner.ledger.stages(job_id)

    def gaps(self, job_id: int, most: int) -> RecordList[GapRecord]:
        """What became of the gaps that a job was the last to change: by status, the largest first."""
        return self.runner.ledger.gaps_of_job(job_id, most)

    def claimed(self, job_id: int) -> bool:
        """Whether the job made any claim, undone or not."""
        return self.runner.ledger.claimed(job_id)

    def undoable(self, job_id: int) -> IngestionJob:
        """The job, if it can be undone. Raises JobError, UsageError (see Ledger.undoable)."""
        return self.runner.ledger.undoable(job_id)

    def run(
        self,
        plan: IngestionPlan,
        *,
        progress: Progress = no_progress,
        stop: Callable[[], bool] = never_stop,
        origin: JobOrigin = BY_HAND,
    ) -> JobResult:
        """Run the plan to the end; an unfinished job of the same request is resumed instead.

        Raises what :meth:`JobRunner.run` raises.
        """
        if job := self.runner.unfinished(plan.request):
            return self.runner.run(job, progress=progress, stop=stop)
        return self.runner.run(self.runner.start(plan, origin), plan, progress=progress, stop=stop)

    def audit(
        self, request: Request, *, progress: Progress = no_progress, stop: Callable[[], bool] = never_stop
    ) -> AuditOutcome:
        """Do what an audit's request says, to the end; an unfinished job of the same request is taken up instead.

        Raises what :meth:`JobRunner.run` raises.
        """
        job = self.runner.unfinished(request) or self.runner.start_audit(self.runner.audit_plan(request))
        return self.runner.run(job, progress=progress, stop=stop).audit or AuditOutcome()

    def start(self, plan: IngestionPlan, workers: int | None = None, origin: JobOrigin = BY_HAND) -> IngestionJob:
        """As :meth:`run`, but in a process of its own; returns the job once that has taken it up.

        Raises what :meth:`JobRunner.start_detached` raises.
        """
        job = self.runner.unfinished(plan.request) or self.runner.start(plan, origin)
        return self.runner.start_detached(job, workers)

    def resume(self, job_id: int, workers: int | None = None) -> IngestionJob:
        """Resume a job in a process of its own. Raises as :meth:`start`."""
        return self.runner.start_detached(self.known(job_id), workers)

    def pause(self, job_id: int) -> IngestionJob:
        """Request a running job to pause; it ends the files it is reading. Raises JobError where it does not run."""
        return self._ask(job_id, Control.PAUSE)

    def cancel(self, job_id: int) -> IngestionJob:
        """Give a job up for good: at once, or as soon as its worker obeys.

        Raises IllegalMoveError where it has ended.
        """
        self.runner.fail_stalled_jobs()
        job = self.known(job_id)
        if job.status is JobStatus.RUNNING:
            return self._ask(job_id, Control.CANCEL)
        return self.runner.ledger.move(job, job.mark_cancelled())

    def obeyed(self, job_id: int, patience_s: float) -> IngestionJob:
        """The job once its worker has done what was requested, or as it is when patience ran out."""
        until = time.monotonic() + patience_s
        job = self.known(job_id)
        while job.status is JobStatus.RUNNING and time.monotonic() < until:
            time.sleep(LOOK_EVERY_S)
            self.runner.fail_stalled_jobs()
            job = self.known(job_id)
        return job

    def _ask(self, job_id: int, control: Control) -> IngestionJob:
        self.runner.fail_stalled_jobs()
        self.runner.ledger.request_control(self.known(job_id).id, control)
        return self.known(job_id)
