"""Withdraw: what verification found contradicted is taken back, and becomes gaps that the next run fills.

Candles first, as always: once they are provisional, the claims that spoke of them are withdrawn. A crash between the
two leaves slots covered that the next verification contradicts again.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from kraken_core.domain.market import Pair
from kraken_core.domain.request import Request
from kraken_core.domain.verification.checks import Verification
from kraken_core.pipeline.cover import CoverageTracker
from kraken_core.pipeline.derive import Derive
from kraken_core.pipeline.detect import Detected, GapRecorder
from kraken_core.pipeline.progress import Ticker
from kraken_core.pipeline.scope import scope_of
from kraken_core.ports import CandleStore, MarketLedger, Progress


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Withdraws what a verification found contradicted. Only for the holder of the lease."""

    store: CandleStore
    ledger: MarketLedger
    tracker: CoverageTracker
    derive: Derive
    progress: Progress

    def run(self, found: Verification, as_of: int) -> None:
        """Demote, withdraw, and bring coverage and gaps of the pairs up to date, as of the last detection."""
        self.store.commit([], demote=found.suspects)
        self.ledger.claim(found.withdraw)
        pairs = sorted({series.pair for series in found.suspects})
        detected = self._detect(pairs, as_of)
        if detected.work.withdraw:  # it was derived from what is gone now, and would count as covered
            self.derive.run(replace(detected.work, derive=()), Ticker("withdraw", 1, self.progress))
            self._detect(pairs, as_of)

    def _detect(self, pairs: Collection[Pair], as_of: int) -> Detected:
        knowledge = self.tracker.update_coverage_after_ingestion(pairs)
        scope = scope_of(self.ledger, Request(pairs=tuple(pairs), backfill=True), as_of)
        return GapRecorder(self.ledger, scope).run(knowledge, pairs)
