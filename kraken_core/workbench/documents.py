"""The contract's documents and rows: what ``--json`` prints and Workbench's DataFrames contain.

Times are ISO 8601 UTC, ranges half-open, pairs ``BTC/USD``, intervals minutes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from kraken_core.domain.audit_summary import by_month, summaries
from kraken_core.domain.candles import TIME
from kraken_core.domain.grades import Grade
from kraken_core.domain.jobs import STAGES
from kraken_core.domain.timerange import iso

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from kraken_core.domain.completeness import Completeness
    from kraken_core.domain.coverage import DataCoverageRange
    from kraken_core.domain.gaps import GapRecord
    from kraken_core.domain.jobs import IngestionJob, JobMetrics
    from kraken_core.domain.plan import IngestionPlan, PlannedFile
    from kraken_core.domain.report import SeriesReport
    from kraken_core.domain.report_diff import Change
    from kraken_core.domain.verification.checks import Verification
    from kraken_core.pipeline.audit import AuditOutcome
    from kraken_core.pipeline.run import JobResult
    from kraken_core.workbench.jobs.audit_plan import AuditPlan
    from kraken_core.workbench.queries.audits import AuditFinding
    from kraken_core.workbench.queries.silences import SilentSpan

COVERAGE = {
    "pair": pl.String,
    "interval": pl.Int32,
    "start": TIME,
    "end": TIME,
    "source": pl.String,
    "candles": pl.Int64,
    "grade": pl.String,
}
SILENCES = {
    "pair": pl.String,
    "interval": pl.Int32,
    "start": TIME,
    "end": TIME,
    "slots": pl.Int64,
    "kind": pl.String,
    "expected_trades": pl.Float64,
}
GAPS = {
    "id": pl.Int64,
    "pair": pl.String,
    "interval": pl.Int32,
    "start": TIME,
    "end": TIME,
    "candles": pl.Int64,
    "status": pl.String,
    "route": pl.String,
    "reason": pl.String,
    "requests": pl.Int64,
    "csv_file": pl.String,
    "archive": pl.String,
}
_SLOTS = ("wanted", "covered", "present", "silent", "missing", *(grade.value for grade in Grade))
COMPLETENESS = {
    "pair": pl.String,
    "interval": pl.Int32,
    "tier": pl.String,
    "start": TIME,
    "end": TIME,
    **dict.fromkeys(_SLOTS, pl.Int64),
    "completeness": pl.Float64,
    "activity": pl.Float64,
    "reason": pl.String,
}


# A contract: stages that came later are in ``total`` alone.
TIMED = ("total", "plan", *(stage for stage in STAGES if stage not in {"listings", "audit", "tidy"}))


def coverage_row(covered: DataCoverageRange) -> dict[str, Any]:
    """A covered range, as in ``coverage --json``."""
    pair, interval = str(covered.series.pair), covered.series.interval
    values = (
        *(pair, interval, iso(covered.start), iso(covered.end)),
        *(covered.source.value, covered.candles, covered.grade.value),
    )
    return dict(zip(COVERAGE, values, strict=True))


def silence_row(found: SilentSpan) -> dict[str, Any]:
    """A silence: a range without trades, and what explains it."""
    series = found.series
    values = (
        *(str(series.pair), series.interval, iso(found.start), iso(found.end)),
        *(found.slots, found.kind.value, round(found.expected_trades, 3)),
    )
    return dict(zip(SILENCES, values, strict=True))


def gap_row(gap: GapRecord) -> dict[str, Any]:
    """A gap, as in ``gaps --json``."""
    values = (
        *(gap.id, str(gap.series.pair), gap.series.interval, iso(gap.start), iso(gap.end), gap.candles),
        *(gap.status.value, gap.route.value, gap.reason, gap.requests, gap.csv_file, gap.archive),
    )
    return dict(zip(GAPS, values, strict=True))


def counts(slots: Completeness) -> dict[str, int]:
    """Slots by what is known of them."""
    return {name: getattr(slots, name) for name in _SLOTS}


def report_row(line: SeriesReport) -> dict[str, Any]:
    """A series' completeness, as in ``report --json``."""
    return {
        "pair": str(line.series.pair),
        "interval": line.series.interval,
        "tier": line.tier,
        "start": iso(line.start),
        "end": iso(line.end),
        **counts(line.counts),
        "completeness": line.counts.completeness,
        "activity": line.counts.activity,
        "reason": line.reason or None,
    }


def change_row(change: Change) -> dict[str, Any]:
    """How a series changed between two reports, as in ``report --compare --json``."""
    return {
        "pair": str(change.series.pair),
        "interval": change.series.interval,
        "before": None if change.before is None else counts(change.before),
        "after": None if change.after is None else counts(change.after),
        "wanted": change.wanted,
        "missing": change.missing,
    }


def job_row(job: IngestionJob) -> dict[str, Any]:
    """A job, as in ``jobs --json``."""
    window = job.request.window(job.as_of)
    return {
        "job_id": job.id,
        "status": job.status.value,
        "trigger": job.trigger,
        "kind": job.kind or job.request.kind,
        "tiers": list(job.request.tiers),
        "pairs": [str(pair) for pair in job.request.pairs],
        "intervals": list(job.request.intervals),
        "start": iso(window.start),
        "end": iso(window.end),
        "as_of": iso(job.as_of),
        "created_at": _moment(job.created_at),
        "started_at": _moment(job.started_at),
        "finished_at": _moment(job.finished_at),
        "undone_at": _moment(job.undone_at),
        "progress_pct": round(job.progress_pct, 2),
        **metrics_document(job.metrics),
        "error": job.error,
    }


def metrics_document(metrics: JobMetrics) -> dict[str, Any]:
    """What a job did, as in ``ingest --json`` and ``jobs --json``."""
    return {
        "files": {
            "total": metrics.total_files,
            "ingested": metrics.files_ingested,
            "skipped": metrics.files_skipped,
            "failed": metrics.files_failed,
        },
        "records": {
            "read": metrics.records_read,
            "new": metrics.records_ingested,
            "changed": metrics.records_changed,
            "rejected": metrics.records_rejected,
        },
        "gaps": {
            "detected": metrics.gaps_detected,
            "filled": metrics.gaps_filled,
            "unfillable": metrics.gaps_unfillable,
            "failed": metrics.gaps_failed,
            "open": metrics.gaps_open,
        },
    }


def result_document(result: JobResult) -> dict[str, Any]:
    """How a job ended, as in ``ingest --json``."""
    job = result.job
    return {
        "job_id": job.id,
        "status": job.status.value,
        "as_of": iso(job.as_of),
        "tiers": list(job.request.tiers),
        "intervals": list(job.request.intervals),
        **metrics_document(job.metrics),
        "api": {"requests": job.metrics.requests, "retries": job.metrics.retries},
        "completeness": counts(result.report.overall),
        "differences": [each._asdict() for each in result.differences],
        "seconds": {stage: round(result.seconds.get(stage, 0.0), 3) for stage in TIMED},
        "download_list": str(result.download_list) if result.download_list else None,
        "error": job.error,
        **sources_document(result.plan),
    }


def verification_document(found: Verification) -> dict[str, Any]:
    """What was checked and found, as in ``verify --json``."""
    return {
        "checks": [{**check._asdict(), "examples": list(check.examples)} for check in found.checks],
        "files": {"checked": found.files_checked, "left": found.files_left},
        "ok": found.ok,
    }


def audit_plan_document(plan: AuditPlan) -> dict[str, Any]:
    """The requests an audit would make, as in ``audit --dry-run --json``."""
    return {
        "pairs": [str(pair) for pair in plan.covered],
        "requests": plan.requests,
        "requests_at_most": plan.at_most,
        "estimated_seconds": round(plan.estimated_seconds, 1),
    }


def audit_document(result: JobResult, found: AuditOutcome, differing: Sequence[AuditFinding]) -> dict[str, Any]:
    """What an audit found, as in ``audit --json``."""
    return {
        "job_id": result.job.id,
        "as_of": iso(result.job.as_of),
        "api": {"requests": result.job.metrics.requests, "retries": result.job.metrics.retries},
        "series": [
            {"pair": str(series.pair), "interval": series.interval, **counts._asdict()}
            for series, counts in summaries(found.spans).items()
        ],
        "months": [
            {"pair": str(series.pair), "interval": series.interval, "month": month, **counts._asdict()}
            for (series, month), counts in by_month(found.spans).items()
        ],
        "findings": [_finding_row(each) for each in differing],
        "problems": {str(pair): problem for pair, problem in sorted(found.problems.items())},
        "withdrawn": sum(ranges.slots(series.width) for series, ranges in found.withdrawn.items()),
        "left": found.left,
        "ok": not differing,
    }


def _finding_row(found: AuditFinding) -> dict[str, Any]:
    span = found.span
    return {
        "pair": str(span.series.pair),
        "interval": span.series.interval,
        "start": iso(span.start),
        "end": iso(span.end),
        "slots": span.slots,
        "stored": span.stored,
        "by_ids": span.by_ids,
        "verdict": span.verdict.value,
        "sources": list(found.sources),
    }


def plan_document(plan: IngestionPlan) -> dict[str, Any]:
    """A plan, as in ``ingest --dry-run --json``."""
    return {
        "files": [_file_row(planned) for planned in plan.files],
        "gaps": [gap_row(gap) for gap in plan.gaps],
        "requests": plan.requests,
        "requests_at_most": plan.at_most if plan.limit is None else plan.limit,
        "download_bytes": plan.download_bytes,
        "disk_bytes": plan.disk_bytes,
        "estimated_seconds": round(plan.estimated_seconds, 1),
        **sources_document(plan),
    }


def sources_document(plan: IngestionPlan | None) -> dict[str, Any]:
    """What lies in the sources and is not read, and notes on them; as in ``ingest --json``."""
    if plan is None:
        return {"ignored": [], "notes": []}
    return {
        "ignored": [
            {"path": path, "reason": reason, "count": left_out.count, "examples": list(left_out.examples)}
            for path, reason, left_out in plan.ignored
        ],
        "notes": plan.all_notes,
    }


def _file_row(planned: PlannedFile) -> dict[str, Any]:
    file = planned.file
    return {
        "path": file.path,
        "member": file.member,
        "pair": str(file.series.pair),
        "interval": file.series.interval,
        "bytes": file.size,
        "action": planned.action.value,
        "reason": planned.reason,
    }


def _moment(at: datetime | None) -> str | None:
    return None if at is None else iso(int(at.timestamp()))
