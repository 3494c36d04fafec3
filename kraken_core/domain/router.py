"""Which sources serve a request: files newest vintage first, what they leave missing, the cheapest way to repair it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from kraken_core.domain.absent_files import absence_claims
from kraken_core.domain.archives import file_rank, finest_intervals
from kraken_core.domain.candles import Source, derived_rank
from kraken_core.domain.coverage import Assertion, file_covers
from kraken_core.domain.download_route import Offer, cheapest_members, exchange_is_cheaper, filled_by
from kraken_core.domain.knowledge import Knowledge
from kraken_core.domain.life import Life
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.not_found import found_nowhere
from kraken_core.domain.plan import STEADY, Action, IngestionPlan, KnownFile, Pace, PlannedFile
from kraken_core.domain.repairs import RepairPlanner, Repairs, detector_for, missing_by_pair
from kraken_core.domain.request_bounds import most_requests
from kraken_core.domain.routes import Routes
from kraken_core.domain.scope import Scope
from kraken_core.domain.unsourced import unsourced

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from kraken_core.domain.archives import Archive, ArchiveFile
    from kraken_core.domain.exchange import Market
    from kraken_core.domain.gaps import GapRecord
    from kraken_core.domain.outages import Outages
    from kraken_core.domain.request import Request
    from kraken_core.domain.scope import Detection
    from kraken_core.domain.tiers import Tiers
    from kraken_core.domain.timerange import TimeRange, TimeRanges


class Prospect(NamedTuple):
    """What is known when the repair of gaps is planned; ``gaps`` are the open ones of the ledger.

    ``market`` is what the exchange returned about itself, None where it is not queried; ``unreached`` why exchanges
    that were to be were not. ``unreadable`` is why files of series could not be read, the last time that was tried;
    ``stored`` and ``limits``: see Scope.
    """

    market: Market | None
    rates: Mapping[Pair, float] = {}
    gaps: Sequence[GapRecord] = ()
    pace: Pace = STEADY
    unreached: Outages = MappingProxyType({})
    unreadable: Mapping[Series, str] = {}
    stored: Mapping[Series, TimeRange] = {}
    limits: Mapping[Series, TimeRange] = {}


@dataclass(frozen=True, slots=True)
class DataSourceRouter:
    """Decides which sources serve a request."""

    tiers: Tiers

    def create_ingestion_plan(
        self,
        request: Request,
        as_of: int,
        archives: Sequence[Archive],
        *,
        known: Mapping[tuple[str, str, str, Series], KnownFile],
        knowledge: Knowledge,
        before: Mapping[Series, Detection] | None = None,
        prospect: Prospect = Prospect(None),  # noqa: B008 - immutable
        published: Sequence[Archive] = (),
    ) -> IngestionPlan:
        """The plan of a request: every file of its series, newest vintage first, the gaps they leave, their repair.

        ``known`` are files read before, by path, member, stamp and series; ``knowledge`` what the ledger has recorded
        by now; ``before`` the last detections. The ``prospect`` is whether the exchange may be queried; of
        ``published`` archives those members are read that fill what is missing, where that is cheaper than requests to
        the exchange.
        """
        ordered = sorted(archives, key=file_rank, reverse=True)
        files: list[PlannedFile] = []
        passed_over = 0
        for index, archive in enumerate(ordered):
            finest = finest_intervals(archive)
            for file in sorted(archive.files, key=lambda f: (f.series, f.member)):
                if file.series.interval in request.intervals and request.holds(file.series.pair, self.tiers):
                    # Trades make candles of every interval alike: none is less sure than another at the end.
                    is_finest = file.source is Source.TRADES or finest[file.series.pair] == file.series.interval
                    files.append(
                        _planned(
                            file,
                            index,
                            archive,
                            finest=is_finest,
                            known=known.get((file.path, file.member, file.stamp, file.series)),
                        )
                    )
                else:
                    passed_over += 1
        expected, unread = _expected(knowledge, request, self.tiers, ordered, files)
        scope = Scope(request, as_of, before or {}, stored=prospect.stored, limits=prospect.limits)
        filed = {planned.file.series.pair for planned in files}
        pairs = scope.pairs(expected.lives, filed | {s.pair for s in prospect.unreadable}, self.tiers)
        there = {file.series.pair for archive in archives for file in archive.files}
        unknown = [pair for pair in pairs if not expected.lives.get(pair) and pair not in filed]
        nowhere = found_nowhere(unknown, prospect.market, there.union(p for p, life in expected.lives.items() if life))
        wanted, _ = scope.wanted(expected, pairs)
        covered = expected.covered()
        unsourced_note = unsourced(wanted, {*covered, *(planned.file.series for planned in files)})
        wanted = {series: ranges for series, ranges in wanted.items() if series not in unread}
        offered = (file for archive in published for file in archive.files)
        read = [file for file in offered if (file.path, file.member, file.stamp, file.series) in known]
        offers = self._worthwhile(expected, scope, wanted, published, prospect, read=read)
        fills = filled_by(offers)
        if offers:
            files += _downloads(offers, published, len(ordered))
            ordered += published
            expected, _ = _expected(knowledge, request, self.tiers, ordered, files)
        work = expected.derivation_work(wanted).spans
        repairs, listings, at_most = Repairs(), 0, 0
        if prospect.market:
            unlisted = scope.unlisted_pairs(knowledge.lives, prospect.market, self.tiers)
            listings = len(unlisted)
            repairing = RepairPlanner(scope, prospect.market, prospect.rates)
            repairs = repairing.route_repairs(expected, wanted, prospect.gaps, listings)
            at_most = most_requests(repairing, knowledge, pairs, unlisted, prospect.gaps)
        detector = detector_for(scope, expected.lives, prospect.market, prospect.unreached, prospect.rates)
        detector = replace(detector, unreadable=prospect.unreadable, nowhere=nowhere)
        detected = detector.detect_gaps_for_job(wanted, covered, work, repairs.all, fills, refuted=expected.refuted)
        return IngestionPlan(
            request,
            as_of,
            tuple(ordered),
            tuple(files),
            detected.gaps,
            len(unread),
            passed_over,
            market=prospect.market,
            repairs=repairs.paid,
            listings=listings,
            at_most=max(at_most, listings + repairs.paid.requests),
            pace=prospect.pace,
            notes=(*_notes_on(nowhere, prospect.market), *([unsourced_note] if unsourced_note else [])),
            unreached=prospect.unreached,
            nowhere=nowhere,
            known=None if any(planned.action is Action.INGEST for planned in files) else expected,
        )

    def _worthwhile(
        self,
        expected: Knowledge,
        scope: Scope,
        wanted: Mapping[Series, TimeRanges],
        published: Sequence[Archive],
        prospect: Prospect,
        *,
        read: Collection[ArchiveFile],
    ) -> dict[Series, list[Offer]]:
        """The members of published archives that are worth their bytes."""
        if not published:
            return {}
        missing = {each.pair: each for each in missing_by_pair(expected, scope.repairable(wanted), prospect.rates)}
        needs = {Series(pair, i): slots for pair, each in missing.items() for i, slots in each.needs().items()}
        needs |= {series: needs[series] - slots for series, slots in expected.refuted.items() if series in needs}
        offers = cheapest_members(needs, published, read)
        request = scope.request
        if not prospect.market or not request.trades:
            return offers
        routes, pace = Routes(prospect.market.now), prospect.pace.requests_a_second
        spared = {
            pair
            for pair in {series.pair for series in offers} & prospect.market.requestable
            if (request.max_requests is None or routes.repair(missing[pair]).requests <= request.max_requests)
            and exchange_is_cheaper(offers, missing[pair], routes, pace)
        }
        return {series: found for series, found in offers.items() if series.pair not in spared}


def _notes_on(nowhere: Mapping[Pair, str], market: Market | None) -> tuple[str, ...]:
    """The note on pairs that are not requested from the exchange."""
    return tuple(
        f"{why}." if not why.endswith("?") else why
        for pair, why in nowhere.items()
        if not market or pair not in market.listed
    )


def _downloads(
    offers: Mapping[Series, Sequence[Offer]], published: Sequence[Archive], first: int
) -> Iterator[PlannedFile]:
    """The members offered as files to read; their archives come in the plan from place ``first`` on."""
    for series, found in offers.items():
        for offer in found:
            finest = finest_intervals(published[offer.archive])[series.pair] == series.interval
            yield PlannedFile(offer.file, first + offer.archive, Action.INGEST, "fills what is missing", finest)


def _planned(file: ArchiveFile, index: int, archive: Archive, *, finest: bool, known: KnownFile | None) -> PlannedFile:
    if known is None:
        return PlannedFile(file, index, Action.INGEST, "new", finest)
    if not known.rank:
        return PlannedFile(file, index, Action.INGEST, "had rows that had not closed when it was read", finest, known)
    if known.rank < derived_rank(file_rank(archive, file.source)):
        return PlannedFile(file, index, Action.INGEST, "of a newer vintage than when it was read", finest, known)
    return PlannedFile(file, index, Action.SKIP, "already ingested", finest, known)


def _expected(
    knowledge: Knowledge, request: Request, tiers: Tiers, archives: Sequence[Archive], files: Sequence[PlannedFile]
) -> tuple[Knowledge, set[Series]]:
    """What will be known when the files have been read, as far as they state it; and the series that do not."""
    lives: dict[Pair, Sequence[Life]] = dict(knowledge.lives)
    claims = list(knowledge.claims)
    unread: set[Series] = set()
    for planned in files:
        if planned.action is Action.SKIP:
            continue
        archive, series, source = archives[planned.archive], planned.file.series, planned.file.source
        start, end = archive.statement
        if start is None or end is None:
            unread.add(series)
            continue
        if not knowledge.lives.get(series.pair):
            listed = min([start, *(life.start for life in lives.get(series.pair, ()))])
            lives[series.pair] = (Life(listed),)
        ranges = file_covers(series, archive.statement, start, end, finest=planned.finest)
        rank = derived_rank(file_rank(archive, source))
        claims += [Assertion(series, *r, source, rank, "planned") for r in ranges]
    chosen = [pair for pair, life in lives.items() if life and request.holds(pair, tiers)]
    made = set(claims) if any(archive.complete for archive in archives) else set()
    for archive in archives:
        absent = absence_claims(archive, {file.series.pair for file in archive.files}, chosen)
        claims += (claim for claim in absent if claim not in made)
    # A pair in a file that states nothing before it is read may turn out older than the others state.
    return Knowledge(lives, claims), {Series(s.pair, i) for s in unread for i in request.intervals}
