"""What is kept of runs: how complete everything was when jobs ended, and what verifications found."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from kraken_core.domain.errors import LedgerError
from kraken_core.domain.interval_units import short
from kraken_core.domain.market import INTERVALS
from kraken_core.domain.request import Request, Selection
from kraken_core.domain.run_history import CompletenessPoint, VerificationRecord
from kraken_core.domain.verification.checks import Verification
from kraken_core.ledger.ledger import SqlLedger

LOG = logging.getLogger("kraken_core")
SUSPICIOUS_KEPT = 200  # silences of a verification


@dataclass(frozen=True, slots=True)
class RunRecords:
    """Reads and adds to the record."""

    ledger: SqlLedger

    def completeness(self) -> list[CompletenessPoint]:
        """How complete everything was when jobs ended, by interval, oldest first."""
        return self.ledger.completeness_history()

    def verifications(self) -> list[VerificationRecord]:
        """What verifications found, newest first."""
        return self.ledger.verifications()

    def keep_verification(self, found: Verification, selection: Selection, at: int, state: Callable[[], str]) -> None:
        """Keep what a verification found of a selection; one that cannot be kept is logged, and valid all the same."""
        if self.ledger.is_temporary:
            return
        suspicious = found.suspicious[:SUSPICIOUS_KEPT]
        try:
            record = VerificationRecord(at, in_words(selection), key_of(selection), state(), found.checks, suspicious)
            self.ledger.record_verification(record)
        except LedgerError as error:
            LOG.warning("what the verification found could not be kept: %s", error)


def key_of(selection: Selection) -> str:
    """Equal for equal selections."""
    names = Selection.__dataclass_fields__
    return Request(**{name: getattr(selection, name) for name in names}).key


def in_words(selection: Selection) -> str:
    """A selection in a line: "TIER1, 1h, from 2024-01-01"."""
    parts = [
        ", ".join([*selection.tiers, *map(str, selection.pairs)]) or "everything stored",
        *([f"quotes {', '.join(selection.quotes)}"] if selection.quotes else []),
        *([", ".join(map(short, selection.intervals))] if selection.intervals != INTERVALS else []),
        *([f"from {selection.start_date}"] if selection.start_date else []),
        *([f"to {selection.end_date}"] if selection.end_date else []),
    ]
    return "; ".join(parts)
