"""Jobs and files as rows, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row

from kraken_core.domain.jobs import (
    Control,
    FileIngestionRecord,
    FileStatus,
    IngestionJob,
    JobMetrics,
    JobStatus,
    ProgressReport,
    Trigger,
)
from kraken_core.domain.market import Series
from kraken_core.domain.request import JobKind, Request
from kraken_core.ledger.models import METRICS

FILE_STATUSES = {status.value: status for status in FileStatus}
# The columns of a file: what it is, and what became of it, as the fields of FileIngestionRecord follow each other
ORIGIN = ("path", "member", "stamp", "size", "pair_id", "interval")
OUTCOME = (
    "status",
    "rank",
    "content_hash",
    "first_time",
    "last_time",
    "records",
    "records_new",
    "records_changed",
    "records_rejected",
    "error",
)
FILE = (*ORIGIN, *OUTCOME, "id", "job_id")


def request_columns(request: Request, as_of: int) -> dict[str, object]:
    """The columns of a job's request."""
    window = request.window(as_of)
    return {
        "request": json.dumps(request.to_json()),
        "request_key": request.key,
        "tiers": ",".join(request.tiers),
        "intervals": ",".join(map(str, request.intervals)),
        "start": window.start,
        "end": window.end,
        "as_of": as_of,
    }


def metrics_columns(metrics: JobMetrics) -> dict[str, float]:
    """The columns of a job's outcome."""
    return {name: getattr(metrics, name) for name in METRICS}


def job_of(row: Row[Any]) -> IngestionJob:
    """The job of a row of ingestion_job."""
    values = row._mapping  # noqa: SLF001 - public in spite of its name
    return IngestionJob(
        id=row.id,
        status=JobStatus(row.status),
        request=Request.from_json(json.loads(row.request)),
        as_of=row.as_of,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        stage=row.stage,
        worker=row.worker,
        lease_until=row.lease_until,
        requested=Control(row.asked) if row.asked else None,
        error=row.error,
        metrics=JobMetrics(**{name: values[name] for name in METRICS}),
        doing=ProgressReport(*json.loads(row.doing)) if row.doing else None,
        table_version=row.table_version,
        undone_at=row.undone_at,
        worker_lost=row.worker_lost,
        reached_pct=row.progress_pct,
        trigger=Trigger(row.trigger) if row.trigger else None,
        kind=JobKind(row.kind) if row.kind else None,
    )


def outcome_of(file: FileIngestionRecord) -> tuple[object, ...]:
    """What became of a file, in the order of OUTCOME."""
    return (
        str(file.status),
        file.rank,
        file.content_hash,
        file.first,
        file.last,
        file.records,
        file.records_new,
        file.records_changed,
        file.records_rejected,
        file.error,
    )


def file_of(row: Sequence[Any], series: Mapping[tuple[int, int], Series]) -> FileIngestionRecord:
    """The file of a row of FILE."""
    path, member, stamp, size, pair_id, interval, status, *rest = row
    return FileIngestionRecord(path, member, stamp, size, series[pair_id, interval], FILE_STATUSES[status], *rest)
