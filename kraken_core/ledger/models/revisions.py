"""What was stored or known before, so that it can be read as it was known then."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, LargeBinary, Table

from kraken_core.ledger.columns import Instant, counts, row_id, words
from kraken_core.ledger.models.base import metadata

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
