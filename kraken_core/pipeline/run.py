"""Run: the whole pipeline, in order. The only place that knows the order."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from kraken_core.domain.errors import Interrupted, StoreError
from kraken_core.domain.gaps import GapStatus
from kraken_core.domain.jobs import IngestionJob, JobMetrics
from kraken_core.domain.market import Pair
from kraken_core.domain.plan import IngestionPlan
from kraken_core.domain.report import Report
from kraken_core.failpoints import reached
from kraken_core.pipeline.backfill import Derive
from kraken_core.pipeline.cover import CoverageTracker
from kraken_core.pipeline.detect import Detected, GapDetection
from kraken_core.pipeline.downloads import write_download_list
from kraken_core.pipeline.ingest import Ingest
from kraken_core.pipeline.progress import Ticker
from kraken_core.pipeline.report import CompletenessReporter
from kraken_core.pipeline.tidy import Tidy
from kraken_core.ports import Ledger, Progress

LOG = logging.getLogger("kraken_core")


@dataclass(frozen=True, slots=True)
class JobResult:
    """How a job ended: the job as the ledger has it, its report, where its download list lies, and the time it took."""

    job: IngestionJob
    report: Report
    download_list: Path | None
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Ingest → cover → detect → backfill → report, for one job."""

    ingest: Ingest
    tracker: CoverageTracker
    derive: Derive
    reporter: CompletenessReporter
    tidy: Tidy
    ledger: Ledger
    progress: Progress
    stop: Callable[[], bool]
    exports: Path

    def run(self, job: IngestionJob, plan: IngestionPlan) -> JobResult:
        """Run a job that is RUNNING. Raises Interrupted when it was asked to stop, KrakenError when it failed.

        Every stage leaves what it did in the ledger, so that a run of the same job goes on where this one ended.
        """
        seconds: dict[str, float] = {}
        with _timed("ingest", seconds):
            metrics = self.ingest.run(job, plan, self._ticker("ingest", job.metrics))
        pairs = self._pairs(plan)
        window, intervals = plan.request.window(plan.as_of), plan.request.intervals
        detection = GapDetection(self.ledger, plan.as_of)
        with self._stage("cover", job, metrics, seconds):
            knowledge = self.tracker.update_coverage_after_ingestion(pairs)
        with self._stage("detect", job, metrics, seconds):
            detected = detection.run(knowledge, pairs, intervals, window)
            metrics = _with_gaps(metrics, detected)
        # What is derived no longer is taken back in any case: it would count as covered.
        work = detected.work if plan.request.auto_gap_fill else replace(detected.work, derive=())
        if work.derive or work.withdraw:
            with self._stage("backfill", job, metrics, seconds):
                if work.derive:
                    detection.begin_backfill(detected)
                self.derive.run(work, Ticker("backfill", len(work.derive), self.progress))
                knowledge = self.tracker.update_coverage_after_ingestion(pairs)
                detected = detection.run(knowledge, pairs, intervals, window)
                metrics = _with_gaps(metrics, detected)
        with self._stage("tidy", job, metrics, seconds):
            self._tidy_up(job)
        reached("report.before")
        with self._stage("report", job, metrics, seconds):
            wanted = knowledge.wanted(pairs, intervals, window)
            report = self.reporter.generate_report(wanted, plan.as_of)
            downloads = write_download_list(self.exports / f"download-list-{job.id}.csv", report.gaps)
        return JobResult(replace(job, metrics=metrics), report, downloads, seconds)

    def _tidy_up(self, job: IngestionJob) -> None:
        """Look after the table; a job that did all it was asked for does not fail by what it was not."""
        try:
            tidied = self.tidy.run(self.stop)
        except StoreError as error:
            LOG.exception("job %s could not tidy up the candle table", job.id)
            self.ledger.add_event(job.id, "tidy", f"the candle table was not tidied up: {error}")
            return
        if tidied.compacted.merged or tidied.swept.files:
            LOG.info("job %s tidied up the candle table: %s", job.id, tidied)

    def _pairs(self, plan: IngestionPlan) -> list[Pair]:
        """The pairs of the request: those of its files, and those the ledger knew."""
        tiers, request = self.tracker.tiers, plan.request
        known = {record.pair for record in self.ledger.pairs() if request.holds(record.pair, tiers)}
        return sorted(known | {planned.file.series.pair for planned in plan.files})

    def _ticker(self, stage: str, metrics: JobMetrics) -> Ticker:
        done = metrics.files_ingested + metrics.files_skipped + metrics.files_failed
        return Ticker(stage, metrics.total_files, self.progress, done)

    @contextmanager
    def _stage(self, stage: str, job: IngestionJob, metrics: JobMetrics, seconds: dict[str, float]) -> Iterator[None]:
        if self.stop():
            raise Interrupted("paused")
        self.ledger.progress(job.id, stage, metrics)
        ticker = Ticker(stage, 1, self.progress)
        with _timed(stage, seconds):
            yield
        ticker.add()


@contextmanager
def _timed(stage: str, seconds: dict[str, float]) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[stage] = time.perf_counter() - start


def _with_gaps(metrics: JobMetrics, detected: Detected) -> JobMetrics:
    """The job's gaps after a detection: those closed by now stay counted as filled."""
    states = [gap.status for gap in detected.gaps]
    filled = metrics.gaps_filled + len(detected.filled)
    return replace(
        metrics,
        gaps_detected=filled + len(states),
        gaps_filled=filled,
        gaps_unfillable=states.count(GapStatus.UNFILLABLE),
        gaps_failed=states.count(GapStatus.FAILED),
        gaps_open=states.count(GapStatus.DETECTED) + states.count(GapStatus.BACKFILLING),
    )
