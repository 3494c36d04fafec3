"""Which slots of what an export writes are missing or doubtful, whether anybody expects them or not.

An export writes whatever is stored, and reports are about what is expected: a series that was dropped or limited has
holes that no gap on record names, and so has one whose job ended before it detected any.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from kraken_core.domain.coverage import DataCoverageRange
from kraken_core.domain.grades import Grade
from kraken_core.domain.life import Life, expected_slots
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.request import closed
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.ports import KnownRecords
from kraken_core.workbench.queries.required import Required


class Shortfall(NamedTuple):
    """How many slots of what is written are not covered, and how many are covered on doubtful evidence."""

    missing: int = 0
    doubtful: int = 0


@dataclass(frozen=True, slots=True)
class WrittenSlots:
    """The slots of series from the first that is covered, or a gap, to the last: all in between is looked at."""

    lives: Mapping[Pair, Sequence[Life]]
    covered: Mapping[Series, Sequence[DataCoverageRange]]
    gaps: Mapping[Series, TimeRanges]

    @classmethod
    def of(cls, ledger: KnownRecords, series: Collection[Series]) -> WrittenSlots:
        """By what a ledger knows of the series."""
        covered, gaps = defaultdict[Series, list[DataCoverageRange]](list), defaultdict[Series, list[TimeRange]](list)
        for known in ledger.coverage(series):
            covered[known.series].append(known)
        for gap in ledger.gaps(series):
            gaps[gap.series].append(TimeRange(gap.start, gap.end))
        lives = {record.pair: record.lives for record in ledger.pairs()}
        return cls(lives, covered, {each: TimeRanges.of(ranges) for each, ranges in gaps.items()})

    def shortfall(self, parts: Iterable[tuple[Series, TimeRange]]) -> Shortfall:
        """What the parts of what is written lack: a series and a window each."""
        missing = below = 0
        for series, window in parts:
            written = self._written(series, window)
            missing += self._below(series, written).slots(series.width)
            below += self._below(series, written, Grade.CLAIMED).slots(series.width)
        return Shortfall(missing, below - missing)

    def check(self, series: Series, window: TimeRange, named: TimeRanges, required: Required, grade: Grade) -> None:
        """Raises IncompleteError where a slot within what is written of a window is not known on evidence of a grade.

        Those of the days ``named`` count, whether anything is written of them or not.
        """
        looked_at = self._written(series, window) | named
        if self._below(series, looked_at, grade):
            required.check(*series, looked_at.hull, grade)

    def _written(self, series: Series, window: TimeRange) -> TimeRanges:
        """From the first slot that is covered, or in a gap, to the last; none where nothing is."""
        covered = TimeRanges.of((known.start, known.end) for known in self.covered.get(series, ()))
        known = (covered | self.gaps.get(series, TimeRanges())).clip(*window)
        return TimeRanges.single(*known.hull) if known else known

    def _below(self, series: Series, slots: TimeRanges, grade: Grade | None = None) -> TimeRanges:
        """Those of the slots in which the pair lived and which are not covered, or not on evidence of a grade."""
        if not slots:
            return slots
        expected = expected_slots(self.lives.get(series.pair, ()), closed(slots.hull, series.width), series.width)
        good = (known for known in self.covered.get(series, ()) if grade is None or known.grade.meets(grade))
        return expected - TimeRanges.of((known.start, known.end) for known in good)
