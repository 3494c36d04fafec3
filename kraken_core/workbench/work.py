"""Jobs: planned, run, resumed. One at a time in a home."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from kraken_core.domain.errors import Interrupted, JobError, KrakenError
from kraken_core.domain.jobs import UNFINISHED, FileIngestionRecord, IngestionJob, JobMetrics, JobStatus
from kraken_core.domain.plan import IngestionPlan
from kraken_core.domain.request import Request
from kraken_core.domain.tiers import Tiers
from kraken_core.pipeline.backfill import Derive
from kraken_core.pipeline.cover import CoverageTracker
from kraken_core.pipeline.ingest import Ingest
from kraken_core.pipeline.plan import make_plan
from kraken_core.pipeline.report import CompletenessReporter
from kraken_core.pipeline.run import JobResult, Pipeline
from kraken_core.ports import CandleStore, Clock, Ledger, Progress, ProgressReport
from kraken_core.settings import Settings
from kraken_core.sources.archive import ArchiveSource
from kraken_core.stores.rejects import CsvRejectLog
from kraken_core.workbench.worker_identity import is_lost, this_worker

LOG = logging.getLogger("kraken_core")


def unheard(report: ProgressReport) -> None:
    """Progress nobody listens to."""


def never() -> bool:
    """Nobody asks to stop."""
    return False


@dataclass(frozen=True, slots=True)
class Work:
    """Plans and runs the jobs of a home."""

    settings: Settings
    ledger: Ledger
    store: CandleStore
    tiers: Tiers
    clock: Clock

    def plan(self, request: Request, as_of: int | None = None) -> IngestionPlan:
        """What a request will do, as of now or of an earlier instant. Writes nothing."""
        now = self.clock.now()
        return self._plan(request, now if as_of is None else min(as_of, now))

    def unfinished(self, request: Request) -> IngestionJob | None:
        """The newest job of the same request that can be taken up again."""
        self.reap()
        jobs = self.ledger.jobs(UNFINISHED, request.key)
        return next((job for job in jobs if job.status is not JobStatus.RUNNING), None)

    def reap(self) -> list[IngestionJob]:
        """Mark jobs whose worker is gone as FAILED, so that they can be resumed; returns them."""
        lost = [job for job in self.ledger.jobs([JobStatus.RUNNING]) if job.worker and is_lost(job.worker)]
        return [self.ledger.move(job, job.mark_failed("worker lost: its process is gone")) for job in lost]

    def start(self, plan: IngestionPlan) -> IngestionJob:
        """A PENDING job that will do what the plan says."""
        files = [
            FileIngestionRecord(f.file.path, f.file.member, f.file.stamp, f.file.size, f.file.series)
            for f in plan.to_ingest
        ]
        skipped = len(plan.files) - len(files)
        metrics = JobMetrics(total_files=len(plan.files), files_skipped=skipped)
        return self.ledger.create_job(plan.request, plan.as_of, files, metrics)

    def run(
        self,
        job: IngestionJob,
        plan: IngestionPlan | None = None,
        *,
        progress: Progress = unheard,
        stop: Callable[[], bool] = never,
        workers: int | None = None,
    ) -> JobResult:
        """Run a PENDING job, or take up one that is PAUSED or FAILED, to its end.

        A job that is taken up is planned anew, as of the instant it was first, and does what is left. Raises
        JobRunningError while another one runs, Interrupted when asked to stop (the job is then PAUSED), JobError when
        it failed (the job is then FAILED and can be taken up again).
        """
        self.reap()
        began = time.perf_counter()
        plan = plan or self._plan(job.request, job.as_of)
        planned = time.perf_counter() - began
        job = self.ledger.move(job, job.mark_running(this_worker()))
        with self._logged(job), ThreadPoolExecutor(workers or self.settings.workers) as pool:
            pipeline = self._pipeline(pool, workers or self.settings.workers, progress, stop)
            result = self._guarded(job, lambda: pipeline.run(job, plan))
        total = time.perf_counter() - began
        return replace(result, seconds={"total": total, "plan": planned, **result.seconds})

    def _guarded(self, job: IngestionJob, run: Callable[[], JobResult]) -> JobResult:
        """The run, with the job moved to the state in which it ended, whatever happens."""
        try:
            result = run()
        except Interrupted:
            self.ledger.move(job, job.mark_paused())
            raise Interrupted(f"job {job.id} is paused; go on with: kraken ingest --resume {job.id}") from None
        except KrakenError as error:
            LOG.exception("job %s failed", job.id)
            self.ledger.move(job, job.mark_failed(str(error)))
            raise JobError(f"job {job.id} failed: {error} Go on with: kraken ingest --resume {job.id}") from error
        except BaseException as error:
            LOG.exception("job %s failed", job.id)
            reason = " ".join(f"{type(error).__name__}: {error}".split())  # one line, whatever it says
            self.ledger.move(job, job.mark_failed(reason))
            raise
        self.ledger.progress(job.id, "", result.job.metrics)
        ended = self.ledger.move(job, job.mark_completed())
        return replace(result, job=ended)

    def _plan(self, request: Request, as_of: int) -> IngestionPlan:
        source = ArchiveSource.open(request.sources, request.archive_through)
        return make_plan(request, as_of, source=source, ledger=self.ledger, tiers=self.tiers)

    def _pipeline(
        self, pool: ThreadPoolExecutor, workers: int, progress: Progress, stop: Callable[[], bool]
    ) -> Pipeline:
        now = self.clock.now()
        return Pipeline(
            ingest=Ingest(
                source=ArchiveSource.open(()),
                store=self.store,
                ledger=self.ledger,
                rejects=CsvRejectLog(self.settings.home / "rejects"),
                executor=pool,
                in_flight=workers + 1,
                now=now,
                stop=stop,
            ),
            tracker=CoverageTracker(self.store, self.ledger, self.tiers, now),
            derive=Derive(self.store, self.ledger, stop),
            reporter=CompletenessReporter(self.store, self.ledger, self.tiers),
            ledger=self.ledger,
            progress=progress,
            stop=stop,
            exports=self.settings.home / "exports",
        )

    @contextmanager
    def _logged(self, job: IngestionJob) -> Iterator[None]:
        """The job's log file takes what is logged while it runs."""
        handler = logging.FileHandler(self.log(job.id), encoding="utf-8")
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        LOG.addHandler(handler)
        LOG.setLevel(logging.INFO)
        try:
            yield
        finally:
            LOG.removeHandler(handler)
            handler.close()

    def log(self, job_id: int) -> Path:
        """Where a job's log is."""
        return self.settings.home / "logs" / f"{job_id}.log"
