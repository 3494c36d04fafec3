"""Gaps: what is wanted and not covered (domain rules 9 and 10)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING

from kraken_core.domain.archives import archive_for
from kraken_core.domain.market import Series
from kraken_core.domain.timerange import TimeRange, TimeRanges, floor

if TYPE_CHECKING:
    from collections.abc import Iterator

OHLC_LIMIT = 720  # committed candles the OHLC endpoint answers at most, whatever `since` says
OHLC_INTERVALS = (1, 5, 15, 30, 60, 240, 1440)  # minutes; there is no 720

Spans = Mapping[Series, TimeRanges]


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
OPEN = (GapStatus.DETECTED, GapStatus.BACKFILLING, GapStatus.UNFILLABLE, GapStatus.FAILED)


@dataclass(frozen=True, slots=True)
class GapRecord:
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
    id: int | None = None


def ohlc_horizon(series: Series, as_of: int) -> TimeRange:
    """The slots the OHLC endpoint still answers: the 720 last ones closed by ``as_of``; none for 720 minutes."""
    end = floor(as_of, series.width)
    reach = OHLC_LIMIT * series.width if series.interval in OHLC_INTERVALS else 0
    return TimeRange(end - reach, end)


@dataclass(frozen=True, slots=True)
class GapDetection:
    """What was found: gaps some open route fills (at least in part), and gaps none does."""

    fillable: tuple[GapRecord, ...]
    unfillable: tuple[GapRecord, ...]

    @property
    def gaps(self) -> tuple[GapRecord, ...]:
        """All of them, by series and time."""
        return tuple(sorted((*self.fillable, *self.unfillable), key=lambda gap: (gap.series, gap.start)))


@dataclass(frozen=True, slots=True)
class IntegratedGapDetector:
    """Finds what is missing by range arithmetic, linear in the number of ranges; candles are never scanned."""

    as_of: int

    def detect_gaps_for_asset(self, asset: str, wanted: Spans, covered: Spans, derivable: Spans) -> GapDetection:
        """The gaps of every series whose base asset is ``asset``; see :meth:`detect_gaps_for_job`."""
        return self.detect_gaps_for_job(
            {series: ranges for series, ranges in wanted.items() if series.pair.base == asset}, covered, derivable
        )

    def detect_gaps_for_job(self, wanted: Spans, covered: Spans, derivable: Spans) -> GapDetection:
        """Wanted − covered, by series; ``derivable`` slots can be had from finer candles at no cost.

        All three map a series to slot-aligned ranges in epoch seconds.
        """
        nothing = TimeRanges()
        fillable: list[GapRecord] = []
        unfillable: list[GapRecord] = []
        for series in sorted(wanted):
            missing = wanted[series] - covered.get(series, nothing)
            free = derivable.get(series, nothing)
            for gap in self._records(series, missing, free):
                (unfillable if gap.route is Route.NONE else fillable).append(gap)
        return GapDetection(tuple(fillable), tuple(unfillable))

    def _records(self, series: Series, missing: TimeRanges, free: TimeRanges) -> Iterator[GapRecord]:
        width, file_name = series.width, series.file_name
        horizon = ohlc_horizon(series, self.as_of)
        why_not = "no finer series covers it" if series.interval > 1 else "nothing is finer than one minute"
        for start, end in missing:
            slots = (end - start) // width
            reachable = max(0, min(end, horizon.end) - max(start, horizon.start)) // width
            gap = partial(GapRecord, series, start, end, slots, reachable, slots - reachable)
            archive = archive_for(start, end, self.as_of)
            if free.meets(start, end):
                yield gap(route=Route.DERIVE, reason="finer candles cover it")
            elif archive:
                reason = f"{why_not}; an archive does"
                yield gap(status=GapStatus.UNFILLABLE, reason=reason, csv_file=file_name, archive=archive)
            else:
                yield gap(status=GapStatus.UNFILLABLE, reason=f"{why_not}; no archive holds it yet")
