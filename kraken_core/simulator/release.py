"""A release of Kraken's OHLCVT archives: its name, its content, and where it is wrong (domain 1.1)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import Enum, auto
from typing import Any

from kraken_core.domain.archives import full_name, quarter_bounds, quarterly_names
from kraken_core.domain.errors import UsageError
from kraken_core.domain.interval_units import short
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.timerange import TimeRanges
from kraken_core.simulator.market import SimulatedMarket

DAY_S = 86_400
MANIFESTS_SINCE = quarter_bounds(2026, 2)[0]
GENERATED_AFTER = timedelta(days=48)  # the release of 2026Q2 was generated on 2026-08-17


class ReleaseLayout(Enum):
    """How a release lies on disk."""

    ZIP = auto()
    FOLDER = auto()
    SPLIT = auto()  # byte parts of one zip, with their checksums


@dataclass(frozen=True, slots=True)
class Release:
    """An archive with a file for every pair that traded in ``[start, end)`` and every interval, with known holes.

    One of ``trades`` has one for every pair instead, and nothing else of what follows but its layout and folder.

    ``without`` were never part of it; ``lost`` were, and its manifest still counts them. Both are honest holes unless
    a release with a manifest is without a whole pair that traded: that asserts a silence that was none.
    ``edge`` is how many seconds before the end the last candle of a series stopped growing (a whole slot's: there is
    none). Kraken's do so; of a pair's finest series, in a release that states its end, it would be a lie.
    ``dropped`` rows, of whole slots in the middle of a file, and ``altered`` ones, whose high is doubled, are lies too.
    ``volume_error`` is another: volumes off by up to that share, at unchanged prices, as in the release of 2023Q2.
    """

    name: str  # of the zip; a folder is called the same without its suffix
    start: int  # epoch seconds, midnight
    end: int
    layout: ReleaseLayout = ReleaseLayout.ZIP
    folder: str = ""  # inside the archive
    manifest: bool = False
    generated: date | None = None  # in the manifest
    intervals: tuple[int, ...] = INTERVALS
    without: Collection[Series] = ()
    lost: Collection[Series] = ()
    junk: bool = False
    edge: Mapping[Series, int] = field(default_factory=dict)
    dropped: Mapping[Series, TimeRanges] = field(default_factory=dict)
    altered: Mapping[Series, TimeRanges] = field(default_factory=dict)
    volume_error: float = 0.0
    trades: bool = False

    def __post_init__(self) -> None:
        days = (self.start, self.end) if self.manifest else (self.start,)
        if self.start >= self.end or any(instant % DAY_S for instant in days):
            raise UsageError(f"{self.name}: a release starts at midnight, and one with a manifest ends at midnight.")
        if self.manifest and self.generated is None:
            object.__setattr__(self, "generated", _day(self.end - 1) + GENERATED_AFTER)

    @classmethod
    def quarterly(cls, year: int, quarter: int, **details: Any) -> Release:  # noqa: ANN401 - any field
        """The release of a quarter, named as Kraken does; since 2026Q2 with a manifest. ``details`` are its fields."""
        start, end = quarter_bounds(year, quarter)
        details.setdefault("manifest", start >= MANIFESTS_SINCE)
        return cls(quarterly_names(year, quarter)[0], start, end, **details)

    @classmethod
    def full(cls, year: int, quarter: int, **details: Any) -> Release:  # noqa: ANN401 - any field
        """Everything from the first trade to the end of a quarter: a split zip whose name states only that end."""
        end = quarter_bounds(year, quarter)[1]
        details.setdefault("layout", ReleaseLayout.SPLIT)
        return cls(full_name(year, quarter), 0, end, **details)

    @classmethod
    def history(cls, year: int, quarter: int, **details: Any) -> Release:  # noqa: ANN401 - any field
        """The trades of a quarter, named after it."""
        start, end = quarter_bounds(year, quarter)
        return cls(f"Kraken_Trading_History_Q{quarter}_{year}.zip", start, end, trades=True, **details)

    @property
    def coverage(self) -> dict[str, str]:
        """The first and the last day, as a manifest states them."""
        return {"start": _day(self.start).isoformat(), "end": _day(self.end - 1).isoformat()}


def series_of(pair: Pair) -> frozenset[Series]:
    """All series of a pair, for a release without any file of it."""
    return frozenset(Series(pair, interval) for interval in INTERVALS)


def known_holes(market: SimulatedMarket, releases: Sequence[Release]) -> list[str]:
    """What of the market is missing from the releases, one sentence a hole."""
    whole = TimeRanges.single(market.start, market.end)
    holes = [f"No release contains {span}." for span in whole - TimeRanges.of((r.start, r.end) for r in releases)]
    for release in releases:
        absent = [interval for interval in INTERVALS if interval not in release.intervals]
        holes += [f"{release.name} has no {short(interval)} files." for interval in absent]
        holes += [f"{release.name} never had {series.file_name}." for series in sorted(release.without)]
        holes += [f"{release.name} has lost {series.file_name}." for series in sorted(release.lost)]
        holes += [
            f"{release.name} has lost {span} of {series.file_name}."
            for series, spans in sorted(release.dropped.items())
            for span in spans
        ]
    return holes


def _day(instant: int) -> date:
    return datetime.fromtimestamp(instant, UTC).date()
