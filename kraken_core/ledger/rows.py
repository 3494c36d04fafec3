"""Jobs and files as rows, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import Row

from kraken_core.domain.jobs import Control, FileIngestionRecord, FileStatus, IngestionJob, JobMetrics, JobStatus
from kraken_core.domain.market import Series
from kraken_core.domain.request import Request
from kraken_core.ledger.models import METRICS

FILE_STATUSES = {status.value: status for status in FileStatus}


def request_columns(request: Request, as_of: int) -> dict[str, object]:
    """The columns of a job that say what was asked."""
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
    """The columns of a job that say how far it is."""
    return {**asdict(metrics), "progress_pct": metrics.progress_pct}


def job_of(row: Row[Any]) -> IngestionJob:
    """The job that a row of ingestion_job holds."""
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
        asked=Control(row.asked) if row.asked else None,
        error=row.error,
        metrics=JobMetrics(**{name: values[name] for name in METRICS}),
    )


def outcome_columns(file: FileIngestionRecord) -> dict[str, object]:
    """The columns of a file that say what became of it."""
    return {
        "status": file.status,
        "rank": file.rank,
        "content_hash": file.content_hash,
        "first_time": file.first,
        "last_time": file.last,
        "records": file.records,
        "records_new": file.records_new,
        "records_changed": file.records_changed,
        "records_rejected": file.records_rejected,
        "error": file.error,
    }


def file_columns(file: FileIngestionRecord) -> dict[str, object]:
    """All columns of a file that are its own."""
    found = {"path": file.path, "member": file.member, "stamp": file.stamp, "size": file.size}
    return {**found, **outcome_columns(file)}


def file_of(row: Row[Any], series: Mapping[tuple[int, int], Series]) -> FileIngestionRecord:
    """The file that a row of file_ingestion_record holds."""
    return FileIngestionRecord(
        path=row.path,
        member=row.member,
        stamp=row.stamp,
        size=row.size,
        series=series[row.pair_id, row.interval],
        status=FILE_STATUSES[row.status],
        rank=row.rank,
        content_hash=row.content_hash,
        first=row.first_time,
        last=row.last_time,
        records=row.records,
        records_new=row.records_new,
        records_changed=row.records_changed,
        records_rejected=row.records_rejected,
        error=row.error,
        id=row.id,
        job_id=row.job_id,
    )
