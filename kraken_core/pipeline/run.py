"""Run: the whole pipeline, in order. The only place with the order."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from pathlib import Path

from kraken_core.domain.archives import Ignored
from kraken_core.domain.differences import Disagreement, disagreements
from kraken_core.domain.errors import StoreError
from kraken_core.domain.jobs import FileStatus, IngestionJob, JobMetrics
from kraken_core.domain.knowledge import Knowledge
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.outages import Outages, not_reached
from kraken_core.domain.plan import IngestionPlan
from kraken_core.domain.report import Report
from kraken_core.domain.scope import wanted_before
from kraken_core.failpoints import reached
from kraken_core.pipeline.audit import AuditOutcome
from kraken_core.pipeline.backfill import Backfill
from kraken_core.pipeline.cover import CoverageTracker
from kraken_core.pipeline.download_list import write_download_list
from kraken_core.pipeline.ingest import Ingest
from kraken_core.pipeline.listed_rows import wrong_counts
from kraken_core.pipeline.maintain import Tidy
from kraken_core.pipeline.progress import Stages, Steps
from kraken_core.pipeline.report import CompletenessReporter
from kraken_core.pipeline.scope import scope_of
from kraken_core.ports import Ledger, Progress

LOG = logging.getLogger("kraken_core")
MOST_EVENTS = 10  # of disagreements between sources in a job's history; the log has all


@dataclass(frozen=True, slots=True)
class JobResult:
    """How a job ended: the job as the ledger has it, its report, where its download list lies, and the time it took.

    ``plan`` is what it carried out, ``differences`` those that it found between sources; ``unreached`` says why
    exchanges, which were needed, were not reached; ``audit`` is what came of an audit.
    """

    job: IngestionJob
    report: Report
    download_list: Path | None
    seconds: dict[str, float] = field(default_factory=dict)
    differences: tuple[Disagreement, ...] = ()
    plan: IngestionPlan | None = None
    unreached: Outages = field(default_factory=dict)
    audit: AuditOutcome | None = None

    def _repr_html_(self) -> str:
        """The job in a notebook, and below it its report."""
        return self.job._repr_html_() + self.report._repr_html_()


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Ingest → cover → detect → backfill and cross-check → report, for one job."""

    ingest: Ingest
    tracker: CoverageTracker
    backfill: Backfill
    reporter: CompletenessReporter
    tidy: Tidy
    ledger: Ledger
    progress: Progress
    stop: Callable[[], bool]
    exports: Path

    def run(self, job: IngestionJob, plan: IngestionPlan) -> JobResult:
        """Run a job that is RUNNING. Raises Interrupted when it was asked to stop, KrakenError when it failed.

        Every stage leaves what it did in the ledger, so that a run of the same job continues where this one ended.
        """
        _log_sources(job, plan)
        stages = Stages(job, job.metrics, self.ledger, self.progress, self.stop, plan.seconds_after_files)
        before = job.metrics
        done = before.files_ingested + before.files_skipped + before.files_failed
        text = sum(planned.file.size for planned in plan.to_ingest)
        doubted = self._doubted()
        with stages.stage("ingest", job.total_files, done, of=Steps.FILES, work=text) as ticker:
            stages.metrics = self.ingest.run(job, plan, ticker)
        for wrong in wrong_counts(plan.archives, self.ledger):
            LOG.warning("job %s: %s", job.id, wrong)
            self.ledger.add_event(job.id, "rows", wrong)
        unreadable = self.ledger.unreadable()
        pairs = self._pairs(plan, unreadable)
        with stages.stage("cover"):
            knowledge = self.tracker.update_coverage_after_ingestion(pairs).same_as(plan.known)
            if others := (doubted | self._doubted()).difference(pairs):  # read by earlier jobs
                self.tracker.update_coverage_after_ingestion(others)
        knowledge, unreached = self.backfill.run(stages, plan, pairs, knowledge, unreadable)
        with stages.stage("tidy"):
            self._tidy_up(job)
        reached("report.before")
        with stages.stage("report"):
            report = self._report(plan, knowledge)
            downloads = write_download_list(self.exports / f"download-list-{job.id}.csv", report.gaps, report.as_of)
        ended = replace(job, metrics=stages.metrics, error=self._shortfall(job, stages.metrics, unreached))
        return JobResult(ended, report, downloads, dict(stages.seconds), self._differences(job), plan, unreached)

    def _doubted(self) -> set[Pair]:
        """The pairs of which files had the content of another pair's."""
        return {series.pair for series in self.ledger.doubted_contents()}

    def _report(self, plan: IngestionPlan, knowledge: Knowledge) -> Report:
        """How complete everything expected at the last detections is: the same as in any other report."""
        request = plan.request
        detections = {
            series: detection
            for series, detection in self.ledger.detections().items()
            if series.pair in knowledge.lives and series.interval in request.intervals
        }
        as_of = max((detection.as_of for detection in detections.values()), default=plan.as_of)
        return self.reporter.generate_report(wanted_before(detections, knowledge.lives, request), as_of)

    def _shortfall(self, job: IngestionJob, metrics: JobMetrics, unreached: Outages) -> str | None:
        """Why a job that came to its end did not do what it was for; None where it did (domain rule 16)."""
        reasons = []
        if metrics.all_files_failed:
            first = next(file.failure for file in self.ledger.files(job.id) if file.status is FileStatus.FAILED)
            number = metrics.total_files
            reasons.append(f"none of the {number:,} files could be read: {first}" if number > 1 else first)
        if unreached:
            reasons.append(not_reached(unreached))
        return " ".join(reasons) or None

    def _differences(self, job: IngestionJob) -> tuple[Disagreement, ...]:
        """The differences the job found, which its log and its history list too."""
        found = disagreements(self.ledger.differences(job_id=job.id))
        for each in found:
            LOG.info("job %s: %s", job.id, each.description)
        for each in found[:MOST_EVENTS]:
            self.ledger.add_event(job.id, "differences", each.description)
        return found

    def _tidy_up(self, job: IngestionJob) -> None:
        """Maintain table and claims; a job that did everything requested does not fail by what was not."""
        if joined := self.ledger.join_claims():
            LOG.info("job %s joined %s claims with others", job.id, joined)
        try:
            tidied = self.tidy.run(self.stop)
        except StoreError as error:
            LOG.exception("job %s could not tidy up the candle table", job.id)
            self.ledger.add_event(job.id, "tidy", f"the candle table was not tidied up: {error}")
            return
        if tidied.compacted.merged or tidied.swept.files:
            LOG.info("job %s tidied up the candle table: %s", job.id, tidied)

    def _pairs(self, plan: IngestionPlan, unreadable: Collection[Series]) -> list[Pair]:
        """The pairs that the request selects: see Scope.pairs."""
        lives = {record.pair: record.lives for record in self.ledger.pairs()}
        with_files = {planned.file.series.pair for planned in plan.files} | {series.pair for series in unreadable}
        scope = scope_of(self.ledger, plan.request, plan.as_of)
        return scope.pairs(lives, with_files, self.tracker.tiers)


def _log_sources(job: IngestionJob, plan: IngestionPlan) -> None:
    """What is not read of the sources, and what is to be known of them."""
    for path, reason, left_out in plan.ignored:
        LOG.info("job %s ignores %s files of %s (%s): %s", job.id, left_out.count, path, reason, _listed(left_out))
    for note in plan.all_notes:
        LOG.warning("job %s: %s", job.id, note)


def _listed(left_out: Ignored) -> str:
    return ", ".join(left_out.examples) + (", …" if left_out.count > len(left_out.examples) else "")
