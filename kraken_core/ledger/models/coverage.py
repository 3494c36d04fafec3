"""What is covered, what is expected, and what is missing."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Connection,
    Index,
    Integer,
    Table,
    event,
    text,
)

from kraken_core.domain.coverage import CoverageSource
from kraken_core.domain.gaps import GapStatus, Route
from kraken_core.domain.grades import Grade
from kraken_core.ledger.columns import (
    Instant,
    Moment,
    added_counts,
    added_word,
    counts,
    moments,
    one_of,
    reference,
    row_id,
    series,
    span,
    words,
)
from kraken_core.ledger.models.base import metadata

data_coverage_range = Table(
    "data_coverage_range",
    metadata,
    *series(primary_key=True),
    *span(primary_key=True),
    *one_of("source", CoverageSource),
    *counts("candles"),
    added_word("grade", Grade, Grade.CLAIMED),
    Column("updated_at", Moment),  # since when it is so; null where an earlier version found it
)

# Ranges that do not overlap end in the order in which they begin: only the nearest one before can reach into a new one.
_SQLITE = """
CREATE TRIGGER data_coverage_range_once BEFORE INSERT ON data_coverage_range
BEGIN
    SELECT RAISE(ABORT, 'covered ranges of a series overlap') WHERE NEW."start" < (
        SELECT "end" FROM data_coverage_range
        WHERE pair_id = NEW.pair_id AND "interval" = NEW."interval" AND "start" < NEW."end"
        ORDER BY "start" DESC LIMIT 1
    );
END
"""
# Of all rows of a statement at once, as they come by the hundred thousand.
_POSTGRESQL = """
CREATE FUNCTION data_coverage_range_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM (
            SELECT "start", lag("end") OVER (PARTITION BY pair_id, "interval" ORDER BY "start") AS before
            FROM data_coverage_range
            WHERE (pair_id, "interval") IN (SELECT DISTINCT pair_id, "interval" FROM fresh)
        ) AS ranges WHERE "start" < before
    ) THEN
        RAISE EXCEPTION 'covered ranges of a series overlap' USING ERRCODE = 'exclusion_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER data_coverage_range_once AFTER INSERT ON data_coverage_range
REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION data_coverage_range_once();
"""


@event.listens_for(data_coverage_range, "after_create")
def _guard(_table: Table, connection: Connection, **_options: object) -> None:
    connection.execute(text(_SQLITE if connection.dialect.name == "sqlite" else _POSTGRESQL))


finding = Table(
    "finding",
    metadata,
    *series(primary_key=True),
    Column("start", Instant, primary_key=True),
    Column("end", Instant, nullable=False),
    CheckConstraint('"start" < "end"', name="range"),
    *one_of("kind", ("agreed", "doubtful", "asleep", "disagreed"), primary_key=True),
    Column("finer", Integer),  # the interval that agrees or disagrees; null of a silence
    *words("reason"),  # of a silence, or why values are in dispute
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
    Index(None, "status", "pair_id", "interval", "start"),  # open ones are few among those that rounds filled
    sqlite_autoincrement=True,  # the id of a gap that is gone never names another
)

series_limit = Table(  # of which no more is expected than this, whatever jobs ask for
    "series_limit",
    metadata,
    *series(primary_key=True),
    *span(may_be_empty=True),  # an empty one: nothing
    *moments("set_at"),
)

series_detection = Table(
    "series_detection",
    metadata,
    *series(primary_key=True),
    *span(may_be_empty=True),
    Column("as_of", Instant, nullable=False),
)
