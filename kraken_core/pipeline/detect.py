"""Detect: what is wanted and not covered becomes gap records; those that are covered by now are closed."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import takewhile

from kraken_core.domain.gaps import GapRecord, GapStatus, IntegratedGapDetector, Route
from kraken_core.domain.knowledge import DerivationWork, Knowledge
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.ports import Detection, Ledger


@dataclass(frozen=True, slots=True)
class Detected:
    """The open gaps of the series looked at, those that were closed, and what can be derived at once."""

    wanted: Mapping[Series, TimeRanges]
    detections: Mapping[Series, Detection]
    gaps: Sequence[GapRecord]
    filled: Sequence[GapRecord]
    work: DerivationWork


@dataclass(frozen=True, slots=True)
class GapDetection:
    """Looks for gaps in what was ever wanted of some series, and keeps the ledger's gap records in step."""

    ledger: Ledger
    as_of: int

    def run(
        self, knowledge: Knowledge, pairs: Collection[Pair], intervals: Sequence[int], window: TimeRange
    ) -> Detected:
        """Detect, and record what was found."""
        wanted, detections = self._ever_wanted(knowledge, pairs, intervals, window)
        covered = knowledge.covered()
        work = knowledge.derivation_work(wanted)
        found = IntegratedGapDetector(self.as_of).detect_gaps_for_job(wanted, covered, work.spans).gaps
        before = self.ledger.gaps(wanted.keys())
        gaps, filled = _reconciled(before, found), _filled(before, covered)
        return Detected(wanted, detections, self.ledger.record_gaps(detections, gaps, filled), filled, work)

    def begin_backfill(self, detected: Detected) -> None:
        """Mark the gaps that are about to be filled."""
        gaps = [
            gap._replace(status=GapStatus.BACKFILLING) if gap.route is not Route.NONE else gap for gap in detected.gaps
        ]
        self.ledger.record_gaps(detected.detections, gaps, [])

    def _ever_wanted(
        self, knowledge: Knowledge, pairs: Collection[Pair], intervals: Sequence[int], window: TimeRange
    ) -> tuple[dict[Series, TimeRanges], dict[Series, Detection]]:
        """What is wanted now or was in an earlier detection, so that a gap keeps its whole extent."""
        before = self.ledger.detections()
        wanted: dict[Series, TimeRanges] = {}
        detections: dict[Series, Detection] = {}
        everything = knowledge.wanted(pairs, intervals, TimeRange(0, self.as_of))
        for series, now in knowledge.wanted(pairs, intervals, window).items():
            if series in before:
                now |= TimeRanges.single(*before[series].wanted)  # noqa: PLW2901 - widened
            hull = now.hull if now else TimeRange(window.start, window.start)
            wanted[series] = everything[series].clip(*hull)
            if now:
                detections[series] = Detection(hull, self.as_of)
        return wanted, detections


def _reconciled(before: Sequence[GapRecord], found: Sequence[GapRecord]) -> list[GapRecord]:
    """The gaps found, each with the id of the first open record it overlaps, as long as no other gap took it."""
    records: dict[Series, deque[GapRecord]] = defaultdict(deque)
    for record in before:
        records[record.series].append(record)
    gaps = []
    taken: set[int | None] = set()
    for gap in found:
        ahead = records[gap.series]
        while ahead and ahead[0].end <= gap.start:  # nor does it reach any later gap
            ahead.popleft()
        overlapping = takewhile(partial(_begins_before, gap.end), ahead)
        known = next((r for r in overlapping if r.id not in taken), None)
        gaps.append(gap if known is None else gap._replace(id=known.id))
        taken.add(gaps[-1].id)
    return gaps


def _begins_before(instant: int, gap: GapRecord) -> bool:
    return gap.start < instant


def _filled(before: Sequence[GapRecord], covered: Mapping[Series, TimeRanges]) -> list[GapRecord]:
    """What is covered by now of the open records: whole records, and the covered parts of others as new ones."""
    filled = []
    for record in before:
        parts = covered.get(record.series, TimeRanges()).clip(record.start, record.end)
        for start, end in parts:
            if (start, end) == (record.start, record.end):
                filled.append(record)
            else:
                slots = (end - start) // record.series.width
                filled.append(record._replace(id=None, start=start, end=end, candles=slots, fillable=0, overflow=slots))
    return filled
