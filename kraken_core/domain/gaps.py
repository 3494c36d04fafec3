"""Gaps: what is wanted and not covered (domain rules 9 and 10)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from kraken_core.domain.archives import archive_for
from kraken_core.domain.bulk import without_collection
from kraken_core.domain.exchange import ohlc_horizon
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.routes import NO_REPAIRS, RepairPlan, Served
from kraken_core.domain.timerange import TimeRanges

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

Spans = Mapping[Series, TimeRanges]
NO_SPANS: Spans = {}
DISAGREE = "sources disagree"


class Route(StrEnum):
    """How a gap can be filled, cheapest first."""

    DERIVE = "derive"
    OHLC = "ohlc"
    TRADES = "trades"
    DOWNLOAD = "download"
    NONE = "none"


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

    def lies_in(self, ranges: TimeRanges) -> bool:
        """Whether all of it lies in the ranges."""
        return ranges.clip(self.start, self.end).seconds == self.end - self.start

    def disputed(self) -> GapRecord:
        """The gap, where sources were contradicted about all of it: without a route, no archive is worth getting."""
        if self.status is not GapStatus.UNFILLABLE:
            return self
        return self._replace(reason=DISAGREE, csv_file="", archive="")

    def recorded(self, record: GapRecord) -> GapRecord:
        """The gap as the record's, whose attempts to fill it are remembered."""
        return GapRecord(*self[:-3], record.attempts, self.retry_at, record.id)  # much quicker than by names

    def failed(self, reason: str, now: int) -> GapRecord:
        """The gap after an attempt that failed: to be tried again later, and each time later still."""
        wait = min(RETRY_AFTER_S * RETRY_GROWTH**self.attempts, RETRY_AT_MOST_S)
        return self._replace(status=GapStatus.FAILED, reason=reason, attempts=self.attempts + 1, retry_at=now + wait)


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


@dataclass(frozen=True, slots=True)
class IntegratedGapDetector:
    """Finds what is missing by range arithmetic, linear in the number of ranges; candles are never scanned.

    ``listed`` are the pairs that the exchange lists, None where it was not asked.
    """

    as_of: int
    listed: frozenset[Pair] | None = None

    def detect_gaps_for_asset(
        self, asset: str, wanted: Spans, covered: Spans, derivable: Spans, repairs: RepairPlan = NO_REPAIRS
    ) -> GapDetection:
        """The gaps of every series whose base asset is ``asset``; see :meth:`detect_gaps_for_job`."""
        of_asset = {series: ranges for series, ranges in wanted.items() if series.pair.base == asset}
        return self.detect_gaps_for_job(of_asset, covered, derivable, repairs)

    @without_collection()
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
        """Wanted − covered, by series; ``derivable`` slots can be had from finer candles at no cost.

        All of them map a series to slot-aligned ranges in epoch seconds. ``repairs`` is what the exchange will be
        asked, ``downloads`` what published archives will be read for; in ``refuted`` slots sources were contradicted.
        """
        nothing = TimeRanges()
        gaps: list[GapRecord] = []
        for series in sorted(wanted):
            missing = wanted[series] - covered.get(series, nothing)
            free = derivable.get(series, nothing)
            found = self._records(
                series, missing, free, repairs.served.get(series, Served()), downloads.get(series, nothing)
            )
            contradicted = refuted.get(series)
            gaps += (gap.disputed() if gap.lies_in(contradicted) else gap for gap in found) if contradicted else found
        return GapDetection(tuple(gaps))

    def _records(
        self, series: Series, missing: TimeRanges, free: TimeRanges, served: Served, downloads: TimeRanges
    ) -> Iterator[GapRecord]:
        width, file_name = series.width, series.file_name
        horizon = ohlc_horizon(series, self.as_of)
        why_not = "no finer series covers it" if series.interval > 1 else "nothing is finer than one minute"
        if self.listed is not None and series.pair not in self.listed:
            why_not = f"the exchange no longer lists {series.pair}; {why_not}"
        by_hand, not_yet = f"{why_not}; an archive does", f"{why_not}; no archive holds it yet"
        for start, end in missing:
            slots = (end - start) // width
            reachable = max(0, min(end, horizon.end) - max(start, horizon.start)) // width
            known = (series, start, end, slots, reachable, slots - reachable)
            archive = archive_for(start, end, self.as_of)
            if downloads.meets(start, end):
                reason = "a published archive holds it"
                yield GapRecord(*known, GapStatus.DETECTED, Route.DOWNLOAD, reason, 0, file_name, archive)
            elif served.swept.meets(start, end):
                requests = sum(s.requests for s in served.sweeps if s.start < end and start < s.end)
                yield GapRecord(*known, GapStatus.DETECTED, Route.TRADES, "its trades can be read", requests)
            elif served.answers.meets(start, end):
                yield GapRecord(*known, GapStatus.DETECTED, Route.OHLC, "within the last 720 candles", 1)
            elif free.meets(start, end):
                yield GapRecord(*known, GapStatus.DETECTED, Route.DERIVE, "finer candles cover it")
            elif archive:
                yield GapRecord(*known, GapStatus.UNFILLABLE, Route.NONE, by_hand, 0, file_name, archive)
            else:
                yield GapRecord(*known, GapStatus.UNFILLABLE, Route.NONE, not_yet)
