"""Archives, and the files in them that were ingested."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Table, Text

from kraken_core.domain.jobs import FileStatus
from kraken_core.ledger.columns import Instant, Moment, counts, moments, one_of, reference, row_id, series, words
from kraken_core.ledger.models.base import metadata

file_ingestion_record = Table(
    "file_ingestion_record",
    metadata,
    row_id(),
    reference("ingestion_job"),
    *words("path", "member", "stamp", "content_hash"),
    *series(),
    *one_of("status", FileStatus),
    Column("first_time", Instant),
    Column("last_time", Instant),
    *counts("size", "rank", "records", "records_new", "records_changed", "records_rejected"),
    Column("error", Text),
    Column("lost_at", Moment),  # when its candles were found to be lost: it counts no more, and is read again
    *moments("created_at", "updated_at"),
    CheckConstraint("first_time <= last_time", name="range"),
    Index(None, "job_id", "status"),
    Index(None, "pair_id", "interval"),
)

archive = Table(
    "archive",
    metadata,
    row_id(),
    Column("identity", Text, nullable=False, unique=True),
    *words("path"),
    Column("stated_start", Instant),
    Column("stated_end", Instant),
    Column("vintage_end", Instant),
    Column("vintage_generated", Instant),
    *moments("recorded_at"),
    Column("job_id", BigInteger),  # the job that met it
    CheckConstraint("stated_start < stated_end", name="range"),
)

archive_name = Table(  # what pairs are called in names of files that are not read: unknown ones, other intervals
    "archive_name",
    metadata,
    reference("archive", primary_key=True),
    Column("name", Text, primary_key=True),
)

archive_pair = Table(
    "archive_pair",
    metadata,
    reference("archive", primary_key=True),
    reference("pair", primary_key=True),
)
