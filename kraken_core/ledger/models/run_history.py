"""What jobs and verifications left: events, stages, and how complete everything was."""

from __future__ import annotations

from sqlalchemy import Column, Float, Index, Table

from kraken_core.ledger.columns import Instant, counts, each_interval, moments, reference, row_id, words
from kraken_core.ledger.models.base import metadata

job_event = Table(
    "job_event",
    metadata,
    row_id(),
    reference("ingestion_job"),
    Column("at", Instant, nullable=False),
    *words("kind", "message"),
    Index(None, "job_id"),
)

job_stage = Table(  # stages that ended
    "job_stage",
    metadata,
    row_id(),
    reference("ingestion_job"),
    *words("stage"),
    *moments("started_at"),
    Column("seconds", Float, nullable=False),
    Index(None, "job_id"),
)

interval_completeness = Table(  # of everything that was expected when a job had ended
    "interval_completeness",
    metadata,
    row_id(),
    reference("ingestion_job"),
    Column("at", Instant, nullable=False),
    *each_interval(),
    *counts("wanted", "covered", "present", "proved", "confirmed", "doubtful"),
)

verification = Table(
    "verification",
    metadata,
    row_id(),
    Column("at", Instant, nullable=False),
    *words("selection", "selection_key", "state", "checks", "suspicious"),  # the last two as JSON
)
