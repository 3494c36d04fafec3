"""Plan: what a request will do, from its sources, the exchange and what the ledger knows. Writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from kraken_core.domain.archives import Archive, quarters_between
from kraken_core.domain.exchange import Market
from kraken_core.domain.gaps import Route, named_at_once
from kraken_core.domain.knowledge import Knowledge
from kraken_core.domain.plan import DataSourceRouter, IngestionPlan, Pace, Prospect
from kraken_core.domain.request import Request
from kraken_core.domain.tiers import Tiers
from kraken_core.pipeline.rates import trades_a_second
from kraken_core.ports import CandleSource, CandleStore, Ledger


@dataclass(frozen=True, slots=True)
class Planner:
    """Plans requests with what the ledger and the candle table hold."""

    ledger: Ledger
    store: CandleStore
    tiers: Tiers
    pace: Pace

    def plan(
        self,
        request: Request,
        as_of: int,
        source: CandleSource,
        market: Market | None,
        published: Callable[[Sequence[tuple[int, int]]], Sequence[Archive]],
        *,
        unreached: str = "",
    ) -> IngestionPlan:
        """The plan of a request as of an instant (epoch seconds); ``market`` where the exchange may be asked.

        ``unreached`` says why it cannot be, where it was to be.

        Where something is missing that may be downloaded, archives of its quarters (year, number) are looked for among
        the ``published`` ones. Raises SourceError where a source cannot be opened.
        """
        archives = source.archives()
        lives = {record.pair: record.lives for record in self.ledger.pairs() if request.holds(record.pair, self.tiers)}
        knowledge = Knowledge(lives, self.ledger.assertions(lives.keys()) if lives else [])
        plan = partial(
            DataSourceRouter(self.tiers).create_ingestion_plan,
            request,
            as_of,
            archives,
            known=self.ledger.known_stamps(),
            knowledge=knowledge,
            before=self.ledger.detections(),
            prospect=self._prospect(market, unreached, request, knowledge),
        )
        planned = plan()
        if request.download and (quarters := _quarters(planned)):
            return plan(published=published(quarters))
        return planned

    def _prospect(self, market: Market | None, unreached: str, request: Request, knowledge: Knowledge) -> Prospect:
        return Prospect(
            market,
            trades_a_second(self.store, knowledge.lives.keys(), knowledge.covered()),
            named_at_once(self.ledger.gaps(), request.gap_ids),
            self.pace,
            unreached,
            self.ledger.unreadable(),
        )


def _quarters(plan: IngestionPlan) -> list[tuple[int, int]]:
    """The quarters (year, number) in which something is missing that no finer candles prove."""
    gaps = [gap for gap in plan.gaps if gap.route is not Route.DERIVE]
    return sorted({quarter for gap in gaps for quarter in quarters_between(gap.start, gap.end)})
