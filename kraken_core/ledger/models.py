"""The ledger's tables.

Instants and ranges are epoch seconds (UTC), ranges half-open; when the ledger itself wrote something is a datetime.
A change here needs a migration in ``migrations/versions``, and its number in REVISION: a test compares the two.
"""

from __future__ import annotations

from dataclasses import fields

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from kraken_core.domain.audit import AuditVerdict
from kraken_core.domain.candles import Source
from kraken_core.domain.coverage import CoverageSource
from kraken_core.domain.gaps import GapStatus, Route
from kraken_core.domain.grades import Grade
from kraken_core.domain.jobs import FileStatus, JobMetrics, JobStatus
from kraken_core.ledger.columns import (
    Instant,
    Moment,
    added_counts,
    added_word,
    counts,
    each_interval,
    moments,
    one_of,
    reference,
    row_id,
    series,
    span,
    words,
)

REVISION = "0021"  # the newest migration

METRICS = tuple(field.name for field in fields(JobMetrics))
_ADDED_METRICS = ("total_requests", "requests", "retries")

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

asset = Table(
    "asset",
    metadata,
    row_id(),
    Column("ticker", Text, nullable=False, unique=True),
    Column("tier", Text),
)

pair = Table(
    "pair",
    metadata,
    row_id(),
    reference("asset"),  # the base
    *words("quote"),
    UniqueConstraint("asset_id", "quote"),
)

pair_name = Table(  # as of the last AssetPairs, of pairs without stored data too
    "pair_name",
    metadata,
    Column("altname", Text, primary_key=True),
    *words("key", "base", "quote", "asset_class"),
)

listing_answer = Table(  # answers of AssetPairs that differ from the one before
    "listing_answer",
    metadata,
    row_id(),
    Column("first_at", Instant, nullable=False),
    Column("last_at", Instant, nullable=False),  # until then the same was answered
    Column("whole", Boolean, nullable=False),  # what it lacks was not listed
    Column("tokenized", Boolean, nullable=False),  # tokenized stocks are among it
    CheckConstraint("first_at <= last_at", name="range"),
)

listing_change = Table(  # what an answer says of a pair, where that is something else than before
    "listing_change",
    metadata,
    row_id(),
    reference("listing_answer"),
    *words("base", "quote", "altname", "asset_class", "status"),
)

renamed_pair = Table(  # what was stored under a name that the exchange knew better
    "renamed_pair",
    metadata,
    reference("pair", primary_key=True),
    Column("now_id", ForeignKey("pair.id"), nullable=False),
    *moments("renamed_at"),
)

pair_life = Table(
    "pair_life",
    metadata,
    reference("pair", primary_key=True),
    Column("start", Instant, primary_key=True),
    Column("end", Instant),  # null while the pair trades
    Column("assumed", Boolean, nullable=False),
    CheckConstraint('"start" <= "end"', name="range"),
)

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

archive_pair = Table(
    "archive_pair",
    metadata,
    reference("archive", primary_key=True),
    reference("pair", primary_key=True),
)

assertion = Table(
    "assertion",
    metadata,
    row_id(),
    *series(),
    *span(),
    *one_of("source", Source),
    *counts("rank"),
    *words("evidence"),
    Column("withdrawn", Boolean, nullable=False),
    *moments("asserted_at"),
    Column("job_id", BigInteger),  # the job that made it; null where none did
    Column("proved", Boolean, nullable=False, server_default=false()),
    Column("adopted", Boolean, nullable=False, server_default=false()),
    Column("lost_at", Moment),  # when its candles were found to be lost: it counts no more
    Index(None, "pair_id", "interval", "start"),
)

candle_difference = Table(
    "candle_difference",
    metadata,
    row_id(),
    Column("job_id", BigInteger),  # the job that found it; null where none did
    *series(),
    *span(),
    *counts("slots"),
    *one_of("kept_source", Source),
    *words("kept_evidence", "kept_path"),
    *one_of("other_source", Source),
    *words("other_evidence", "other_path"),
    *(Column(name, Float, nullable=False) for name in ("volume", "trades", "price")),
    *moments("found_at"),
    Index(None, "pair_id", "interval", "start"),
)

data_coverage_range = Table(
    "data_coverage_range",
    metadata,
    *series(primary_key=True),
    *span(primary_key=True),
    *one_of("source", CoverageSource),
    *counts("candles"),
    added_word("grade", Grade, Grade.CLAIMED),
    Column("updated_at", Moment),  # when it was worked out; null where an earlier version did
)

finding = Table(
    "finding",
    metadata,
    *series(primary_key=True),
    Column("start", Instant, primary_key=True),
    Column("end", Instant, nullable=False),
    CheckConstraint('"start" < "end"', name="range"),
    *one_of("kind", ("agreed", "doubtful", "asleep"), primary_key=True),
    Column("finer", Integer),  # the interval that agrees; null of a silence
    *words("reason"),  # of a silence
)

pair_examination = Table(
    "pair_examination",
    metadata,
    reference("pair", primary_key=True),
    *counts("claims"),  # the newest that was there
    *words("lived"),  # and when the pair lived, a JSON list of starts and ends in turn
)

gap_record = Table(
    "gap_record",
    metadata,
    row_id(),
    *series(),
    *span(),
    *counts("candles", "fillable", "overflow", "requests"),
    Column("api_fillable", Boolean, Computed("fillable > 0", persisted=True), nullable=False),
    *one_of("status", GapStatus),
    *one_of("route", Route),
    *words("reason", "csv_file", "archive"),
    *added_counts("attempts"),
    Column("retry_at", Instant),  # null unless the last attempt failed
    *moments("detected_at", "updated_at"),
    Column("job_id", BigInteger),  # the job that was the last to change it; null where none did
    Index(None, "pair_id", "interval", "start"),
    sqlite_autoincrement=True,  # the id of a gap that is gone never names another
)

trade_sweep = Table(
    "trade_sweep",
    metadata,
    reference("pair", primary_key=True),
    Column("interval", Integer, nullable=False),
    Column("known_until", Instant, nullable=False),
    Column("cursor", BigInteger, nullable=False),  # nanoseconds
    *words("state"),  # what of the trades read is not in candles yet, as JSON
)

trade_span = Table(
    "trade_span",
    metadata,
    row_id(),
    reference("pair"),
    *span(),
    Column("first_id", BigInteger),  # null where there was no trade, or its id is unknown
    Column("last_id", BigInteger),
    Column("whole", Boolean, nullable=False),  # every id between the two was seen
    *counts("phantoms"),
    Column("job_id", BigInteger, nullable=False),  # the job that saw them
    Index(None, "pair_id", "start"),
)

series_limit = Table(  # of which no more is expected than this, whatever jobs ask for
    "series_limit",
    metadata,
    *series(primary_key=True),
    *span(may_be_empty=True),  # an empty one: nothing
    *moments("set_at"),
)

trade_audit = Table(
    "trade_audit",
    metadata,
    row_id(),
    *series(),
    *span(),
    Column("first_id", BigInteger),  # of the first trade at or after the start, and after the end; null where unknown
    Column("next_id", BigInteger),
    *counts("phantoms", "stored", "candles"),
    *one_of("verdict", AuditVerdict),
    *words("reason", "basis"),
    Column("audited_at", Instant, nullable=False),
    Column("job_id", BigInteger, nullable=False),
    Index(None, "pair_id", "interval", "start"),
)

series_detection = Table(
    "series_detection",
    metadata,
    *series(primary_key=True),
    *span(may_be_empty=True),
    Column("as_of", Instant, nullable=False),
)

# What commits to the candle table replaced, each part of a commit a row: see domain/revisions.py and packing.py
candle_revision = Table(
    "candle_revision",
    metadata,
    row_id(),
    *words("candle_table"),  # its identity: see domain/table_mark.py
    Column("at", Instant, nullable=False),  # just before the commit
    Column("job_id", BigInteger),  # the job that committed; null where none did
    Column("ranges", LargeBinary),  # null where what was before is not known
    *counts("candles"),
    Column("before", LargeBinary),  # null where nothing was there
    Column("sources", LargeBinary),  # null where no candle merely got another source
)

# What was worked out, and was replaced by what was worked out later: rows of other tables of the ledger
record_revision = Table(
    "record_revision",
    metadata,
    row_id(),
    Column("at", Instant, nullable=False),
    *words("of_table"),  # "" where what was before is not known
    Column("changed", LargeBinary),  # the series or pairs whose rows became others
    Column("before", LargeBinary),  # null where they had none
)
