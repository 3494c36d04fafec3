"""The plan of a job: data, made once; what a dry run shows is what a job does."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from kraken_core.domain.absent import found_nowhere
from kraken_core.domain.archives import finest_intervals, rank_in
from kraken_core.domain.candles import Source, derived_rank
from kraken_core.domain.coverage import ABSENT, Assertion, file_covers, silence_covers
from kraken_core.domain.download_route import Offer, cheapest_members, exchange_is_cheaper, filled_by
from kraken_core.domain.knowledge import Knowledge
from kraken_core.domain.life import Life
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.ohlcvt import EARLIEST
from kraken_core.domain.repairs import RepairPlanner, Repairs, detector_for, missing_by_pair
from kraken_core.domain.request_bounds import most_requests
from kraken_core.domain.routes import NO_REPAIRS, RepairPlan, Routes
from kraken_core.domain.scope import Scope

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from kraken_core.domain.archives import Archive, ArchiveFile, Ignored
    from kraken_core.domain.exchange import Market
    from kraken_core.domain.gaps import GapRecord
    from kraken_core.domain.request import Request
    from kraken_core.domain.scope import Detection
    from kraken_core.domain.tiers import Tiers
    from kraken_core.domain.timerange import TimeRanges

BYTES_A_CANDLE = 37  # on disk, measured on the archives
ROWS_A_SECOND = 1_500_000  # a cautious figure for the estimate only
BYTES_A_ROW = 55  # of text in an archive
BYTES_A_TRADE = 30  # likewise


class Action(StrEnum):
    """What a job does with a file."""

    INGEST = "ingest"
    SKIP = "skip"


class KnownFile(NamedTuple):
    """A file that was read before: what its bytes hash to, and the best rank they were read at (no tie-break)."""

    content_hash: str
    rank: int


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """One file and what will be done with it; ``archive`` is the index of its archive in the plan."""

    file: ArchiveFile
    archive: int
    action: Action
    reason: str
    finest: bool  # no finer file of the pair in its archive
    known: KnownFile | None = None


class Pace(NamedTuple):
    """How often the exchange may be asked: requests a second for a pair, and how many pairs at once."""

    requests_a_second: float = 1.0
    pairs_in_parallel: int = 1

    def seconds(self, listings: int, by_pair: Sequence[int]) -> float:
        """How long a request each for some pairs, and then so many for each of others, take at least."""
        in_turn = (listings + sum(by_pair)) / self.pairs_in_parallel
        return max(in_turn, *by_pair, 0) / self.requests_a_second


STEADY = Pace()


@dataclass(frozen=True, slots=True)
class IngestionPlan:
    """Everything a job will do. Files are in the order they will be read: newest vintage first.

    ``gaps`` are those known before a file is read; ``unread`` counts series whose files only tell when read.
    ``market`` is what the exchange told of itself, None where it is not to be asked, or did not answer (``notes`` say
    why). ``repairs`` are the requests that ``--max-requests`` affords, and ``listings`` counts those for first trades.
    ``at_most`` so many requests may turn out to be needed. ``unreached`` says why the exchange, which was wanted, is
    not asked; ``nowhere`` why nothing is known of pairs.
    """

    request: Request
    as_of: int
    archives: tuple[Archive, ...]
    files: tuple[PlannedFile, ...]
    gaps: tuple[GapRecord, ...]
    unread: int
    passed_over: int  # files of pairs or intervals nobody asked for
    market: Market | None = None
    repairs: RepairPlan = NO_REPAIRS
    listings: int = 0
    at_most: int = 0
    pace: Pace = STEADY
    notes: tuple[str, ...] = ()
    unreached: str = ""
    nowhere: Mapping[Pair, str] = field(default_factory=dict)

    @property
    def requests(self) -> int:
        """How many requests to the exchange are expected, after those that the plan itself took."""
        return self.listings + self.repairs.requests

    @property
    def limit(self) -> int | None:
        """How many requests a job of this plan makes before somebody is asked again; None: as many as it takes."""
        most = self.request.max_requests
        if not self.request.within_plan:
            return most
        return self.at_most if most is None else min(self.at_most, most)

    @property
    def left_open(self) -> tuple[GapRecord, ...]:
        """The gaps that the exchange could fill and is not going to be asked for; each says why."""
        serves = self.repairs.serves
        return tuple(g for g in self.gaps if g.is_api_fillable and not serves(g.series, g.start, g.end))

    @property
    def to_ingest(self) -> tuple[PlannedFile, ...]:
        """The files that will be read."""
        return tuple(f for f in self.files if f.action is Action.INGEST)

    @property
    def ignored(self) -> list[tuple[str, str, Ignored]]:
        """What lies in the archives and is not read: path, reason, and how many files with the first few names."""
        return [
            (archive.path, reason, left_out)
            for archive in self.archives
            for reason, left_out in sorted(archive.ignored.items())
        ]

    @property
    def all_notes(self) -> list[str]:
        """What a user should know of the sources: of each archive, and of what the plan could not look at."""
        return [*(note for archive in self.archives for note in archive.notes), *self.notes]

    @property
    def text_bytes(self) -> int:
        """Bytes of text that will be read."""
        return sum(file.size for file in self._once_read)

    @property
    def download_bytes(self) -> int:
        """What will come over the network: of archives on web servers, the members that will be read."""
        return sum(file.download_bytes for file in self._once_read) + self.unfetched_bytes

    @property
    def unfetched_bytes(self) -> int:
        """Bytes of archives that their servers give only whole; which files are in them is not known before."""
        return sum(archive.unfetched for archive in self.archives)

    @property
    def disk_bytes(self) -> int:
        """What the new candles will take on disk, estimated."""
        served = ((series, found.answers | found.swept) for series, found in self.repairs.served.items())
        brought = sum(ranges.slots(series.width) for series, ranges in served)
        return (sum(self._candles(f.file) for f in self.to_ingest) + brought) * BYTES_A_CANDLE

    @property
    def estimated_seconds(self) -> float:
        """How long the files and the requests will take, estimated."""
        by_pair = [repair.requests for repair in self.repairs.repairs]
        return self.text_bytes / BYTES_A_ROW / ROWS_A_SECOND + self.pace.seconds(self.listings, by_pair)

    @property
    def _once_read(self) -> Collection[ArchiveFile]:
        """The files that will be read, each once however many series it tells of."""
        return {(f.file.path, f.file.member): f.file for f in self.to_ingest}.values()

    def _candles(self, file: ArchiveFile) -> int:
        """How many candles a file brings, estimated: of trades there is at most one a slot."""
        if file.source is Source.CSV:
            return file.size // BYTES_A_ROW
        return min(file.size // BYTES_A_TRADE, (self.as_of - EARLIEST) // file.series.width)


def file_rank(archive: Archive, source: Source = Source.CSV) -> int:
    """The rank of what an archive's files hold; without a hash, that of none of them before the others."""
    return rank_in(archive.vintage, source)


class Prospect(NamedTuple):
    """What is known when the repair of gaps is planned; ``gaps`` are the open ones of the ledger.

    ``market`` is what the exchange told of itself, None where it is not asked; ``unreached`` says why, where it was to
    be. ``unreadable`` says why files of series could not be read, the last time that was tried.
    """

    market: Market | None
    rates: Mapping[Pair, float] = {}
    gaps: Sequence[GapRecord] = ()
    pace: Pace = STEADY
    unreached: str = ""
    unreadable: Mapping[Series, str] = {}


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

        ``known`` are files read before, by path, member, stamp and series; ``knowledge`` what the ledger knows by now;
        ``before`` the last detections. The ``prospect`` says whether the exchange may be asked; of ``published``
        archives those members are read that fill what is missing, where that is cheaper than asking.
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
        scope = Scope(request, as_of, before or {})
        filed = {planned.file.series.pair for planned in files}
        pairs = scope.pairs(expected.lives, filed | {s.pair for s in prospect.unreadable}, self.tiers)
        there = {file.series.pair for archive in archives for file in archive.files}
        unknown = [pair for pair in pairs if not expected.lives.get(pair) and pair not in filed]
        nowhere = found_nowhere(unknown, prospect.market, there.union(p for p, life in expected.lives.items() if life))
        wanted, _ = scope.wanted(expected, pairs)
        wanted = {series: ranges for series, ranges in wanted.items() if series not in unread}
        offered = (file for archive in published for file in archive.files)
        read = [file for file in offered if (file.path, file.member, file.stamp, file.series) in known]
        offers = self._worthwhile(expected, scope, wanted, published, prospect, read=read)
        covered, fills = expected.covered(), filled_by(offers)
        if offers:
            files += _downloads(offers, published, len(ordered))
            ordered += published
            expected, _ = _expected(knowledge, request, self.tiers, ordered, files)
        repairs, listings, at_most = Repairs(), 0, 0
        if prospect.market:
            unlisted = scope.unlisted_pairs(knowledge.lives, prospect.market, self.tiers)
            listings = len(unlisted)
            repairing = RepairPlanner(scope, prospect.market, prospect.rates)
            repairs = repairing.plan(expected, wanted, prospect.gaps, listings)
            at_most = most_requests(repairing, knowledge, pairs, unlisted, prospect.gaps)
        detector = detector_for(scope, expected.lives, prospect.market, prospect.unreached, prospect.rates)
        detector = replace(detector, unreadable=prospect.unreadable, nowhere=nowhere)
        detected = detector.detect_gaps_for_job(
            wanted, covered, expected.derivation_work(wanted).spans, repairs.all, fills, refuted=expected.refuted
        )
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
            notes=_notes_on(nowhere, prospect.market),
            unreached=prospect.unreached,
            nowhere=nowhere,
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
            for pair in {series.pair for series in offers} & prospect.market.listed
            if (request.max_requests is None or routes.repair(missing[pair]).requests <= request.max_requests)
            and exchange_is_cheaper(offers, missing[pair], routes, pace)
        }
        return {series: found for series, found in offers.items() if series.pair not in spared}


def _notes_on(nowhere: Mapping[Pair, str], market: Market | None) -> tuple[str, ...]:
    """What to say of pairs that the exchange is not going to be asked about."""
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
        return PlannedFile(file, index, Action.INGEST, "held rows that had not closed when it was read", finest, known)
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
    for archive in archives:
        claims += absence_claims(archive, {file.series.pair for file in archive.files}, chosen)
    # A pair of which one file tells only when read may turn out older than the others state.
    return Knowledge(lives, claims), {Series(s.pair, i) for s in unread for i in request.intervals}


def absence_claims(archive: Archive, stored: Collection[Pair], pairs: Iterable[Pair]) -> list[Assertion]:
    """The silence a complete archive asserts of those ``pairs`` of which it holds no file at all (domain rule 4).

    ``held`` are the pairs it holds files of; an archive that is not complete asserts nothing.
    """
    if not archive.complete:
        return []
    rank = derived_rank(file_rank(archive))
    return [
        Assertion(series, *span, Source.CSV, rank, f"{ABSENT}{archive.identity}")
        for pair in pairs
        if pair not in stored
        for series in (Series(pair, interval) for interval in INTERVALS)
        for span in silence_covers(series, archive.statement)
    ]
