"""The pairs of a home: those that are stored, and those that are expected and not stored."""

from __future__ import annotations

from kraken_core.domain.market import Pair
from kraken_core.ports import Ledger


def known_pairs(ledger: Ledger) -> set[Pair]:
    """All of them, at whatever exchange."""
    return {record.pair for record in ledger.pairs()} | {series.pair for series in ledger.detections()}
