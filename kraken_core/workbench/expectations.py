"""What is expected of every series, as jobs requested it, and how that is limited and lifted again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from kraken_core.domain.errors import JobRunningError, UsageError
from kraken_core.domain.jobs import JobStatus
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.request import Selection
from kraken_core.domain.scope import NEVER
from kraken_core.domain.timerange import END_OF_TIME, TimeRange
from kraken_core.pipeline.cover import CoverageTracker
from kraken_core.pipeline.detect_anew import detect_anew
from kraken_core.workbench.home import OpenHome


class Expectation(NamedTuple):
    """What is expected of a series, epoch seconds: what jobs requested (None: nothing yet) within a limit, if any."""

    series: Series
    requested: TimeRange | None
    limit: TimeRange | None

    @property
    def expected(self) -> TimeRange | None:
        """What is expected of it; None where nothing is."""
        if self.requested is None or self.limit is None:
            return self.requested
        start, end = max(self.requested.start, self.limit.start), min(self.requested.end, self.limit.end)
        return TimeRange(start, end) if start < end else None


class Expectations(NamedTuple):
    """The expectations of a home. Changing them changes no candle and no claim."""

    home: OpenHome

    def rows(self, selection: Selection) -> list[Expectation]:
        """What is expected of every series that a job requested, or that is limited, by pair and interval."""
        ledger = self.home.ledger
        requested, limits = ledger.detections(limited=False), ledger.limits()
        return [
            Expectation(series, found.wanted if (found := requested.get(series)) else None, limits.get(series))
            for series in sorted({*requested, *limits})
            if series.interval in selection.intervals and selection.holds(series.pair, self.home.tiers)
        ]

    def drop(self, selection: Selection) -> int:
        """Expect nothing of the selected series any more; returns how many there are.

        Raises UsageError where no series is selected, JobRunningError while a job runs.
        """
        return self._set(dict.fromkeys(self._selected(selection), NEVER))

    def limit(self, selection: Selection) -> int:
        """Expect the selected series on the selected days only; returns how many there are. Raises as :meth:`drop`."""
        if selection.start_date is None and selection.end_date is None:
            raise UsageError("name the days on which they are expected: --start-date, --end-date, or both.")
        return self._set(dict.fromkeys(self._selected(selection), selection.window(END_OF_TIME)))

    def restore(self, selection: Selection) -> int:
        """Expect again whatever jobs requested of the selected series; returns how many of them were limited."""
        limited = self.home.ledger.limits().keys() & set(self._selected(selection))
        return self._set(dict.fromkeys(sorted(limited)))

    def _selected(self, selection: Selection) -> Collection[Series]:
        """The series of the pairs that are named, or known."""
        if not selection.pairs and not selection.tiers:
            raise UsageError("name the series: --pairs BTC/CAD or --tier TIER1, and --intervals 1m.")
        named = (Series(pair, interval) for pair in selection.pairs for interval in selection.intervals)
        found = dict.fromkeys([*self.home.holdings.known(selection), *named])
        if not found:
            raise UsageError("no pair is known that is selected: kraken-history pairs lists them.")
        return found

    def _set(self, limits: Mapping[Series, TimeRange | None]) -> int:
        if running := self.home.ledger.jobs([JobStatus.RUNNING]):
            raise JobRunningError(f"job {running[0].id} is running: change what is expected once it has ended.")
        if limits:
            self.home.create_home()
            self.home.ledger.set_limits(limits)
            self._detect(sorted({series.pair for series in limits}))
        return len(limits)

    def _detect(self, pairs: Collection[Pair]) -> None:
        """Bring the gaps of the pairs in step, as of the last detection."""
        ledger = self.home.ledger
        detections = ledger.detections(limited=False)
        if not detections:
            return
        as_of = max(found.as_of for found in detections.values())
        tracker = CoverageTracker(self.home.store, ledger, self.home.tiers, self.home.clock.now())
        knowledge = tracker.update_coverage_after_ingestion(pairs)
        latest = next(iter(ledger.jobs()), None)
        detect_anew(ledger, self.home.store, knowledge, pairs, as_of=as_of, request=latest.request if latest else None)
