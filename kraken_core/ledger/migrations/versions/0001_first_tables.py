"""The ledger's first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite numbers rows by itself only where it is INTEGER


def one_of(column: str, *values: str | int) -> str:
    """What a column may hold. Written out, as SQLite makes a table of a longer list anew for every row."""
    return " OR ".join(f'"{column}" = {value!r}' for value in values)


INTERVAL = one_of("interval", 1, 5, 15, 30, 60, 240, 720, 1440)


def upgrade() -> None:
    op.create_table(
        "archive",
        sa.Column("id", ID, nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("stated_start", sa.BigInteger()),
        sa.Column("stated_end", sa.BigInteger()),
        sa.Column("vintage_end", sa.BigInteger()),
        sa.Column("vintage_generated", sa.BigInteger()),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("stated_start < stated_end", name=op.f("ck_archive_range")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_archive")),
        sa.UniqueConstraint("identity", name=op.f("uq_archive_identity")),
    )

    op.create_table(
        "asset",
        sa.Column("id", ID, nullable=False),
        sa.Column("ticker", sa.Text(), nullable=False),
        sa.Column("tier", sa.Text()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_asset")),
        sa.UniqueConstraint("ticker", name=op.f("uq_asset_ticker")),
    )

    op.create_table(
        "ingestion_job",
        sa.Column("id", ID, nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("candle_table", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("request_key", sa.Text(), nullable=False),
        sa.Column("tiers", sa.Text(), nullable=False),
        sa.Column("intervals", sa.Text(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=False),
        sa.Column("total_files", sa.BigInteger(), nullable=False),
        sa.Column("files_ingested", sa.BigInteger(), nullable=False),
        sa.Column("files_skipped", sa.BigInteger(), nullable=False),
        sa.Column("files_failed", sa.BigInteger(), nullable=False),
        sa.Column("records_read", sa.BigInteger(), nullable=False),
        sa.Column("records_ingested", sa.BigInteger(), nullable=False),
        sa.Column("records_changed", sa.BigInteger(), nullable=False),
        sa.Column("records_rejected", sa.BigInteger(), nullable=False),
        sa.Column("gaps_detected", sa.BigInteger(), nullable=False),
        sa.Column("gaps_filled", sa.BigInteger(), nullable=False),
        sa.Column("gaps_unfillable", sa.BigInteger(), nullable=False),
        sa.Column("gaps_failed", sa.BigInteger(), nullable=False),
        sa.Column("gaps_open", sa.BigInteger(), nullable=False),
        sa.Column("progress_pct", sa.Float(), nullable=False),
        sa.Column("error", sa.Text()),
        sa.Column("lease_until", sa.BigInteger()),
        sa.Column("asked", sa.Text()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True)),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint('"start" <= "end"', name=op.f("ck_ingestion_job_range")),
        sa.CheckConstraint(
            one_of("status", "PENDING", "RUNNING", "PAUSED", "COMPLETED", "FAILED", "CANCELLED"),
            name=op.f("ck_ingestion_job_status"),
        ),
        sa.CheckConstraint("progress_pct BETWEEN 0 AND 100", name=op.f("ck_ingestion_job_progress_pct")),
        sa.CheckConstraint(
            "total_files >= 0 AND files_ingested >= 0 AND files_skipped >= 0 AND files_failed >= 0 AND "
            "records_read >= 0 AND records_ingested >= 0 AND records_changed >= 0 AND "
            "records_rejected >= 0 AND gaps_detected >= 0 AND gaps_filled >= 0 AND "
            "gaps_unfillable >= 0 AND gaps_failed >= 0 AND gaps_open >= 0",
            name=op.f("ck_ingestion_job_counts"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ingestion_job")),
    )
    op.create_index(
        "uq_ingestion_job_running",
        "ingestion_job",
        ["candle_table"],
        unique=True,
        sqlite_where=sa.text("status = 'RUNNING'"),
        postgresql_where=sa.text("status = 'RUNNING'"),
    )

    op.create_table(
        "job_event",
        sa.Column("id", ID, nullable=False),
        sa.Column("job_id", ID, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["ingestion_job.id"], name=op.f("fk_job_event_job_id_ingestion_job")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_event")),
    )
    op.create_index(op.f("ix_job_event_job_id"), "job_event", ["job_id"])

    op.create_table(
        "pair",
        sa.Column("id", ID, nullable=False),
        sa.Column("asset_id", ID, nullable=False),
        sa.Column("quote", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["asset.id"], name=op.f("fk_pair_asset_id_asset")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pair")),
        sa.UniqueConstraint("asset_id", "quote", name=op.f("uq_pair_asset_id_quote")),
    )

    op.create_table(
        "archive_pair",
        sa.Column("archive_id", ID, nullable=False),
        sa.Column("pair_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["archive_id"], ["archive.id"], name=op.f("fk_archive_pair_archive_id_archive")),
        sa.ForeignKeyConstraint(["pair_id"], ["pair.id"], name=op.f("fk_archive_pair_pair_id_pair")),
        sa.PrimaryKeyConstraint("archive_id", "pair_id", name=op.f("pk_archive_pair")),
    )

    op.create_table(
        "assertion",
        sa.Column("id", ID, nullable=False),
        sa.Column("pair_id", ID, nullable=False),
        sa.Column("interval", sa.Integer(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("rank", sa.BigInteger(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.Column("asserted_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(INTERVAL, name=op.f("ck_assertion_interval")),
        sa.CheckConstraint(one_of("source", "ohlc", "csv", "trades", "derived"), name=op.f("ck_assertion_source")),
        sa.CheckConstraint('"start" < "end"', name=op.f("ck_assertion_range")),
        sa.CheckConstraint("rank >= 0", name=op.f("ck_assertion_counts")),
        sa.ForeignKeyConstraint(["pair_id"], ["pair.id"], name=op.f("fk_assertion_pair_id_pair")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assertion")),
    )
    op.create_index(op.f("ix_assertion_pair_id_interval_start"), "assertion", ["pair_id", "interval", "start"])

    op.create_table(
        "data_coverage_range",
        sa.Column("pair_id", ID, nullable=False),
        sa.Column("interval", sa.Integer(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("candles", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(INTERVAL, name=op.f("ck_data_coverage_range_interval")),
        sa.CheckConstraint(one_of("source", "CSV", "API", "MIXED"), name=op.f("ck_data_coverage_range_source")),
        sa.CheckConstraint('"start" < "end"', name=op.f("ck_data_coverage_range_range")),
        sa.CheckConstraint("candles >= 0", name=op.f("ck_data_coverage_range_counts")),
        sa.ForeignKeyConstraint(["pair_id"], ["pair.id"], name=op.f("fk_data_coverage_range_pair_id_pair")),
        sa.PrimaryKeyConstraint("pair_id", "interval", "start", name=op.f("pk_data_coverage_range")),
    )

    op.create_table(
        "file_ingestion_record",
        sa.Column("id", ID, nullable=False),
        sa.Column("job_id", ID, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("member", sa.Text(), nullable=False),
        sa.Column("stamp", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("pair_id", ID, nullable=False),
        sa.Column("interval", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("first_time", sa.BigInteger()),
        sa.Column("last_time", sa.BigInteger()),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("rank", sa.BigInteger(), nullable=False),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.Column("records_new", sa.BigInteger(), nullable=False),
        sa.Column("records_changed", sa.BigInteger(), nullable=False),
        sa.Column("records_rejected", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.Text()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(INTERVAL, name=op.f("ck_file_ingestion_record_interval")),
        sa.CheckConstraint(
            one_of("status", "PENDING", "COMPLETED", "SKIPPED", "FAILED"), name=op.f("ck_file_ingestion_record_status")
        ),
        sa.CheckConstraint("first_time <= last_time", name=op.f("ck_file_ingestion_record_range")),
        sa.CheckConstraint(
            "size >= 0 AND rank >= 0 AND records >= 0 AND records_new >= 0 AND "
            "records_changed >= 0 AND records_rejected >= 0",
            name=op.f("ck_file_ingestion_record_counts"),
        ),
        sa.ForeignKeyConstraint(
            ["job_id"], ["ingestion_job.id"], name=op.f("fk_file_ingestion_record_job_id_ingestion_job")
        ),
        sa.ForeignKeyConstraint(["pair_id"], ["pair.id"], name=op.f("fk_file_ingestion_record_pair_id_pair")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_file_ingestion_record")),
    )
    op.create_index(op.f("ix_file_ingestion_record_job_id_status"), "file_ingestion_record", ["job_id", "status"])
    op.create_index(op.f("ix_file_ingestion_record_pair_id_interval"), "file_ingestion_record", ["pair_id", "interval"])

    op.create_table(
        "gap_record",
        sa.Column("id", ID, nullable=False),
        sa.Column("pair_id", ID, nullable=False),
        sa.Column("interval", sa.Integer(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.Column("candles", sa.BigInteger(), nullable=False),
        sa.Column("fillable", sa.BigInteger(), nullable=False),
        sa.Column("overflow", sa.BigInteger(), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("api_fillable", sa.Boolean(), sa.Computed("fillable > 0", persisted=True), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("route", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("csv_file", sa.Text(), nullable=False),
        sa.Column("archive", sa.Text(), nullable=False),
        sa.Column("detected_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(INTERVAL, name=op.f("ck_gap_record_interval")),
        sa.CheckConstraint(
            one_of("route", "derive", "ohlc", "trades", "download", "none"), name=op.f("ck_gap_record_route")
        ),
        sa.CheckConstraint('"start" < "end"', name=op.f("ck_gap_record_range")),
        sa.CheckConstraint(
            one_of("status", "DETECTED", "BACKFILLING", "FILLED", "UNFILLABLE", "FAILED"),
            name=op.f("ck_gap_record_status"),
        ),
        sa.CheckConstraint(
            "candles >= 0 AND fillable >= 0 AND overflow >= 0 AND requests >= 0", name=op.f("ck_gap_record_counts")
        ),
        sa.ForeignKeyConstraint(["pair_id"], ["pair.id"], name=op.f("fk_gap_record_pair_id_pair")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gap_record")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_gap_record_pair_id_interval_start"), "gap_record", ["pair_id", "interval", "start"])

    op.create_table(
        "pair_life",
        sa.Column("pair_id", ID, nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("end", sa.BigInteger()),
        sa.Column("assumed", sa.Boolean(), nullable=False),
        sa.CheckConstraint('"start" <= "end"', name=op.f("ck_pair_life_range")),
        sa.ForeignKeyConstraint(["pair_id"], ["pair.id"], name=op.f("fk_pair_life_pair_id_pair")),
        sa.PrimaryKeyConstraint("pair_id", "start", name=op.f("pk_pair_life")),
    )

    op.create_table(
        "series_detection",
        sa.Column("pair_id", ID, nullable=False),
        sa.Column("interval", sa.Integer(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(INTERVAL, name=op.f("ck_series_detection_interval")),
        sa.CheckConstraint('"start" <= "end"', name=op.f("ck_series_detection_range")),
        sa.ForeignKeyConstraint(["pair_id"], ["pair.id"], name=op.f("fk_series_detection_pair_id_pair")),
        sa.PrimaryKeyConstraint("pair_id", "interval", name=op.f("pk_series_detection")),
    )


def downgrade() -> None:
    for table in (
        *("series_detection", "gap_record", "data_coverage_range", "assertion", "archive_pair", "archive"),
        *("file_ingestion_record", "job_event", "ingestion_job", "pair_life", "pair", "asset"),
    ):
        op.drop_table(table)
