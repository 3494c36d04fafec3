"""What sources claim to know, where they differ, and what trade ids say of it."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, Table, false
from sqlalchemy.schema import SchemaItem

from kraken_core.domain.audit import AuditVerdict
from kraken_core.domain.candles import Source
from kraken_core.domain.kept_trades import TradeSource
from kraken_core.ledger.columns import Instant, Moment, counts, moments, one_of, reference, row_id, series, span, words
from kraken_core.ledger.models.base import metadata


def _claim() -> Iterator[SchemaItem]:
    """What of a series is claimed by whom, and when."""
    yield from (*series(), *span(), *one_of("source", Source), *counts("rank"), *words("evidence"))
    yield Column("withdrawn", Boolean, nullable=False)
    yield from moments("asserted_at")
    yield Column("job_id", BigInteger)  # the job that made it; null where none did
    yield Column("proved", Boolean, nullable=False, server_default=false())
    yield Column("adopted", Boolean, nullable=False, server_default=false())
    yield Column("lost_at", Moment)  # when its candles were found to be lost: it counts no more


assertion = Table("assertion", metadata, row_id(), *_claim(), Index(None, "pair_id", "interval", "start"))

joined_claim = Table(  # claims as they were made, for which one row of the table above stands: see joined.py
    "joined_claim",
    metadata,
    row_id(),  # that it had
    *_claim(),
    Column("into_id", BigInteger, nullable=False),  # the row that stands for it: the newest of them, made longer
    Index(None, "into_id"),
    Index(None, "job_id"),
    Index(None, "pair_id", "interval", "start"),
)

changing_range = Table(  # what is derived in it, at this interval and coarser ones, is about to change: see changing.py
    "changing_range",
    metadata,
    row_id(),
    *series(),
    *span(),
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
    Index(None, "pair_id", "end"),
)

kept_trades = Table(  # where a source proves that no trade is missing from the table of trades
    "kept_trades",
    metadata,
    row_id(),
    reference("pair"),
    *span(),
    *one_of("source", TradeSource),
    *counts("rank"),
    *words("evidence"),
    Column("first_id", BigInteger),  # null where there was no trade, or its id is unknown
    Column("last_id", BigInteger),
    Column("proved", Boolean, nullable=False),
    Column("job_id", BigInteger, nullable=False),  # the job that made it
    Column("lost_at", Moment),  # when its trades were found to be lost: it counts no more
    *moments("asserted_at"),
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
