"""Assets and pairs: their names, when they traded, and what the exchange listed."""

from __future__ import annotations

from sqlalchemy import Boolean, CheckConstraint, Column, ForeignKey, Table, Text, UniqueConstraint

from kraken_core.ledger.columns import Instant, moments, reference, row_id, words
from kraken_core.ledger.models.base import metadata

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
    *words("quote"),  # at another exchange than Kraken spot the market's whole name: what sets it apart
    Column("currency", Text),  # the quote, where the column before has a market's name
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
