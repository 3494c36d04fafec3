"""Plan: what a request will do, from its sources and what the ledger knows. Writes nothing."""

from __future__ import annotations

from kraken_core.domain.knowledge import Knowledge
from kraken_core.domain.plan import DataSourceRouter, IngestionPlan
from kraken_core.domain.request import Request
from kraken_core.domain.tiers import Tiers
from kraken_core.ports import CandleSource, Ledger


def make_plan(request: Request, as_of: int, *, source: CandleSource, ledger: Ledger, tiers: Tiers) -> IngestionPlan:
    """The plan of a request as of an instant. Raises SourceError where a source cannot be opened."""
    archives = source.archives()
    lives = {record.pair: record.lives for record in ledger.pairs() if request.holds(record.pair, tiers)}
    knowledge = Knowledge(lives, ledger.assertions(lives.keys()) if lives else [])
    known = ledger.known_stamps()
    return DataSourceRouter(tiers).create_ingestion_plan(request, as_of, archives, known=known, knowledge=knowledge)
