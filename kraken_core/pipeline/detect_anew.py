"""Detect the gaps of some pairs again, where no job runs: as of the last detection, without requests."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from kraken_core.domain.knowledge import Knowledge
from kraken_core.domain.market import Pair
from kraken_core.domain.repairs import detector_for
from kraken_core.domain.request import Request
from kraken_core.pipeline.detect import GapRecorder
from kraken_core.pipeline.rates import trades_a_second
from kraken_core.pipeline.scope import scope_of
from kraken_core.ports import CandleStore, MarketLedger


def detect_anew(
    ledger: MarketLedger,
    store: CandleStore,
    knowledge: Knowledge,
    pairs: Collection[Pair],
    *,
    as_of: int,
    request: Request | None = None,
) -> None:
    """Bring the gaps of the pairs in step with what is known; nothing more than before is expected of them.

    ``request`` is one whose routes count: whether it used the exchange, and trades.
    """
    routes = request or Request()
    backfill = Request(
        pairs=tuple(pairs),
        backfill=True,
        api_backfill=routes.api_backfill,
        auto_gap_fill=routes.auto_gap_fill,
        trades=routes.trades,
    )
    scope = scope_of(ledger, backfill, as_of)
    rates = trades_a_second(store, ledger, pairs, knowledge)
    detector = replace(detector_for(scope, knowledge.lives, rates=rates), unreadable=ledger.unreadable())
    GapRecorder(ledger, scope, detector=detector).run(knowledge, pairs)
