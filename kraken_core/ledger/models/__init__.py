"""The ledger's tables.

Instants and ranges are epoch seconds (UTC), ranges half-open; when the ledger itself wrote something is a datetime.
A new ledger is made from these; for those that exist, a change here needs a migration in ``migrations/versions``, and
its number in REVISION: a test compares the two.
"""

from __future__ import annotations

from kraken_core.ledger.models.base import REVISION, metadata, version
from kraken_core.ledger.models.claims import (
    assertion,
    candle_difference,
    changing_range,
    joined_claim,
    kept_trades,
    trade_audit,
    trade_span,
    trade_sweep,
)
from kraken_core.ledger.models.coverage import (
    data_coverage_range,
    finding,
    gap_record,
    pair_examination,
    series_detection,
    series_limit,
)
from kraken_core.ledger.models.files import archive, archive_name, archive_pair, file_ingestion_record
from kraken_core.ledger.models.funding import funding_rate
from kraken_core.ledger.models.jobs import METRICS, RUNNING, ingestion_job, one_running_job, table_mark
from kraken_core.ledger.models.pairs import (
    asset,
    listing_answer,
    listing_change,
    pair,
    pair_life,
    pair_name,
    renamed_pair,
)
from kraken_core.ledger.models.revisions import candle_revision, record_revision
from kraken_core.ledger.models.run_history import interval_completeness, job_event, job_stage, verification

__all__ = [
    "METRICS",
    "REVISION",
    "RUNNING",
    "archive",
    "archive_name",
    "archive_pair",
    "assertion",
    "asset",
    "candle_difference",
    "candle_revision",
    "changing_range",
    "data_coverage_range",
    "file_ingestion_record",
    "finding",
    "funding_rate",
    "gap_record",
    "ingestion_job",
    "interval_completeness",
    "job_event",
    "job_stage",
    "joined_claim",
    "kept_trades",
    "listing_answer",
    "listing_change",
    "metadata",
    "one_running_job",
    "pair",
    "pair_examination",
    "pair_life",
    "pair_name",
    "record_revision",
    "renamed_pair",
    "series_detection",
    "series_limit",
    "table_mark",
    "trade_audit",
    "trade_span",
    "trade_sweep",
    "verification",
    "version",
]
