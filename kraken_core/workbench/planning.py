"""Plans: what a request will do, of which archives, and whether that can go well."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from kraken_core.domain.archives import Archive
from kraken_core.domain.errors import HomeError, SourceError, UnavailableError, UnreachableError, UsageError
from kraken_core.domain.exchange import Market
from kraken_core.domain.plan import IngestionPlan, Pace
from kraken_core.domain.request import Request
from kraken_core.domain.tiers import Tiers
from kraken_core.ledger.engine import file_of
from kraken_core.pipeline.cover import CoverageTracker
from kraken_core.pipeline.plan import Planner
from kraken_core.ports import CandleTable, Clock, Exchange, Ledger, never
from kraken_core.settings import Settings
from kraken_core.sources.archive import ArchiveSource
from kraken_core.sources.downloads import Remote
from kraken_core.sources.releases import expanded, published
from kraken_core.sources.rest import BRIEF, PATIENT, Patience
from kraken_core.workbench.disk import require_local, require_room
from kraken_core.workbench.same_table import require_same


class OpenExchange(Protocol):
    """Opens the exchange's API; ``stop`` ends its waits, ``patience`` says how many there are."""

    def __call__(self, stop: Callable[[], bool], patience: Patience = PATIENT) -> Exchange:
        """The exchange; nothing is asked yet."""
        ...


@dataclass(frozen=True, slots=True)
class Planning:
    """Plans the jobs of a home."""

    settings: Settings
    ledger: Ledger
    store: CandleTable
    tiers: Tiers
    clock: Clock
    remote: Remote
    exchange: OpenExchange

    def plan(self, request: Request, as_of: int | None = None) -> IngestionPlan:
        """What a request will do, as of now or of an earlier instant. Writes nothing.

        Now is what the exchange's clock says, where it is asked and behind ours. Raises UsageError where there is
        nothing to do it with, UnavailableError where that would be the exchange and it does not answer.
        """
        if (request.backfill or not (request.sources or request.api_backfill)) and not self.ledger.pairs():
            raise UsageError("nothing is held yet and no archive is named: add --csv-source-dir PATH.")
        market, unreached = self._market(request)
        if not request.sources and not market and not self.ledger.pairs():
            raise UnavailableError(
                f"the exchange was not reached: {unreached} Nothing is stored yet and no archive is named, so nothing "
                "was done."
            )
        now = min(self.clock.now(), market.now) if market else self.clock.now()
        return self._plan(request, min(as_of or request.as_of or now, now), market, unreached)

    def check_ready(self, plan: IngestionPlan) -> None:
        """Raises HomeError where the plan cannot go well.

        That is: too little disk, SQLite on a network file system, a ledger that tells of another candle table.
        """
        require_same(self.ledger, self._tracker(), self.settings.table)
        require_local(file_of(self.settings.ledger_url))
        if self.settings.store_is_local:  # a server has a disk of its own, and what is staged goes with each commit
            require_room(self.settings.store_path, plan.disk_bytes)
        if plan.unfetched_bytes and self.remote.downloads:
            require_room(self.remote.downloads, plan.unfetched_bytes, "archives that are fetched whole")

    def _plan(self, request: Request, as_of: int, market: Market | None, unreached: str) -> IngestionPlan:
        places = expanded(self.remote, request.sources, request.window(as_of), as_of)
        source = ArchiveSource.open(places, request.archive_through, self.remote)
        pace = Pace(self.settings.requests_per_second, self.settings.pairs_in_parallel)
        planner = Planner(self.ledger, self.store, self.tiers, pace)
        told = [f"the exchange is not asked: {unreached}"] if unreached else []
        missed = unreached if request.wants_exchange else ""
        plan = planner.plan(request, as_of, source, market, partial(self._published, as_of, told), unreached=missed)
        return replace(plan, notes=(*told, *plan.notes))

    def _published(self, as_of: int, told: list[str], quarters: Sequence[tuple[int, int]]) -> Sequence[Archive]:
        """The archives that Kraken publishes of these quarters; none, and a word, where they cannot be looked for."""
        try:
            urls = published(self.remote, self.settings.archives_url, quarters, as_of)
            return ArchiveSource.open(urls, remote=self.remote).archives() if urls else ()
        except (SourceError, UnreachableError) as error:
            told.append(f"published archives are not read: {error}")
            return ()

    def _market(self, request: Request) -> tuple[Market | None, str]:
        """What the exchange tells of itself, where it may be asked; where it does not answer, why."""
        if not request.api_backfill:
            return None, ""
        exchange = self.exchange(never, BRIEF)
        try:
            if (status := exchange.status()) == "maintenance":
                return None, f"it says it is in {status}."
            return Market(exchange.now(), frozenset(listed.pair for listed in exchange.pairs())), ""
        except UnavailableError as error:
            return None, str(error)

    def _fetched(self, plan: IngestionPlan) -> IngestionPlan:
        """The plan once no archive of it is unfetched: itself, where none is."""
        whole = [archive.path for archive in plan.archives if archive.unfetched]
        if not whole:
            return plan
        self.check_ready(plan)
        for url in whole:
            try:
                self.remote.fetch(url)
            except OSError as error:
                raise HomeError(
                    f"{url} cannot be kept in {self.remote.downloads}: {error.strerror}. Mend that, and try again."
                ) from error
        return self._plan(plan.request, plan.as_of, plan.market, plan.unreached)

    def _tracker(self) -> CoverageTracker:
        return CoverageTracker(self.store, self.ledger, self.tiers, self.clock.now())
