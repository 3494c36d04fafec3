"""What perpetuals pay: a rate an hour, of contracts by their names, whether candles of them are stored or not."""

from __future__ import annotations

from sqlalchemy import Column, Float, Table, Text

from kraken_core.ledger.columns import Instant
from kraken_core.ledger.models.base import metadata

funding_rate = Table(
    "funding_rate",
    metadata,
    Column("pair", Text, primary_key=True),
    Column("time", Instant, primary_key=True),
    Column("absolute", Float, nullable=False),
    Column("relative", Float, nullable=False),
)
