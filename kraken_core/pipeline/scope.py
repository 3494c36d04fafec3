"""The scope of a request, with what the ledger has of earlier ones."""

from __future__ import annotations

from kraken_core.domain.request import Request
from kraken_core.domain.scope import Scope
from kraken_core.domain.timerange import END_OF_TIME
from kraken_core.ports import MarketLedger


def scope_of(ledger: MarketLedger, request: Request, as_of: int, present: int = END_OF_TIME) -> Scope:
    """The request as of an instant, with the last detections, what is stored, and the limits of what is expected."""
    detections = ledger.detections(limited=False)
    return Scope(request, as_of, detections, present, ledger.stored_spans(), ledger.limits())
