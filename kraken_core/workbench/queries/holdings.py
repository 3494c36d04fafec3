"""What is stored of a selection: covered ranges, gaps, completeness; all as of the last detection."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import TypeVar

from kraken_core.domain.completeness import Completeness
from kraken_core.domain.coverage import DataCoverageRange
from kraken_core.domain.errors import UsageError
from kraken_core.domain.gaps import GapRecord
from kraken_core.domain.interval_text import short
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.not_found import never_ingested, no_data
from kraken_core.domain.plural import counted
from kraken_core.domain.report import Report, SeriesReport
from kraken_core.domain.request import Selection, closed
from kraken_core.domain.scope import Detection, not_assessed, wanted_before
from kraken_core.domain.tiers import Tiers
from kraken_core.domain.timerange import END_OF_TIME, TimeRange, TimeRanges, iso
from kraken_core.pipeline.report import CompletenessReporter
from kraken_core.ports import QueriedRecords, StoredCandles
from kraken_core.workbench.queries.gates import ages_of

_NAMED = 3  # series that a note names
RangeT = TypeVar("RangeT", DataCoverageRange, GapRecord)


@dataclass(frozen=True, slots=True)
class Holdings:
    """Reads the ledger for a selection; without one, of everything stored."""

    ledger: QueriedRecords
    store: StoredCandles
    tiers: Tiers

    @property
    def as_of(self) -> int | None:
        """The instant of the last detection; None before the first."""
        return max((detection.as_of for detection in self.ledger.detections().values()), default=None)

    def coverage(self, selection: Selection) -> list[DataCoverageRange]:
        """Covered ranges that reach into the selection."""
        return self._reaching(selection, self.ledger.coverage(_named(selection)))

    def gaps(self, selection: Selection) -> list[GapRecord]:
        """Open gaps that reach into the selection."""
        return self._reaching(selection, self.ledger.gaps(_named(selection)))

    def report(self, selection: Selection) -> Report:
        """Completeness of what was expected at the last detections, as far as it is selected."""
        reporter = CompletenessReporter(self.store, self.ledger, self.tiers)
        return reporter.generate_report(self.expected(selection), self.as_of or 0)

    def full_report(self, selection: Selection) -> Report:
        """The report, with every named pair that the home does not have at 0 %, of the days assessed (rule 16)."""
        found, assessed = self.report(selection), self.ledger.detections()
        if not assessed or not (unknown := self.unknown_pairs(selection)):
            return found
        first = min(detection.wanted.start for detection in assessed.values())
        start, end = selection.window(max(detection.wanted.end for detection in assessed.values()))
        intervals = {series.interval for series in assessed}
        known = [record.pair for record in self.ledger.pairs()]
        lines = []
        for series in (Series(pair, i) for pair in unknown for i in selection.intervals if i in intervals):
            if slots := closed(TimeRange(max(start, first), max(end, first)), series.width):
                counts, reason = Completeness(wanted=slots.slots(series.width)), never_ingested(series.pair, known)
                lines.append(SeriesReport(series, self.tiers.of(series.pair.base), *slots.hull, counts, reason))
        return replace(found, series=tuple(sorted((*found.series, *lines), key=attrgetter("series"))))

    def expected(self, selection: Selection) -> dict[Series, TimeRanges]:
        """What was expected of each selected series at the last detections, as far as it is selected."""
        lives = {record.pair: record.lives for record in self.ledger.pairs()}
        return wanted_before(self._detections(selection), lives, selection)

    def not_assessed(self, selection: Selection, now: int) -> str:
        """Which of the selected days, ended by ``now``, no job ever looked at, for people; "" where none is left."""
        detections = self._detections(selection)
        lives = {record.pair: record.lives for record in self.ledger.pairs()}
        if not (found := not_assessed(detections, lives, selection, now)):
            return ""
        named = [
            f"{series.pair} {short(series.interval)} only {iso(days.start)[:10]} to {iso(days.end - 1)[:10]}"
            for series, days in sorted(found.items())[:_NAMED]
        ]
        more = ", …" if len(found) > _NAMED else ""
        return (
            f"{len(found):,} of {counted(len(detections), 'series')} not assessed on all of these days "
            f"({', '.join(named)}{more}). Set the expected days with kraken-history ingest --start-date and --end-date."
        )

    def check_known(self, selection: Selection) -> None:
        """Raises UsageError where pairs are selected that the home does not have: no gap of them proves nothing."""
        if unknown := self.unknown_pairs(selection):
            raise UsageError(no_data(unknown, [record.pair for record in self.ledger.pairs()]))

    def unknown_pairs(self, selection: Selection) -> list[Pair]:
        """The selected pairs that the home does not have."""
        known = {record.pair for record in self.ledger.pairs()} if selection.pairs else set()
        return [pair for pair in selection.pairs if pair not in known]

    @property
    def days_assessed(self) -> tuple[str, str] | None:
        """The first and the last day on which any series was assessed, as 2024-01-31; None before the first job."""
        spans = [detection.wanted for detection in self.ledger.detections().values()]
        if not spans:
            return None
        return iso(min(span.start for span in spans))[:10], iso(max(span.end for span in spans) - 1)[:10]

    def _detections(self, selection: Selection) -> dict[Series, Detection]:
        return {s: found for s, found in self.ledger.detections().items() if self._holds(selection, s)}

    def ages(self, selection: Selection, now: int) -> dict[Series, int]:
        """How long ago (seconds) the coverage of each series ends; a pair that left the exchange does not age.

        A series of which nothing is covered is as old as what was expected of it.
        """
        lives = {record.pair: record.lives for record in self.ledger.pairs()}
        living = {pair for pair, life in lives.items() if not life or life[-1].end is None}
        wanted = wanted_before(self._detections(selection), lives, selection)
        uncovered = {s: now - slots.hull.start for s, slots in wanted.items() if slots and s.pair in living}
        return uncovered | ages_of(self.coverage(selection), living, now)

    def series(self, selection: Selection) -> list[Series]:
        """The series of which anything is covered."""
        covered = dict.fromkeys(c.series for c in self.ledger.coverage(_named(selection)))
        return [series for series in covered if self._holds(selection, series)]

    def known(self, selection: Selection) -> list[Series]:
        """Every series of the pairs that are known, whether anything of it is covered or not."""
        pairs = [record.pair for record in self.ledger.pairs() if selection.holds(record.pair, self.tiers)]
        return [Series(pair, interval) for pair in pairs for interval in selection.intervals]

    def _reaching(self, selection: Selection, ranges: Iterable[RangeT]) -> list[RangeT]:
        window = selection.window(END_OF_TIME)
        return [r for r in ranges if self._holds(selection, r.series) and r.start < window.end and window.start < r.end]

    def _holds(self, selection: Selection, series: Series) -> bool:
        return series.interval in selection.intervals and selection.holds(series.pair, self.tiers)


def _named(selection: Selection) -> list[Series] | None:
    """All series that there may be of the pairs that a selection names; None where it names none."""
    return [Series(pair, i) for pair in selection.pairs for i in selection.intervals] if selection.pairs else None
