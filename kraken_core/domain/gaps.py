"""Gaps: what is expected and not covered (domain rules 9 and 10)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from kraken_core.domain.archives import archives_covering
from kraken_core.domain.errors import IllegalMoveError
from kraken_core.domain.exchange import SPOT, ohlc_horizon, venue_of
from kraken_core.domain.gc_pause import gc_paused
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.repair_plan import NO_REPAIRS, RepairPlan, Served
from kraken_core.domain.sweep_plan import UNKNOWN_RATE, pages
from kraken_core.domain.timerange import TimeRange, TimeRanges, iso
from kraken_core.domain.venues import is_installed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from kraken_core.domain.archives import CoveringArchive

Spans = Mapping[Series, TimeRanges]
NO_SPANS: Spans = {}
DISAGREE = "sources disagree"
IN_REACH = "within the last 720 candles"
ANY_TIME = "the exchange answers candles of any time"
IN_PARTS = "no archive contains all of it"
BY_TRADES = "its trades can be read"


class Route(StrEnum):
    """How a gap can be filled, cheapest first."""

    DERIVE = "derive"
    OHLC = "ohlc"
    TRADES = "trades"
    DOWNLOAD = "download"
    NONE = "none"


BY_API = (Route.OHLC, Route.TRADES)


class GapStatus(StrEnum):
    """The states of a gap."""

    DETECTED = "DETECTED"
    BACKFILLING = "BACKFILLING"
    FILLED = "FILLED"
    UNFILLABLE = "UNFILLABLE"
    FAILED = "FAILED"


GAP_MOVES: dict[GapStatus, frozenset[GapStatus]] = {
    GapStatus.DETECTED: frozenset({GapStatus.BACKFILLING, GapStatus.FILLED, GapStatus.UNFILLABLE}),
    GapStatus.BACKFILLING: frozenset({GapStatus.FILLED, GapStatus.FAILED, GapStatus.UNFILLABLE, GapStatus.DETECTED}),
    GapStatus.FAILED: frozenset({GapStatus.DETECTED, GapStatus.BACKFILLING, GapStatus.FILLED, GapStatus.UNFILLABLE}),
    GapStatus.UNFILLABLE: frozenset({GapStatus.DETECTED, GapStatus.FILLED}),
    GapStatus.FILLED: frozenset({GapStatus.DETECTED}),  # a claim was withdrawn
}
RETRY_AFTER_S = 3600  # after the first failure
RETRY_GROWTH = 4
RETRY_AT_MOST_S = 7 * 86_400
OPEN = (GapStatus.DETECTED, GapStatus.BACKFILLING, GapStatus.UNFILLABLE, GapStatus.FAILED)


class GapRecord(NamedTuple):
    """A maximal missing range ``[start, end)`` of one series; ``candles`` slots, times in epoch seconds.

    ``fillable`` of the slots are within the OHLC endpoint's reach at the time of detection, ``overflow`` beyond it.
    ``archive`` is the published one that contains it, or the several that do in order, with commas between, as far as
    any was published; ``csv_file`` the file to take from each. Which contains what of it: see :meth:`by_archive`.
    """

    series: Series
    start: int
    end: int
    candles: int
    fillable: int
    overflow: int
    status: GapStatus = GapStatus.DETECTED
    route: Route = Route.NONE
    reason: str = ""
    requests: int = 0
    csv_file: str = ""
    archive: str = ""
    attempts: int = 0  # that failed
    retry_at: int | None = None  # epoch seconds; where the last attempt failed
    id: int | None = None

    def waits(self, now: int) -> bool:
        """Whether it failed, and is not to be tried again yet."""
        return self.status is GapStatus.FAILED and self.retry_at is not None and now < self.retry_at

    def reaches(self, window: TimeRange) -> bool:
        """Whether some of it lies in the window."""
        return self.start < window.end and window.start < self.end

    def by_archive(self, as_of: int) -> Iterator[GapRecord]:
        """The gap, cut by the published archives that contain it; what none of them contains by as_of is left out."""
        if self.csv_file:
            for archive, start, end in archives_covering(self.start, self.end, as_of):
                slots = (end - start) // self.series.width
                yield self._replace(start=start, end=end, candles=slots, archive=archive)

    def recorded(self, record: GapRecord) -> GapRecord:
        """The gap as the record's, whose attempts to fill it are remembered."""
        return GapRecord(*self[:-3], record.attempts, self.retry_at, record.id)  # much quicker than by names

    @property
    def is_api_fillable(self) -> bool:
        """Whether requests to the exchange would fill it, at least in part."""
        return self.route in BY_API

    def mark_backfilling(self) -> GapRecord:
        """The gap about to be filled. Raises IllegalMoveError unless it was open, and some route fills it."""
        return self._replace(status=self._moved(GapStatus.BACKFILLING))

    def mark_filled(self) -> GapRecord:
        """The gap covered. Raises IllegalMoveError where it was filled already."""
        return self._replace(status=self._moved(GapStatus.FILLED))

    def mark_failed(self, reason: str, now: int) -> GapRecord:
        """The gap after an attempt that failed: to be tried again later, and each time later still.

        Raises IllegalMoveError unless it was being filled.
        """
        wait = min(RETRY_AFTER_S * RETRY_GROWTH**self.attempts, RETRY_AT_MOST_S)
        failed = self._moved(GapStatus.FAILED)
        return self._replace(status=failed, reason=reason, attempts=self.attempts + 1, retry_at=now + wait)

    def _moved(self, to: GapStatus) -> GapStatus:
        if to not in GAP_MOVES[self.status]:
            only = ", ".join(sorted(GAP_MOVES[self.status]))
            raise IllegalMoveError(
                f"the gap of {self.series} from {iso(self.start)} is {self.status} and cannot become {to}, only {only}."
            )
        return to


def named_at_once(gaps: Iterable[GapRecord], ids: Collection[int]) -> list[GapRecord]:
    """The gaps, of which those named do not wait any longer."""
    return [gap._replace(retry_at=None) if gap.id in ids else gap for gap in gaps]


@dataclass(frozen=True, slots=True)
class GapDetection:
    """What was found, by series and time."""

    gaps: tuple[GapRecord, ...]

    @property
    def fillable(self) -> tuple[GapRecord, ...]:
        """The gaps some open route fills, at least in part."""
        return tuple(gap for gap in self.gaps if gap.route is not Route.NONE)

    @property
    def unfillable(self) -> tuple[GapRecord, ...]:
        """The gaps no open route fills."""
        return tuple(gap for gap in self.gaps if gap.route is Route.NONE)


class ApiReach(NamedTuple):
    """What the exchange could fill though no request for it is planned, and ``why_not``.

    ``unreached`` is why not, by the names of exchanges that did not answer.

    ``now`` is the exchange's present, from which the OHLC endpoint reaches back: that of the detection where None.
    With ``trades`` all that was ever traded can be read, though ``no_trades`` may be why it is not; ``rates`` are
    the trades a second expected of pairs.
    """

    why_not: str = "the exchange was not queried"
    now: int | None = None
    trades: bool = False
    no_trades: str = ""
    rates: Mapping[Pair, float] = {}
    unreached: Mapping[str, str] = {}

    def route(self, series: Series, start: int, end: int, horizon: TimeRange) -> tuple[Route, str, int] | None:
        """The route that would fill a gap, at least in part, what it is, and how many requests it would take.

        ``horizon`` are the slots of its series that the exchange answers candles of now.
        """
        of = venue_of(series.pair)
        why_not = self.unreached.get(series.pair.venue, self.why_not)
        if start < horizon.end and horizon.start < end:
            requests = -(-(end - start) // (of.page * series.width)) if of.is_ranged else 1
            return Route.OHLC, f"{_in_reach(series, start, end, horizon)}; {why_not}", requests
        if self.trades and of.trades:
            requests = pages(end - start, self.rates.get(series.pair, UNKNOWN_RATE))
            return Route.TRADES, f"{BY_TRADES}; {self.no_trades or why_not}", requests
        return None


@dataclass(frozen=True, slots=True)
class IntegratedGapDetector:
    """Finds what is missing by range arithmetic, linear in the number of ranges; candles are never scanned.

    ``listed`` are the pairs that the exchange lists, None where it was not queried, without those of exchanges that
    are ``away``; ``delisted`` those it was known to list no more. ``reach`` is what it could fill beside what is
    planned. ``unreadable`` is, by series, why files of theirs could not be read, ``nowhere`` of pairs why nothing is
    known of them at all.
    """

    as_of: int
    listed: frozenset[Pair] | None = None
    delisted: frozenset[Pair] = frozenset()
    reach: ApiReach = field(default_factory=ApiReach)
    unreadable: Mapping[Series, str] = field(default_factory=dict)
    nowhere: Mapping[Pair, str] = field(default_factory=dict)
    away: frozenset[str] = frozenset()

    def detect_gaps_for_asset(
        self, asset: str, wanted: Spans, covered: Spans, derivable: Spans, repairs: RepairPlan = NO_REPAIRS
    ) -> GapDetection:
        """The gaps of every series whose base asset is ``asset``; see :meth:`detect_gaps_for_job`."""
        of_asset = {series: ranges for series, ranges in wanted.items() if series.pair.base == asset}
        return self.detect_gaps_for_job(of_asset, covered, derivable, repairs)

    @gc_paused()
    def detect_gaps_for_job(
        self,
        wanted: Spans,
        covered: Spans,
        derivable: Spans,
        repairs: RepairPlan = NO_REPAIRS,
        downloads: Spans = NO_SPANS,
        *,
        refuted: Spans = NO_SPANS,
    ) -> GapDetection:
        """Expected − covered, by series; ``derivable`` slots can be made from finer candles without requests.

        All of them map a series to slot-aligned ranges in epoch seconds. ``repairs`` is what the exchange will be
        asked, ``downloads`` what published archives will be read for; in ``refuted`` slots sources were contradicted.
        """
        nothing = TimeRanges()
        gaps: list[GapRecord] = []
        for series in sorted(wanted):
            missing = wanted[series] - covered.get(series, nothing)
            free = derivable.get(series, nothing)
            gaps += self._records(
                series,
                missing,
                free,
                repairs.served.get(series, Served()),
                downloads.get(series, nothing),
                refuted=refuted.get(series, nothing),
            )
        return GapDetection(tuple(gaps))

    def _records(
        self,
        series: Series,
        missing: TimeRanges,
        free: TimeRanges,
        served: Served,
        downloads: TimeRanges,
        *,
        refuted: TimeRanges,
    ) -> Iterator[GapRecord]:
        width, horizon = series.width, ohlc_horizon(series, self.as_of)
        now = horizon if self.reach.now is None else ohlc_horizon(series, self.reach.now)
        for start, end in missing:
            slots = (end - start) // width
            reachable = max(0, min(end, horizon.end) - max(start, horizon.start)) // width
            known = (series, start, end, slots, reachable, slots - reachable)
            if downloads.meets(start, end):
                archive, csv_file = self._by_hand(series, self._holders(series, start, end))
                reason = "a published archive contains it"
                yield GapRecord(*known, GapStatus.DETECTED, Route.DOWNLOAD, reason, 0, csv_file, archive)
            elif served.swept.meets(start, end):
                requests = sum(s.requests for s in served.sweeps if s.start < end and start < s.end)
                yield GapRecord(*known, GapStatus.DETECTED, Route.TRADES, BY_TRADES, requests)
            elif served.answers.meets(start, end):
                requests = served.answers_for(start, end)
                yield GapRecord(
                    *known, GapStatus.DETECTED, Route.OHLC, _in_reach(series, start, end, horizon), requests
                )
            elif free.meets(start, end):
                yield GapRecord(*known, GapStatus.DETECTED, Route.DERIVE, "finer candles cover it")
            elif refuted and refuted.clip(start, end).seconds == end - start:  # no archive is worth getting
                yield GapRecord(*known, GapStatus.UNFILLABLE, Route.NONE, DISAGREE)
            else:
                yield self._unserved(known, now)

    def _by_hand(self, series: Series, holders: Sequence[CoveringArchive]) -> tuple[str, str]:
        """The archives that contain a range or parts of it, and the file to take from each."""
        if series.pair in self.nowhere or not holders:  # whether any archive contains the pair is unknown
            return "", ""
        return ", ".join(holder.archive for holder in holders), series.file_name

    def _holders(self, series: Series, start: int, end: int) -> Sequence[CoveringArchive]:
        """The published archives that contain some of a range; there are none of other exchanges."""
        return () if series.pair.market else archives_covering(start, end, self.as_of)

    def _unserved(self, known: tuple[Series, int, int, int, int, int], horizon: TimeRange) -> GapRecord:
        """A gap that nothing planned fills: another job may query the exchange, or an archive has to be downloaded."""
        series, start, end, *_ = known
        pair = series.pair
        note = self.unreadable.get(series) or self.nowhere.get(pair)
        unlisted = self.listed is not None and pair.venue not in self.away and pair not in self.listed
        gone = pair in self.delisted or unlisted
        untaken = None if gone else self.reach.route(series, start, end, horizon)
        holders = self._holders(series, start, end)
        archive, csv_file = self._by_hand(series, holders)
        if untaken:
            route, reason, requests = untaken
            reason = f"{note}; {reason}" if note else reason
            return GapRecord(*known, GapStatus.DETECTED, route, reason, requests, csv_file, archive)
        if pair in self.nowhere:
            reason = self.nowhere[pair]
        else:
            why_not = "can't be derived" if series.interval > 1 else "nothing is finer than one minute"
            left = f"the exchange no longer lists {pair}" if gone else ""
            left = left if is_installed(pair.venue) else f"no exchange {pair.venue} is installed"
            helps = _available(holders, end)
            reason = "; ".join(part for part in (note, left, why_not, helps) if part)
        return GapRecord(*known, GapStatus.UNFILLABLE, Route.NONE, reason, 0, csv_file, archive)


def _in_reach(series: Series, start: int, end: int, horizon: TimeRange) -> str:
    """The reason of a gap that the exchange's candles fill, or a part of it."""
    of = venue_of(series.pair)
    if of.is_ranged:
        return ANY_TIME
    newest = IN_REACH.replace(str(SPOT.newest), f"{of.newest:,}")
    reached = (min(end, horizon.end) - max(start, horizon.start)) // series.width
    slots = (end - start) // series.width
    return newest if reached == slots else f"{newest}: {max(0, reached):,} of {slots:,}"


def _available(holders: Sequence[CoveringArchive], end: int) -> str:
    """The reason of a gap that nothing but archives fills: which one contains it, or how far each does."""
    if not holders:
        return "no archive contains it yet"
    if len(holders) == 1 and holders[0].end == end:
        return f"available in {holders[0].archive}"
    parts = ", ".join(f"{holder.archive} contains it to {iso(holder.end)[:10]}" for holder in holders)
    return f"{IN_PARTS}: {parts}"
