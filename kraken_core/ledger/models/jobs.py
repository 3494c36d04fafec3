"""Jobs, and the candle tables that they wrote to."""

from __future__ import annotations

from dataclasses import fields

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Float, Index, Table, Text, false, text

from kraken_core.domain.jobs import JobMetrics, JobStatus
from kraken_core.ledger.columns import Instant, Moment, added_counts, counts, moments, one_of, row_id, span, words
from kraken_core.ledger.models.base import metadata

METRICS = tuple(field.name for field in fields(JobMetrics))
_ADDED_METRICS = ("total_requests", "requests", "retries")

ingestion_job = Table(
    "ingestion_job",
    metadata,
    row_id(),
    *one_of("status", JobStatus),
    *words("stage", "worker", "candle_table", "request", "request_key", "tiers", "intervals"),
    *span(may_be_empty=True),
    Column("as_of", Instant, nullable=False),
    *counts(*(name for name in METRICS if name not in _ADDED_METRICS)),
    *added_counts(*_ADDED_METRICS),
    Column("progress_pct", Float, nullable=False),
    Column("error", Text),
    Column("lease_until", Instant),  # null while it does not run
    Column("asked", Text),  # of the worker: PAUSE or CANCEL
    Column("doing", Text),  # the worker's last report of progress, a JSON list; null while it does not run
    Column("table_version", BigInteger),  # of the candle table when the job first ran
    Column("table_reached", BigInteger),  # the version at the job's last word; null where it left none
    Column("table_stamp", Text),  # what distinguishes that version from another one of its number
    Column("undone_at", Moment),
    Column("worker_lost", Boolean, nullable=False, server_default=false()),
    *moments("created_at", "updated_at"),
    Column("started_at", Moment),
    Column("finished_at", Moment),
    Column("trigger", Text),  # what began it; null of earlier versions
    Column("kind", Text),  # what it was; null of earlier versions, whose requests tell
    Column("trades_version", BigInteger),  # of the table of trades when the job first ran; null where it kept none
    CheckConstraint("progress_pct BETWEEN 0 AND 100", name="progress_pct"),
)

RUNNING = text("status = 'RUNNING'")
one_running_job = Index(
    "uq_ingestion_job_running",
    ingestion_job.c.candle_table,
    unique=True,
    sqlite_where=RUNNING,  # that of PostgreSQL is in postgresql.py: to name it here would load all of its dialect
)

# The candle tables that jobs wrote to, each as of the last word of a job: see domain/table_mark.py
table_mark = Table(
    "table_mark",
    metadata,
    Column("candle_table", Text, primary_key=True),
    *words("identity"),
    Column("version", BigInteger, nullable=False),
    *words("stamp"),
    *moments("recorded_at"),
)
