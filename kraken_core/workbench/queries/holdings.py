"""What is held of a selection: covered ranges, gaps, completeness; all as of the last detection."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from kraken_core.domain.coverage import DataCoverageRange
from kraken_core.domain.gaps import GapRecord
from kraken_core.domain.market import Series
from kraken_core.domain.report import Report
from kraken_core.domain.request import Selection
from kraken_core.domain.scope import Detection, wanted_before
from kraken_core.domain.tiers import Tiers
from kraken_core.domain.timerange import END_OF_TIME
from kraken_core.pipeline.report import CompletenessReporter
from kraken_core.ports import CandleStore, Ledger
from kraken_core.workbench.queries.gates import ages_of

RangeT = TypeVar("RangeT", DataCoverageRange, GapRecord)


@dataclass(frozen=True, slots=True)
class Holdings:
    """Reads the ledger for a selection; without one it speaks of everything held."""

    ledger: Ledger
    store: CandleStore
    tiers: Tiers

    @property
    def as_of(self) -> int | None:
        """The instant of the last detection; None before the first."""
        return max((detection.as_of for detection in self.ledger.detections().values()), default=None)

    def coverage(self, selection: Selection) -> list[DataCoverageRange]:
        """Covered ranges that reach into the selection."""
        return self._reaching(selection, self.ledger.coverage())

    def gaps(self, selection: Selection) -> list[GapRecord]:
        """Open gaps that reach into the selection."""
        return self._reaching(selection, self.ledger.gaps())

    def report(self, selection: Selection) -> Report:
        """Completeness of what was wanted at the last detections, as far as it is selected."""
        lives = {record.pair: record.lives for record in self.ledger.pairs()}
        wanted = wanted_before(self._detections(selection), lives, selection)
        return CompletenessReporter(self.store, self.ledger, self.tiers).generate_report(wanted, self.as_of or 0)

    def _detections(self, selection: Selection) -> dict[Series, Detection]:
        return {s: found for s, found in self.ledger.detections().items() if self._holds(selection, s)}

    def ages(self, selection: Selection, now: int) -> dict[Series, int]:
        """How long ago (seconds) the coverage of each series ends; a pair that left the exchange does not age.

        A series of which nothing is covered is as old as what was wanted of it.
        """
        lives = {record.pair: record.lives for record in self.ledger.pairs()}
        living = {pair for pair, life in lives.items() if not life or life[-1].end is None}
        wanted = wanted_before(self._detections(selection), lives, selection)
        uncovered = {s: now - slots.hull.start for s, slots in wanted.items() if slots and s.pair in living}
        return uncovered | ages_of(self.coverage(selection), living, now)

    def series(self, selection: Selection) -> list[Series]:
        """The series of which anything is covered."""
        covered = dict.fromkeys(c.series for c in self.ledger.coverage())
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
