"""Jobs: begun, run, resumed. One at a time in a home."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

from kraken_core.domain.completeness import Completeness
from kraken_core.domain.errors import (
    ClusterError,
    IllegalMoveError,
    JobError,
    JobRunningError,
    StoreError,
)
from kraken_core.domain.jobs import (
    BY_HAND,
    UNFINISHED,
    FileIngestionRecord,
    IngestionJob,
    JobMetrics,
    JobOrigin,
    JobStatus,
)
from kraken_core.domain.market import Pair
from kraken_core.domain.plan import IngestionPlan
from kraken_core.domain.report import Report
from kraken_core.domain.request import Request
from kraken_core.domain.scope import wanted_before
from kraken_core.domain.timerange import iso
from kraken_core.domain.venues import SPOT_NAME
from kraken_core.executors.dask import cluster
from kraken_core.executors.local import threads
from kraken_core.pipeline.audit import Audit
from kraken_core.pipeline.backfill import Asking, Backfill
from kraken_core.pipeline.crosscheck import CrossCheck
from kraken_core.pipeline.derive import Derive, finish_changes
from kraken_core.pipeline.fetch import Fetch
from kraken_core.pipeline.ingest import Ingest
from kraken_core.pipeline.keep_trades import TradeKeeper
from kraken_core.pipeline.listings import Listings
from kraken_core.pipeline.maintain import Tidy
from kraken_core.pipeline.progress import Stages
from kraken_core.pipeline.rename import Rename
from kraken_core.pipeline.report import CompletenessReporter
from kraken_core.pipeline.run import JobResult, Pipeline
from kraken_core.pipeline.withdraw import Withdraw
from kraken_core.ports import Ledger, Progress, ProgressReport, WorkerPool, never_stop, no_progress
from kraken_core.sources.archive import ArchiveSource
from kraken_core.stores.rejects import CsvRejectLog
from kraken_core.workbench.jobs.audit_plan import AuditPlan
from kraken_core.workbench.jobs.disk import BOUNDLESS, room
from kraken_core.workbench.jobs.ending import RunEnding, resume_command
from kraken_core.workbench.jobs.lease import LEASE_S, Lease, last_seen
from kraken_core.workbench.jobs.log import LOG, begun, ended, logged
from kraken_core.workbench.jobs.planner import JobPlanner
from kraken_core.workbench.jobs.stalled import stalled_jobs
from kraken_core.workbench.jobs.worker_process import start_worker, this_worker

START_PATIENCE_S = 30  # how long a new process may take to load and to plan
LOOK_EVERY_S = 0.1


def _either(stop: Callable[[], bool], lease: Lease) -> bool:
    """Whether a stop of this process, or of the job, was requested."""
    return stop() or lease.over


CarryOut: TypeAlias = "Callable[[JobRunner, IngestionJob, Lease, Callable[[], bool]], JobResult]"


@dataclass(frozen=True, slots=True)
class JobRunner(JobPlanner):
    """Plans and runs the jobs of a home.

    ``completeness`` is that of everything, by interval; it need not count again what a report of now has counted.
    ``keeper`` keeps the trades that a job reads, where any are to be kept.
    """

    completeness: Callable[[Report | None], Mapping[int, Completeness]] = lambda _: {}
    keeper: Callable[[Ledger, IngestionJob], TradeKeeper | None] = lambda _, __: None

    def unfinished(self, request: Request) -> IngestionJob | None:
        """The newest job of the same request that can be taken up again."""
        self.fail_stalled_jobs()
        jobs = self.ledger.jobs(UNFINISHED, request.key)
        return next((job for job in jobs if job.status is not JobStatus.RUNNING), None)

    def fail_stalled_jobs(self) -> list[IngestionJob]:
        """Mark jobs whose worker is gone as FAILED, so that they can be resumed; returns them."""
        failed_now = []
        for job, why in self.stalled_jobs():
            with suppress(IllegalMoveError):  # it ended as it should between our two looks, and its process with it
                failed_now.append(self.ledger.move(job, job.mark_lost(why, last_seen(job, self.ledger.now()))))
        return failed_now

    def stalled_jobs(self) -> list[tuple[IngestionJob, str]]:
        """Jobs recorded as running though their worker is gone, and how that is known."""
        return stalled_jobs(self.ledger)

    def start(self, plan: IngestionPlan, origin: JobOrigin = BY_HAND) -> IngestionJob:
        """A PENDING job for the plan, once everything is here that servers give only whole.

        Raises SourceError, UnreachableError, HomeError where that cannot be had.
        """
        plan = self._fetched(plan)
        files = [
            FileIngestionRecord(f.file.path, f.file.member, f.file.stamp, f.file.size, f.file.series)
            for f in plan.to_ingest
        ]
        skipped = len(plan.files) - len(files)
        metrics = JobMetrics(total_files=len(plan.files), files_skipped=skipped, total_requests=plan.requests)
        return self.ledger.create_job(plan.request, plan.as_of, files, metrics, origin)

    def start_audit(self, plan: AuditPlan) -> IngestionJob:
        """A PENDING job for the plan."""
        return self.ledger.create_job(plan.request, plan.as_of, [], JobMetrics(total_requests=plan.requests))

    def run(
        self,
        job: IngestionJob,
        plan: IngestionPlan | None = None,
        *,
        progress: Progress = no_progress,
        stop: Callable[[], bool] = never_stop,
        workers: int | None = None,
    ) -> JobResult:
        """Run a PENDING job, or take up one that is PAUSED or FAILED, to its end.

        A resumed job is planned again, as of its first instant, and does what is left. Raises
        JobRunningError while another one runs, HomeError where it cannot go well (see check_ready), Interrupted when
        a stop was requested (the job is then PAUSED), JobError when it failed (it is then FAILED and can be resumed).
        """
        self.fail_stalled_jobs()
        if job.request.audit:
            return self._run_unplanned(job, partial(_audit, progress), stop)
        began = time.perf_counter()
        plan = self._fetched(plan or self.build_plan(job.request, job.as_of))
        patient = replace(self, store=self.store.with_retries())
        patient.check_ready(plan)
        planned = time.perf_counter() - began
        with logged(self.log(job.id)), self._worker_pool(job, workers or self.settings.workers) as pool:
            job = self._taken_up(job)
            with Lease(self.ledger, job) as lease:
                reported = partial(lease.pass_on, progress)
                stopped = partial(_either, stop, lease)
                ours = replace(patient, ledger=self.ledger.for_worker(job, lambda: patient.store.mark))
                carry_out = partial(ours._carry_out, job, plan, pool, reported, stopped)  # noqa: SLF001 - our copy
                LOG.info("%s", begun(job, plan))
                result = self._ending.guarded(job, lease, stopped, partial(ours._with_changes_finished, carry_out))  # noqa: SLF001
                total = time.perf_counter() - began
                LOG.info("%s", ended(result, total))
        return replace(result, seconds={"total": total, "plan": planned, **result.seconds})

    def run_live(self, job: IngestionJob, live: CarryOut, *, stop: Callable[[], bool] = never_stop) -> JobResult:
        """A live job, from its first trades until ``live`` ends; a stop of the job alone is an interruption.

        Raises as :meth:`run`.
        """
        return self._run_unplanned(job, live, stop)

    def _run_unplanned(self, job: IngestionJob, carry_out: CarryOut, stop: Callable[[], bool]) -> JobResult:
        """A job that reads no files and needs no plan but what is covered."""
        began = time.perf_counter()
        self.check_table()
        patient = replace(self, store=self.store.with_retries())
        with logged(self.log(job.id)):
            job = self._taken_up(job)
            with Lease(self.ledger, job) as lease:
                stopped = partial(_either, stop, lease)
                ours = replace(patient, ledger=self.ledger.for_worker(job, lambda: patient.store.mark))
                LOG.info("job %s begins, %s as of %s: %s", job.id, job.kind, iso(job.as_of), job.request.key)
                carried_out = partial(carry_out, ours, job, lease, stopped)
                result = self._ending.guarded(job, lease, stopped, partial(ours._with_changes_finished, carried_out))  # noqa: SLF001
                total = time.perf_counter() - began
                LOG.info("%s", ended(result, total))
        return replace(result, seconds={"total": total, **result.seconds})

    def _with_changes_finished(self, carry_out: Callable[[], JobResult]) -> JobResult:
        """What a job does, once what an earlier one was about to change as it ended is done."""
        finish_changes(self.store, self.ledger)
        return carry_out()

    def audit(self, job: IngestionJob, progress: Progress, stop: Callable[[], bool]) -> JobResult:
        """Carry out an audit that is RUNNING, for its worker. Raises UnavailableError, Interrupted."""
        self.ledger.record_table_version(job.id, self.store.version)
        stages = Stages(job, job.metrics, self.ledger, progress, stop)
        tracker, covered = self.tracker(), self.audit_plan(job.request, job.as_of).covered
        withdraw = Withdraw(self.store, self.ledger, tracker, Derive(self.store, self.ledger, stop), progress)
        audit = Audit(
            self.exchange(stop),
            self.store,
            self.ledger,
            tracker,
            withdraw,
            self.settings.pairs_in_parallel,
            stop,
        )
        outcome = audit.run(job, covered, stages)
        with stages.stage("report"):
            report = self.report_of(job, covered.keys())
        ended = replace(job, metrics=stages.metrics)
        return JobResult(ended, report, None, dict(stages.seconds), audit=outcome)

    def report_of(self, job: IngestionJob, pairs: Collection[Pair]) -> Report:
        """How complete what is expected of pairs is, as of the last detections; kept for the trend too."""
        lives = {record.pair: record.lives for record in self.ledger.pairs() if record.pair in pairs}
        detections = {s: each for s, each in self.ledger.detections().items() if s.pair in pairs}
        wanted = wanted_before(detections, lives, job.request)
        report = CompletenessReporter(self.store, self.ledger, self.tiers).generate_report(wanted, job.as_of)
        self.record_completeness(job, report)
        return report

    def start_detached(self, job: IngestionJob, workers: int | None = None) -> IngestionJob:
        """Run or resume the job in a process of its own; returns the job once that process has taken it up.

        Raises JobRunningError while another one runs, IllegalMoveError for a job that has ended, JobError where the
        process did not get so far; its log has the reason.
        """
        self.fail_stalled_jobs()
        running = self.ledger.jobs([JobStatus.RUNNING])
        if running:
            raise JobRunningError(
                f"job {running[0].id} is running: wait for it, or kraken-history pause {running[0].id}."
            )
        job.mark_running("a new worker")  # refused here where it would be there
        start_worker(self.settings.home, job.id, self.log(job.id), workers)
        until = time.monotonic() + START_PATIENCE_S
        now = self.ledger.job(job.id)
        while now.status is job.status and now.worker == job.worker and time.monotonic() < until:
            time.sleep(LOOK_EVERY_S)
            now = self.ledger.job(job.id)
        if now.status is job.status and now.worker == job.worker:
            raise JobError(f"job {job.id} did not start in its new process; the reason is in {self.log(job.id)}.")
        return now

    def _carry_out(
        self, job: IngestionJob, plan: IngestionPlan, pool: WorkerPool, progress: Progress, stop: Callable[[], bool]
    ) -> JobResult:
        names = self.names(plan.market)
        knowing = replace(self, tiers=self.tiers.knowing(names.tokenized))
        Rename(self.store, self.ledger, knowing.tracker()).run(job.id, names, plan.as_of)
        if plan.market and SPOT_NAME in plan.market.venues:
            self.ledger.record_answer(plan.market)
        self.ledger.record_table_version(job.id, self.store.version)
        if pool.description:
            self.ledger.add_event(job.id, "workers", pool.description)
            progress(ProgressReport("workers", 1, 1, pool.description))
        result = knowing._pipeline(job, plan, pool, progress, stop).run(job, plan)  # noqa: SLF001 - our copy
        self.record_completeness(job, result.report)
        return result

    def record_completeness(self, job: IngestionJob, report: Report | None = None) -> None:
        """Keep how complete everything is as a job ends with a report, for the trend; a job does not fail by that."""
        try:
            counts = self.completeness(report)
        except StoreError:
            LOG.exception("how complete everything is after job %s could not be counted", job.id)
            return
        self.ledger.record_completeness(job.id, counts)

    @property
    def _ending(self) -> RunEnding:
        return RunEnding(self.ledger, self.settings)

    def _taken_up(self, job: IngestionJob) -> IngestionJob:
        try:
            return self.ledger.move(job, job.mark_running(this_worker(), self.ledger.now() + LEASE_S))
        except JobRunningError:
            if job.status is JobStatus.PENDING:  # what was refused leaves no trace
                self.ledger.discard_job(job)
            raise

    def _asking(self, stop: Callable[[], bool], keeper: TradeKeeper | None) -> Asking:
        exchange, side_by_side = self.exchange(stop), self.settings.pairs_in_parallel
        return Asking(
            Listings(exchange, self.ledger, self.store, self.tiers, side_by_side),
            Fetch(exchange, self.store, self.ledger, side_by_side, stop, self.settings.settling_seconds, keeper),
        )

    @contextmanager
    def _worker_pool(self, job: IngestionJob, workers: int) -> Iterator[WorkerPool]:
        """Who reads the batches: this process, or a cluster. Raises ClusterError where that cannot be had."""
        if not self.settings.dask:
            with threads(workers) as pool:
                yield pool
            return
        try:
            with cluster(self.settings.dask, workers) as pool:
                yield pool
        except ClusterError as error:
            raise ClusterError(f"{error} Resume with: {self.resume_command(job)}") from error

    def _pipeline(
        self, job: IngestionJob, plan: IngestionPlan, pool: WorkerPool, progress: Progress, stop: Callable[[], bool]
    ) -> Pipeline:
        tracker = self.tracker()
        keeper = self.keeper(self.ledger, job)
        asking = self._asking(stop, keeper) if plan.market else None
        return Pipeline(
            ingest=Ingest(
                keeper=keeper,
                source=ArchiveSource.open((), remote=self.remote),
                store=self.store,
                ledger=self.ledger,
                rejects=self._reject_log,
                executor=pool.executor,
                in_flight=pool.size + 1,
                now=tracker.now,
                stop=stop,
                identities=self.settings.identities,
            ),
            tracker=tracker,
            backfill=Backfill(
                tracker,
                Derive(self.store, self.ledger, stop),
                CrossCheck(self.store, self.ledger, tracker, stop),
                self.store,
                self.ledger,
                asking,
            ),
            reporter=CompletenessReporter(self.store, self.ledger, self.tiers),
            tidy=replace(self.tidy, trades=keeper.table if keeper else None),
            ledger=self.ledger,
            progress=progress,
            stop=stop,
            exports=self.settings.home / "exports",
        )

    @property
    def tidy(self) -> Tidy:
        """The care of the candle table."""
        return Tidy(self.store, self.clock.now(), self._room)

    def _room(self) -> int:
        return room(self.settings.store_path) if self.settings.store_is_local else BOUNDLESS

    @property
    def _reject_log(self) -> CsvRejectLog:
        return CsvRejectLog(self.settings.home / "rejects")

    def resume_command(self, job: IngestionJob) -> str:
        """The command that resumes a job, here and now. It reads nothing: the ledger may be away."""
        return resume_command(self.settings, job)

    def rejects(self, job_id: int) -> Path:
        """Where the rows are that a job could not take; it exists once there are any."""
        return self._reject_log.path(job_id)

    def log(self, job_id: int) -> Path:
        """Where a job's log is."""
        return self.settings.home / "logs" / f"{job_id}.log"


def _audit(
    progress: Progress, runner: JobRunner, job: IngestionJob, lease: Lease, stop: Callable[[], bool]
) -> JobResult:
    return runner.audit(job, partial(lease.pass_on, progress), stop)
