"""What a user requests of a job."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from kraken_core.domain.market import INTERVALS, Pair
from kraken_core.domain.timerange import TimeRange, TimeRanges, day_start, floor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kraken_core.domain.tiers import Tiers

DEFAULT_YEARS = 5
DEFAULT_REQUESTS = 1_000
_ADDED = {
    "within_plan": True,
    "audit": False,
    "locate": False,
}  # what it is for requests of earlier versions, which do not have it


class JobKind(StrEnum):
    """What a job is: the same request may also be a retry of files that failed; verifications have hardly any."""

    INGEST = "ingest"
    UPDATE = "update"  # of what was expected before, to now
    BACKFILL = "backfill"
    RETRY = "retry"
    AUDIT = "audit"
    VERIFY = "verify"


@dataclass(frozen=True, slots=True)
class Selection:
    """Which series and days are selected; empty ``tiers`` and ``pairs`` mean everything stored.

    Days are whole UTC days and ``end_date`` is included, as on the command line.
    """

    tiers: tuple[str, ...] = ()
    pairs: tuple[Pair, ...] = ()
    quotes: tuple[str, ...] = ()
    intervals: tuple[int, ...] = INTERVALS
    start_date: date | None = None
    end_date: date | None = None

    def holds(self, pair: Pair, tiers: Tiers) -> bool:
        """Whether the pair is selected."""
        if self.quotes and pair.quote not in self.quotes:
            return False
        if self.pairs:
            return pair in self.pairs
        return not self.tiers or tiers.holds(self.tiers, pair)

    @property
    def is_whole(self) -> bool:
        """Whether everything stored is selected."""
        limits = self.tiers or self.pairs or self.quotes or self.start_date or self.end_date
        return not limits and set(self.intervals) == set(INTERVALS)

    def window(self, as_of: int) -> TimeRange:
        """The selected instants: from the start date (else the beginning) to the end date, capped by ``as_of``."""
        start = 0 if self.start_date is None else day_start(self.start_date)
        end = as_of if self.end_date is None else min(day_start(self.end_date + timedelta(days=1)), as_of)
        return TimeRange(start, max(start, end))


def closed(window: TimeRange, width: int) -> TimeRanges:
    """The slots of ``width`` seconds that open in the window and have closed by its end."""
    return TimeRanges.single(floor(window.start, width), floor(window.end, width))


@dataclass(frozen=True, slots=True)
class Request(Selection):
    """A job's request: the selection, the sources, and which routes may repair what is missing.

    ``archive_through`` is the last day archives are complete through where they state none themselves; ``as_of`` the
    present of the job (epoch seconds), where another was named. With ``api_backfill`` the exchange
    may be queried, with ``trades`` also for what its candles do not reach; ``max_requests`` bounds that, None does not.
    ``within_plan``: should more be needed than planned, the job pauses for confirmation.
    ``incremental`` expects of each series only what was expected before and what has closed since. ``backfill`` fills
    open gaps and expects nothing more: those of ``gap_ids``, or all. An ``audit`` compares what is stored with trade
    ids, and may ``locate`` where they differ.
    """

    sources: tuple[str, ...] = ()
    archive_through: date | None = None
    as_of: int | None = None
    auto_gap_fill: bool = True
    stop_on_error: bool = False
    api_backfill: bool = True
    trades: bool = True
    download: bool = False
    max_requests: int | None = DEFAULT_REQUESTS
    within_plan: bool = True
    incremental: bool = False
    backfill: bool = False
    gap_ids: tuple[int, ...] = ()
    audit: bool = False
    locate: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether everything stored is selected."""
        limits = self.tiers or self.pairs or self.quotes or self.start_date or self.end_date
        return not limits and set(self.intervals) == set(INTERVALS)

    def window(self, as_of: int) -> TimeRange:
        """As for a selection, but from five years before ``as_of`` where no start date is given.

        A backfill reaches as far back as gaps do.
        """
        if self.start_date is not None or self.backfill:
            return Selection.window(self, as_of)
        start = years_before(datetime.fromtimestamp(as_of, UTC).date(), DEFAULT_YEARS)
        return Selection.window(replace(self, start_date=start), as_of)

    def why_exchange_unused(self, outage: str = "") -> str:
        """Why something is not requested that the exchange could fill; ``outage`` says that it did not answer."""
        if not self.api_backfill:
            return "the exchange was not queried (--no-api-backfill)"
        if not self.auto_gap_fill:
            return "the exchange was not queried (--no-auto-gap-fill)"
        return outage or "not requested by this job"

    @property
    def needs_exchange(self) -> bool:
        """Whether what is missing is requested from the exchange."""
        return self.api_backfill and self.auto_gap_fill

    @property
    def kind(self) -> JobKind:
        """What a job of this request is, unless its origin says otherwise."""
        if self.audit:
            return JobKind.AUDIT
        if self.backfill:
            return JobKind.BACKFILL
        return JobKind.UPDATE if self.incremental else JobKind.INGEST

    @property
    def key(self) -> str:
        """Equal for equal requests; a job of the same key is resumed, not started again."""
        document = {n: value for n, value in _plain(self).items() if n not in _ADDED or value != _ADDED[n]}
        return json.dumps(document, sort_keys=True, separators=(",", ":"))

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values; see :meth:`from_json`."""
        return _plain(self)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Request:
        """The request that :meth:`to_json` wrote; absent fields take their defaults."""
        known = {f.name for f in fields(cls)}
        values = {name: value for name, value in document.items() if name in known}
        for name in ("tiers", "quotes", "intervals", "sources", "gap_ids"):
            if name in values:
                values[name] = tuple(values[name])
        values["pairs"] = tuple(Pair.stored(text) for text in values.get("pairs", ()))
        for name in ("start_date", "end_date", "archive_through"):
            if values.get(name):
                values[name] = date.fromisoformat(values[name])
        return cls(**values)


def _plain(request: Request) -> dict[str, Any]:
    def plain(value: object) -> object:
        match value:
            case date():
                return value.isoformat()
            case tuple():
                return [plain(item) for item in value]
            case _:
                return value

    document = {name: plain(value) for name, value in asdict(request).items() if name != "pairs"}
    return {**document, "pairs": [str(pair) for pair in request.pairs]}


def intervals_of(values: Iterable[int]) -> tuple[int, ...]:
    """Intervals in order, each once."""
    return tuple(sorted(set(values)))


def years_before(day: date, years: int) -> date:
    """The same day so many years earlier; 28 February for a leap day that the year does not have."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)
