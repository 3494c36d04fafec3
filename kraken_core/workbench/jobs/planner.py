"""Plans: what a request will do, of which archives, and whether that can go well."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from kraken_core.domain.errors import (
    HomeError,
    SourceError,
    TableLostError,
    UnavailableError,
    UnreachableError,
    UsageError,
)
from kraken_core.domain.exchange import SPOT_ONLY, Listed, Market
from kraken_core.domain.file_errors import reason_of
from kraken_core.domain.market import Pair, first_of
from kraken_core.domain.names import Names
from kraken_core.domain.outages import Outages, called, not_reached, spot_first
from kraken_core.domain.plan import IngestionPlan, Pace
from kraken_core.domain.plural import counted
from kraken_core.domain.request import Request
from kraken_core.domain.tiers import Tiers
from kraken_core.domain.venues import SPOT_NAME, is_installed
from kraken_core.ledger.engine import file_of
from kraken_core.pipeline.cover import CoverageTracker
from kraken_core.pipeline.known_pairs import known_pairs
from kraken_core.pipeline.plan import Planner, PublishedArchives
from kraken_core.ports import CandleTable, Clock, Exchange, Ledger, never_stop
from kraken_core.settings import Settings
from kraken_core.sources.archive import ArchiveSource
from kraken_core.sources.releases import expanded, published
from kraken_core.sources.remote_archives import Remote
from kraken_core.sources.rest import BRIEF, PATIENT, RetryBudget
from kraken_core.workbench.jobs.audit_plan import AuditPlan
from kraken_core.workbench.jobs.disk import require_local, require_room

_NAMED = 3  # entries that a note names


class OpenExchange(Protocol):
    """Opens the exchange's API; ``stop`` ends its waits, ``patience`` bounds them."""

    def __call__(self, stop: Callable[[], bool], patience: RetryBudget = PATIENT, venue: str = SPOT_NAME) -> Exchange:
        """The exchanges, whose clock and list of pairs are those of ``venue``; nothing is requested yet."""
        ...


@dataclass(frozen=True, slots=True)
class JobPlanner:
    """Plans the jobs of a home."""

    settings: Settings
    ledger: Ledger
    store: CandleTable
    tiers: Tiers
    clock: Clock
    remote: Remote
    exchange: OpenExchange

    def build_plan(self, request: Request, as_of: int | None = None) -> IngestionPlan:
        """What a request will do, as of now or of an earlier instant. Writes nothing.

        Now is the exchange's clock, where it is queried and behind ours; a job's instant is a settling time
        earlier at the latest, as what closed later may still change. Raises UsageError where there is nothing to do it
        with, UnavailableError where that would be the exchange and it does not answer.
        """
        if request.backfill and not self.ledger.pairs():
            raise UsageError("nothing is stored yet, so there is no gap to fill: begin with kraken-history ingest.")
        if not (request.sources or request.api_backfill or self.ledger.pairs()):
            raise UsageError("nothing is stored yet and no archive is named: add --csv-source-dir PATH.")
        market, unreached = self._market(request)
        request = replace(request, pairs=tuple(map(self.names(market).corrected, request.pairs)))
        if not request.sources and not market and not self.ledger.pairs():
            raise UnavailableError(
                f"{not_reached(unreached)} Nothing is stored yet and no archive is named, so nothing was done."
            )
        now = min(self.clock.now(), market.now) if market else self.clock.now()
        settled = now - self.settings.settling_seconds
        return self._plan(request, min(as_of or request.as_of or settled, settled), market, unreached)

    def audit_plan(self, request: Request, as_of: int | None = None) -> AuditPlan:
        """What an audit will ask, as of now or of an earlier instant. Raises UsageError where nothing is covered."""
        settled = self.clock.now() - self.settings.settling_seconds
        pace = Pace(self.settings.requests_per_second, self.settings.pairs_in_parallel)
        plan = AuditPlan.of(self.ledger, self.tiers, request, min(as_of or settled, settled), pace)
        if not plan.covered and any(pair.market for pair in request.pairs):
            raise UsageError("audits are of pairs of Kraken spot, and of no other exchange: use kraken-history verify.")
        if not plan.covered:
            raise UsageError("nothing of that is covered, so there is nothing to audit: see kraken-history coverage.")
        return plan

    def check_table(self) -> None:
        """Raises HomeError where the ledger tells of another candle table."""
        _require_same_table(self.ledger, self.store, self.tracker(), self.settings.table)

    def check_ready(self, plan: IngestionPlan) -> None:
        """Raises HomeError where the plan cannot go well.

        That is: too little disk, SQLite on a network file system, a ledger of another candle table.
        """
        self.check_table()
        require_local(file_of(self.settings.ledger_url))
        if self.settings.store_is_local:  # a server has a disk of its own, and what is staged goes with each commit
            require_room(self.settings.store_path, plan.disk_bytes)
        if plan.unfetched_bytes and self.remote.downloads:
            require_room(self.remote.downloads, plan.unfetched_bytes, "archives that are fetched whole")

    def _plan(self, request: Request, as_of: int, market: Market | None, unreached: Outages) -> IngestionPlan:
        places = expanded(self.remote, request.sources, request.window(as_of), as_of)
        names = self.names(market)
        source = ArchiveSource.open(places, request.archive_through, self.remote, names)
        pace = Pace(self.settings.requests_per_second, self.settings.pairs_in_parallel)
        renames = names.corrections([record.pair for record in self.ledger.pairs()])
        planner = Planner(self.ledger, self.store, self.tiers.knowing(names.tokenized), pace, renames, self._keeps)
        missed = unreached if request.needs_exchange else {}
        published_by = partial(self._published, as_of, names)
        plan = planner.plan_sources(request, as_of, source, market, published_by, unreached=missed)
        of_exchange = market.notes if market else ()
        away = (f"{called(name)} is not queried: {unreached[name]}" for name in spot_first(unreached))
        return replace(plan, notes=(*away, *of_exchange, *_to_rename(renames), *plan.notes))

    def _keeps(self, pair: Pair) -> bool:
        return self.tiers.holds(self.settings.keep_trades, pair)

    def names(self, market: Market | None) -> Names:
        """What the exchange calls its pairs, as of now or before."""
        return market.names if market else self.ledger.names()

    def _published(self, as_of: int, names: Names, quarters: Sequence[tuple[int, int]]) -> PublishedArchives:
        """The archives that Kraken publishes of these quarters; none, and why, where they cannot be looked for."""
        try:
            urls = published(self.remote, self.settings.archives_url, quarters, as_of)
            archives = ArchiveSource.open(urls, remote=self.remote, names=names).archives() if urls else ()
        except (SourceError, UnreachableError) as error:
            return PublishedArchives(note=f"published archives are not read: {error}")
        return PublishedArchives(archives)

    def _market(self, request: Request) -> tuple[Market | None, Outages]:
        """What the exchanges of a request return about themselves, where they may be queried; why some do not answer.

        Only those are queried of which pairs are named or stored, or may come with a tier.
        """
        if not request.api_backfill:
            return None, {}
        known = known_pairs(self.ledger)
        chosen = {*request.pairs, *(pair for pair in known if request.holds(pair, self.tiers))}
        venues = frozenset(pair.venue for pair in chosen if is_installed(pair.venue))
        if not request.pairs and not request.backfill:
            venues |= SPOT_ONLY  # a tier may have pairs there that are not stored yet
        unreached: dict[str, str] = {}
        answers: list[tuple[int, Listed]] = []
        for name in spot_first(venues):
            exchange = self.exchange(never_stop, BRIEF, name)
            try:
                if (status := exchange.status()) == "maintenance":
                    unreached[name] = f"it is in {status}."
                else:
                    answers.append((exchange.now(), exchange.listed()))
            except UnavailableError as error:
                unreached[name] = str(error)
        if not answers:
            return None, unreached
        listed = Listed.joined([each for _, each in answers])
        # Of other exchanges only what was asked for: whoever asks for a tier of Kraken spot wants no futures.
        listed = listed._replace(elsewhere=listed.elsewhere & {*request.pairs, *known})
        now = min(clock for clock, _ in answers)
        market = Market.of(now, listed, self.ledger.names())
        return market._replace(notes=_not_read(listed), away=frozenset(unreached)), unreached

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
                    f"{url} cannot be saved in {self.remote.downloads}: {reason_of(error)}. Fix that, and try again."
                ) from error
        return self._plan(plan.request, plan.as_of, plan.market, plan.unreached)

    def tracker(self) -> CoverageTracker:
        """What keeps coverage in step with claims, as of now."""
        return CoverageTracker(self.store, self.ledger, self.tiers, self.clock.now())


def _require_same_table(ledger: Ledger, store: CandleTable, tracker: CoverageTracker, table: str) -> None:
    """Raises TableLostError, or HomeError, where the ledger counts candles that are not in the table.

    A ledger counts the candles of one table: its counts have to be true of the one used with it. A table that
    the last job used is known by its mark, and refused by the store itself. One of another name may be the same, as a
    folder that was moved is, and an earlier version of this program kept no mark: then candles are counted.
    """
    before = ledger.last_table()
    if before is None:
        return
    if before == table and ledger.known_table():
        _ = store.mark  # refused where it is not the known one
        return
    _, lost = tracker.recounted()
    if lost and before == table:
        raise TableLostError(
            f"The candle table {table} is missing candles of {first_of(lost)} in the ledger. Nothing was done. See "
            "that its disk is mounted, or put the table back; where it is lost for good, kraken-history doctor "
            "--repair reads again what its archives still have, and makes gaps of the rest."
        )
    if lost:
        raise HomeError(
            f"the ledger is of candles in {before}, but the store is {table}, which is missing candles of "
            f"{first_of(lost)}. Nothing was done: copy them there first (kraken-history copy --to), name the other "
            "store again, or use another ledger for this one."
        )


def _to_rename(renames: Mapping[Pair, Pair]) -> tuple[str, ...]:
    """What is stored under a name that differs from the exchange's."""
    if not renames:
        return ()
    named = [f"{old} is {new}" for old, new in sorted(renames.items())[:_NAMED]]
    more = ", …" if len(renames) > _NAMED else ""
    return (f"{counted(len(renames), 'stored pair')} renamed first, to the exchange's names: {', '.join(named)}{more}",)


def _not_read(listed: Listed) -> tuple[str, ...]:
    """What of the exchange's list of pairs is left out, and why."""
    notes = []
    if listed.skipped:
        named = [f"{ascii(key)[1:-1]}: {why}" for key, why in sorted(listed.skipped.items())[:_NAMED]]
        more = "; …" if len(listed.skipped) > _NAMED else ""
        notes.append(
            f"entries of the exchange's list of pairs that could not be read: {len(listed.skipped):,} "
            f"({'; '.join(named)}{more}); pairs among them are not assumed to be delisted"
        )
    if not listed.whole:
        notes.append("the exchange's list of pairs came with an error: absent pairs are not assumed to be delisted")
    if not listed.tokenized:
        notes.append("tokenized stocks are not requested: the exchange did not list them")
    return tuple(notes)
