"""What sources claim to know, where they differ, and what trade ids say of it."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, Table, false

from kraken_core.domain.audit import AuditVerdict
from kraken_core.domain.candles import Source
from kraken_core.ledger.columns import Instant, Moment, counts, moments, one_of, reference, row_id, series, span, words
from kraken_core.ledger.models.base import metadata

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
