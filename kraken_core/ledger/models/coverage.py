"""What is covered, what is expected, and what is missing."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Computed, Index, Integer, Table

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
