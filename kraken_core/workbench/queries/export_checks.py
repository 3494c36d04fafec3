"""What an export is about to write: of which series, and whether it may, where it has to be complete."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kraken_core.domain.grades import Grade
from kraken_core.domain.market import Series
from kraken_core.domain.request import Selection
from kraken_core.domain.scope import days_named
from kraken_core.domain.timerange import END_OF_TIME, TimeRange, TimeRanges
from kraken_core.workbench.queries.gates import check_complete, check_stored
from kraken_core.workbench.queries.holdings import Holdings
from kraken_core.workbench.queries.known_at import KnownState
from kraken_core.workbench.queries.renames import RenamedReading
from kraken_core.workbench.queries.required import Required
from kraken_core.workbench.queries.written import Shortfall, WrittenSlots

_Part = tuple[Series, TimeRange]  # what is written of a series under one of its names


@dataclass(frozen=True, slots=True)
class ToExport:
    """The series that are written of a selection, and what of each; ``by_all_names`` where they follow renames."""

    selection: Selection
    parts: Mapping[Series, Sequence[_Part]]
    written: WrittenSlots
    by_all_names: RenamedReading | None

    @classmethod
    def of(
        cls, known: KnownState, holdings: Holdings, selection: Selection, by_all_names: RenamedReading | None
    ) -> ToExport:
        """By what is stored of the selection."""
        series, window = holdings.series(selection), selection.window(END_OF_TIME)
        if by_all_names:
            series = by_all_names.series(selection, series)
        parts = {each: by_all_names.parts(each, window) if by_all_names else [(each, window)] for each in series}
        written = WrittenSlots.of(known.ledger, {part for of in parts.values() for part, _ in of})
        return cls(selection, parts, written, by_all_names)

    def check(self, known: KnownState, holdings: Holdings, grade: Grade) -> None:
        """Raises IncompleteError where anything is missing, doubtful, or known on evidence not as good as ``grade``."""
        report, required = holdings.report(self.selection), Required(known.ledger, known.now)
        days, named, more = days_named(self.selection, report.as_of, known.now), TimeRanges(), list[_Part]()
        if self.by_all_names:
            for series in self.parts:
                self.by_all_names.check(*series, days, required, grade)
        else:
            coverage = holdings.coverage(self.selection)
            check_stored({covered.series.pair for covered in coverage}, self.selection.pairs)
            check_complete(report, grade=grade, coverage=coverage)
            # Days that are named may be before, or behind, whatever was ever expected.
            first = days.start if self.selection.start_date else min(report.as_of, days.end)
            if first < days.end:
                named = TimeRanges.single(first, days.end)
                window = self.selection.window(END_OF_TIME)
                more = [(line.series, window) for line in report.series if line.series not in self.parts]
        for part in (*self._all_parts(), *more):
            self.written.check(*part, named, required, grade)

    def shortfalls(self) -> dict[Series, Shortfall]:
        """What is missing or doubtful of each series, within what is written."""
        return {series: self.written.shortfall(parts) for series, parts in self.parts.items()}

    def _all_parts(self) -> Iterator[_Part]:
        return (part for parts in self.parts.values() for part in parts)
