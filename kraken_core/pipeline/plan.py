"""Plan: what a request will do, from its sources, the exchange and the ledger. Writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

from kraken_core.domain.archives import Archive, quarters_between
from kraken_core.domain.candles import Source
from kraken_core.domain.coverage import Assertion
from kraken_core.domain.exchange import Market
from kraken_core.domain.gaps import Route, named_at_once
from kraken_core.domain.knowledge import Knowledge
from kraken_core.domain.life import Life
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.outages import Outages
from kraken_core.domain.plan import IngestionPlan, KnownFile, Pace
from kraken_core.domain.request import Request
from kraken_core.domain.router import DataSourceRouter, Prospect
from kraken_core.domain.tiers import Tiers
from kraken_core.pipeline.rates import trades_a_second
from kraken_core.ports import CandleSource, CandleStore, MarketLedger, PairRecord


class PublishedArchives(NamedTuple):
    """Archives that Kraken publishes; none, and why, where they cannot be looked for."""

    archives: Sequence[Archive] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Planner:
    """Plans requests by what the ledger and the candle table have."""

    ledger: MarketLedger
    store: CandleStore
    tiers: Tiers
    pace: Pace
    renames: Mapping[Pair, Pair] = field(default_factory=dict)  # of stored pairs, which the job does first
    keeps: Callable[[Pair], bool] = lambda _: False  # whose trades are to be kept

    def plan_sources(
        self,
        request: Request,
        as_of: int,
        source: CandleSource,
        market: Market | None,
        published: Callable[[Sequence[tuple[int, int]]], PublishedArchives],
        *,
        unreached: Outages = MappingProxyType({}),
    ) -> IngestionPlan:
        """The plan of a request as of an instant (epoch seconds); ``market`` where the exchange may be queried.

        ``unreached`` is why exchanges cannot be that were to be.

        Where something is missing that may be downloaded, archives of its quarters (year, number) are looked for among
        the ``published`` ones. Raises SourceError where a source cannot be opened.
        """
        archives = source.archives()
        records = self.ledger.pairs()
        stored = [record for record in records if request.holds(self._now(record.pair), self.tiers)]
        lives = self._lives(stored)
        claims = self.ledger.assertions([record.pair for record in stored]) if stored else []
        knowledge = Knowledge(lives, [self._moved(claim) for claim in claims])
        plan = partial(
            DataSourceRouter(self.tiers).create_ingestion_plan,
            request,
            as_of,
            archives,
            known=self._known_stamps(archives),
            knowledge=knowledge,
            before={self._series(series): found for series, found in self.ledger.detections(limited=False).items()},
            prospect=self._prospect(market, unreached, request, knowledge),
        )
        planned = plan()
        if request.download and (quarters := _quarters(planned)):
            found = published(quarters)
            planned = plan(published=found.archives)
            return replace(planned, notes=(found.note, *planned.notes)) if found.note else planned
        return planned

    def _now(self, pair: Pair) -> Pair:
        return self.renames.get(pair, pair)

    def _series(self, series: Series) -> Series:
        return series if series.pair not in self.renames else Series(self.renames[series.pair], series.interval)

    def _moved(self, claim: Assertion) -> Assertion:
        return claim if claim.series.pair not in self.renames else claim._replace(series=self._series(claim.series))

    def _lives(self, records: Sequence[PairRecord]) -> dict[Pair, Sequence[Life]]:
        """The lives of pairs by the names they will have; what ended under a wrong name did not end."""
        lives: dict[Pair, Sequence[Life]] = {
            self.renames[record.pair]: tuple(life._replace(end=None) for life in record.lives[:1])
            for record in records
            if record.pair in self.renames
        }
        return lives | {record.pair: record.lives for record in records if record.pair not in self.renames}

    def _known_stamps(self, archives: Sequence[Archive]) -> Mapping[tuple[str, str, str, Series], KnownFile]:
        """Files read before, but for those of trades that are to be kept, and were not."""
        known = self.ledger.known_stamps()
        of_trades = {
            key
            for archive in archives
            for file in archive.files
            if file.source is Source.TRADES and self.keeps(file.series.pair)
            if (key := (file.path, file.member, file.stamp, file.series)) in known
        }
        if of_trades:
            kept = {(claim.pair, claim.evidence) for claim in self.ledger.kept_claims()}
            unkept = {key for key in of_trades if (key[3].pair, known[key].content_hash) not in kept}
            known = {key: file for key, file in known.items() if key not in unkept}
        if not self.renames:
            return known
        return {(path, name, stamp, self._series(s)): file for (path, name, stamp, s), file in known.items()}

    def _prospect(self, market: Market | None, unreached: Outages, request: Request, knowledge: Knowledge) -> Prospect:
        return Prospect(
            market,
            trades_a_second(self.store, self.ledger, knowledge.lives.keys(), knowledge),
            named_at_once(self.ledger.gaps(), request.gap_ids),
            self.pace,
            unreached,
            self.ledger.unreadable(),
            {self._series(series): span for series, span in self.ledger.stored_spans().items()},
            {self._series(series): limit for series, limit in self.ledger.limits().items()},
        )


def _quarters(plan: IngestionPlan) -> list[tuple[int, int]]:
    """The quarters (year, number) in which something is missing that no finer candles prove."""
    gaps = [gap for gap in plan.gaps if gap.route is not Route.DERIVE]
    return sorted({quarter for gap in gaps for quarter in quarters_between(gap.start, gap.end)})
