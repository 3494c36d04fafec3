"""What a request expects of each series, together with what was expected of it before."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from kraken_core.domain.exchange import Market
from kraken_core.domain.knowledge import Knowledge
from kraken_core.domain.life import Life, expected_slots, needs_listing_lookup
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.request import Request, Selection, closed
from kraken_core.domain.tiers import Tiers
from kraken_core.domain.timerange import END_OF_TIME, TimeRange, TimeRanges, floor


class Detection(NamedTuple):
    """The last detection of a series: the hull of what was expected, and as of when."""

    wanted: TimeRange
    as_of: int


_DAY_S = 86_400
NEVER = TimeRange(0, 0)  # the limit of a series of which nothing is expected


@dataclass(frozen=True, slots=True)
class Scope:
    """A request as of an instant, and the last detections: a gap keeps its extent, whichever request expected it.

    ``present`` is until when the exchange's has settled, where it was queried: anything later had a wrong clock.
    ``stored`` are the spans of candles that files brought, of which the outermost may not be covered. Of the series in
    ``limits`` nothing outside of its limit is expected, whatever a request says.
    """

    request: Request
    as_of: int
    before: Mapping[Series, Detection] = field(default_factory=dict)
    present: int = END_OF_TIME
    stored: Mapping[Series, TimeRange] = field(default_factory=dict)
    limits: Mapping[Series, TimeRange] = field(default_factory=dict)

    def pairs(self, lives: Mapping[Pair, Sequence[Life]], with_files: Collection[Pair], tiers: Tiers) -> list[Pair]:
        """The pairs that the request selects: those known to have lived, and those ``with_files``, readable or not.

        Those that it names too, whether anything is known of them or not (domain rule 16); a backfill fills the gaps
        of all that were ever expected.
        """
        before = {series.pair for series in self.before} if self.request.backfill else ()
        known = {*(pair for pair, life in lives.items() if life), *with_files, *self.request.pairs, *before}
        return sorted(pair for pair in known if self.request.holds(pair, tiers))

    def wanted(
        self, knowledge: Knowledge, pairs: Collection[Pair]
    ) -> tuple[dict[Series, TimeRanges], dict[Series, Detection]]:
        """The slots of each series of the pairs that are expected, now or before; and the detections these make.

        That is the request's window, and whatever is covered or stored outside of it with all that lies between: what
        is stored is always assessed. An incremental request adds to what was expected before only what has closed
        since; a backfill adds nothing. What was expected up to a later instant stays expected up to there: a job that
        was paused is resumed as of its own. Of a pair of which nothing is known, the whole window is expected: its life
        may have been that long.
        """
        request = self.request
        window = request.window(self.as_of)
        latest = max([self.as_of, *(min(before.as_of, self.present) for before in self.before.values())])
        everything = self._expected(knowledge, pairs, TimeRange(0, latest))
        covered = knowledge.covered()
        wanted: dict[Series, TimeRanges] = {}
        detections: dict[Series, Detection] = {}
        for series, now in self._expected(knowledge, pairs, window).items():
            before = self.before.get(series)
            if before is None and request.backfill:
                continue
            if before is not None:
                after = END_OF_TIME if request.backfill else before.wanted.end if request.incremental else 0
                now = now.clip(after, END_OF_TIME) | TimeRanges.single(*before.wanted)  # noqa: PLW2901 - widened
            now |= self._stored(series, covered, latest) & everything[series]  # noqa: PLW2901 - widened
            hull = now.hull if now else TimeRange(window.start, window.start)
            wanted[series] = everything[series].clip(*hull).clip(*self.limits.get(series, hull))
            if now:
                detections[series] = Detection(hull, self._spoken_of(before))
        return wanted, detections

    def _stored(self, series: Series, covered: Mapping[Series, TimeRanges], latest: int) -> TimeRanges:
        """What is covered of a series, or was stored by files; a backfill adds nothing to what was expected."""
        if self.request.backfill:
            return TimeRanges()
        span = self.stored.get(series)
        by_files = TimeRanges.single(*span) if span else TimeRanges()
        return (covered.get(series, TimeRanges()) | by_files).clip(0, floor(latest, series.width))

    def _spoken_of(self, before: Detection | None) -> int:
        """The instant of a series' detection."""
        if before is None:
            return self.as_of
        return before.as_of if self.request.backfill else max(min(before.as_of, self.present), self.as_of)

    def _expected(self, knowledge: Knowledge, pairs: Collection[Pair], window: TimeRange) -> dict[Series, TimeRanges]:
        intervals = self.request.intervals
        found = knowledge.wanted(pairs, intervals, window)
        unknown = (pair for pair in pairs if not knowledge.lives.get(pair))
        return found | {Series(pair, i): closed(window, i * 60) for pair in unknown for i in intervals}

    def repairable(self, wanted: Mapping[Series, TimeRanges]) -> dict[Series, TimeRanges]:
        """The expected slots that may be repaired: dates limit that too."""
        window = self.request.window(self.as_of)
        slots = {interval: closed(window, interval * 60) for interval in self.request.intervals}
        return {series: ranges & slots[series.interval] for series, ranges in wanted.items()}

    def unlisted_pairs(self, lives: Mapping[Pair, Sequence[Life]], market: Market, tiers: Tiers) -> list[Pair]:
        """The pairs of the request whose first trade has to be requested, those first of which something is stored.

        A backfill fills the gaps of what was expected before, and requests only pairs of which nothing is known.
        """
        selected = [pair for pair in market.requestable if self.request.holds(pair, tiers)]
        if self.request.backfill:
            before = {series.pair for series in self.before}
            return sorted(pair for pair in selected if pair in before and not lives.get(pair))
        start = self.request.window(self.as_of).start
        found = [pair for pair in selected if needs_listing_lookup(lives.get(pair, ()), start)]
        return sorted(found, key=lambda pair: (not lives.get(pair), pair))


def wanted_before(
    detections: Mapping[Series, Detection], lives: Mapping[Pair, Sequence[Life]], selection: Selection
) -> dict[Series, TimeRanges]:
    """What was expected of the series at their last detections, as far as the days that a selection names go.

    Every report is of this: that of a job, of the command line, of a page. A request that names no first day reads five
    years, and is still about everything that was expected.
    """
    wanted = {}
    for series, detection in detections.items():
        window = Selection.window(selection, detection.as_of)
        start, end = max(window.start, detection.wanted.start), min(window.end, detection.wanted.end)
        slots = closed(TimeRange(start, end), series.width) if start < end else TimeRanges()
        wanted[series] = expected_slots(lives.get(series.pair, ()), slots, series.width)
    return wanted


def within_limits(
    detections: Mapping[Series, Detection], limits: Mapping[Series, TimeRange]
) -> dict[Series, Detection]:
    """The detections as far as something is expected of their series."""
    found = {}
    for series, (wanted, as_of) in detections.items():
        limit = limits.get(series, wanted)
        start, end = max(wanted.start, limit.start), min(wanted.end, limit.end)
        if start < end or series not in limits:
            found[series] = Detection(TimeRange(start, end), as_of)
    return found


def days_named(selection: Selection, as_of: int, now: int) -> TimeRange:
    """The instants that a selection speaks of: to ``as_of``, and to the end of a later day that it names, once over."""
    return selection.window(as_of if selection.end_date is None else max(as_of, floor(now, _DAY_S)))


def not_assessed(
    detections: Mapping[Series, Detection], lives: Mapping[Pair, Sequence[Life]], selection: Selection, now: int
) -> dict[Series, TimeRange]:
    """The series of which slots in the days of a selection were never assessed, each with the days that were.

    A selection that names no day means what was assessed, whatever that is; one that names its last day means all days
    to that one which have ended by ``now``.
    """
    if selection.start_date is None and selection.end_date is None:
        return {}
    found = {}
    for series, detection in detections.items():
        days = closed(days_named(selection, detection.as_of, now), series.width)
        if expected_slots(lives.get(series.pair, ()), days, series.width) - TimeRanges.single(*detection.wanted):
            found[series] = detection.wanted
    return found
