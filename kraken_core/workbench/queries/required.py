"""Required: what is read or exported only where it is complete, on evidence of a grade (domain rule 15)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kraken_core.domain.coverage import DataCoverageRange
from kraken_core.domain.errors import IncompleteError, UsageError
from kraken_core.domain.grades import Grade
from kraken_core.domain.incomplete import missing_ranges, weak_ranges
from kraken_core.domain.interval_text import bases, short
from kraken_core.domain.life import instants, lived
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.request import closed
from kraken_core.domain.timerange import END_OF_TIME, TimeRange, TimeRanges
from kraken_core.ports import KnownRecords

ACCEPTED = tuple(grade for grade in Grade if grade is not Grade.DOUBTFUL)


def parse_grade(evidence: str | None) -> Grade:
    """The grade by its name; *claimed* where none is asked for. Raises UsageError."""
    try:
        return next(grade for grade in ACCEPTED if grade.value == (evidence or Grade.CLAIMED))
    except StopIteration:
        raise UsageError(f"evidence is {evidence!r}; it can be {', '.join(ACCEPTED)}.") from None


@dataclass(frozen=True, slots=True)
class Required:
    """Refuses what is not complete, by the ledger's covered ranges."""

    ledger: KnownRecords
    now: int

    def check(self, pair: Pair, interval: int, window: TimeRange, grade: Grade) -> None:
        """Raises IncompleteError where a slot of the window is not known, or not on evidence as good as ``grade``.

        ``interval`` in minutes, any length. A window without an end reaches to the last detection of the pair, and to
        the last slot that is covered, as whatever is read of it does; any other to now at most. Before its listing the
        pair lacks nothing.
        """
        lives = next((record.lives for record in self.ledger.pairs() if record.pair == pair), ())
        if not lives:
            unknown = missing_ranges(
                pair, interval, closed(bounded(self.ledger, pair, window, self.now), interval * 60), []
            )
            raise IncompleteError(f"nothing is stored of {pair}: ingest it first.", list(unknown))
        width = interval * 60
        series = [Series(pair, base) for base in ((interval,) if interval in INTERVALS else bases(interval))]
        covered = [self.ledger.coverage([each]) for each in series]
        start, end = bounded(self.ledger, pair, window, self.now)
        if window.end == END_OF_TIME:  # jobs cover before they detect
            end = max([end, *(known.end for found in covered for known in found)])
        wanted = closed(TimeRange(start, end), width) & lived(lives, width)
        outside = TimeRanges.single(0, END_OF_TIME) - instants(lives)
        known, good = (
            TimeRanges.of(slots for found in covered for slots in _slots(found, g, outside, width))
            for g in (None, grade)
        )
        if missing_slots := wanted - good:
            missing, first = (missing_slots - known).slots(width), next(iter(missing_slots))
            weak = missing_slots.slots(width) - missing
            parts = [f"{missing:,} missing"] if missing else []
            parts += [f"{weak:,} {'doubtful' if grade is Grade.CLAIMED else f'not {grade}'}"] if weak else []
            series_gaps = self.ledger.gaps(series[:1]) if interval in INTERVALS else []
            gaps = [
                *missing_ranges(pair, interval, missing_slots - known, series_gaps),
                *weak_ranges(pair, interval, missing_slots & known, grade),
            ]
            raise IncompleteError(
                f"{pair} {short(interval)} is not complete: of {wanted.slots(width):,} candles expected "
                f"{' and '.join(parts)}, first in {first}. Nothing was read; kraken-history gaps and kraken-history "
                "verify show what can be done.",
                sorted(gaps),
            )


def _slots(covered: Iterable[DataCoverageRange], grade: Grade | None, outside: TimeRanges, width: int) -> TimeRanges:
    """The slots of ``width`` seconds that a series knows as a whole, on evidence of a grade where one is given."""
    good = TimeRanges.of((c.start, c.end) for c in covered if grade is None or c.grade.meets(grade))
    return (good | outside).inner(width) if good else good


def bounded(ledger: KnownRecords, pair: Pair, window: TimeRange, now: int) -> TimeRange:
    """A window up to now at most; one without an end reaches to the last detection of the pair."""
    if window.end < END_OF_TIME:
        return TimeRange(window.start, max(window.start, min(window.end, now)))
    detections = ledger.detections()
    as_of = max((found.as_of for series, found in detections.items() if series.pair == pair), default=now)
    return TimeRange(window.start, max(window.start, as_of))
