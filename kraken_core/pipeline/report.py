"""Report: how complete every series is, and what to do about the rest (domain rule 14)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING

from kraken_core.domain.completeness import Completeness
from kraken_core.domain.coverage import DataCoverageRange
from kraken_core.domain.differences import disagreements
from kraken_core.domain.gc_pause import gc_paused
from kraken_core.domain.grades import Grade
from kraken_core.domain.market import Series
from kraken_core.domain.report import Report, SeriesReport
from kraken_core.domain.tiers import Tiers
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.ports import KnownRecords, StoredCandles

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True, slots=True)
class CompletenessReporter:
    """Computes how complete the history is, from the ledger's ranges and the table's counts."""

    store: StoredCandles
    ledger: KnownRecords
    tiers: Tiers

    @gc_paused()
    def generate_report(self, wanted: Mapping[Series, TimeRanges], as_of: int) -> Report:
        """The report of the expected slots of each series (aligned, epoch seconds)."""
        stored: dict[Series, list[DataCoverageRange]] = defaultdict(list)
        for covered in self.ledger.coverage(wanted.keys()):
            stored[covered.series].append(covered)
        counts = self._counts(wanted, stored)
        gaps = [g for g in self.ledger.gaps(wanted.keys()) if wanted[g.series].meets(g.start, g.end)]
        reasons = {gap.series: gap.reason for gap in sorted(gaps, key=attrgetter("candles"))}  # the widest gap's
        lines = [
            SeriesReport(series, self.tiers.of(series.pair.base), *ranges.hull, counts[series], reasons.get(series, ""))
            for series, ranges in sorted(wanted.items())
            if ranges
        ]
        found = [d for d in self.ledger.differences(wanted.keys()) if wanted[d.series].meets(d.start, d.end)]
        return Report(as_of, tuple(lines), tuple(gaps), disagreements(found))

    def _counts(
        self, wanted: Mapping[Series, TimeRanges], stored: Mapping[Series, Sequence[DataCoverageRange]]
    ) -> dict[Series, Completeness]:
        """Ranges that lie whole in what is expected were counted when they were covered; the others are counted now."""
        graded = {series: dict.fromkeys(Grade, 0) for series in wanted}
        present = dict.fromkeys(wanted, 0)
        cut: dict[Series, list[TimeRange]] = defaultdict(list)
        for series, ranges in wanted.items():
            seconds = graded[series]
            for _, start, end, _, candles, grade in stored.get(series, ()):
                if ranges.holds(start, end):  # as of most
                    seconds[grade] += end - start
                    present[series] += candles
                elif part := ranges.clip(start, end):
                    seconds[grade] += part.seconds
                    cut[series].extend(part)
        for series, found in self.store.count({s: TimeRanges.of(parts) for s, parts in cut.items()}).items():
            present[series] += sum(found)
        return {
            series: Completeness(
                wanted=ranges.slots(series.width),
                covered=sum(graded[series].values()) // series.width,
                present=present[series],
                proved=graded[series][Grade.PROVED] // series.width,
                confirmed=graded[series][Grade.CONFIRMED] // series.width,
                doubtful=graded[series][Grade.DOUBTFUL] // series.width,
            )
            for series, ranges in wanted.items()
        }

    def display_report(self, report: Report, console: Console) -> None:
        """Print the report as tables: overall, by interval, the worst series, and what to do."""
        from kraken_core.pipeline.report_terminal import display  # noqa: PLC0415 - its library, where one is printed

        display(report, console)
