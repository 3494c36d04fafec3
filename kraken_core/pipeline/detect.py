"""Detect: what is expected and not covered becomes gap records; those that are covered by now are closed."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from types import MappingProxyType
from typing import NamedTuple

from kraken_core.domain.gaps import GapRecord, GapStatus, IntegratedGapDetector, Route, named_at_once
from kraken_core.domain.gc_pause import gc_paused
from kraken_core.domain.knowledge import DerivationWork, Knowledge
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.repair_plan import RepairPlan
from kraken_core.domain.repairs import RepairPlanner, Repairs, detector_for
from kraken_core.domain.scope import Detection, Scope
from kraken_core.domain.timerange import TimeRanges
from kraken_core.ports import CoverageLedger

BEYOND_BUDGET = "not requested: the limit of requests was reached (--max-requests)"


@dataclass(frozen=True, slots=True)
class Detected:
    """The open gaps of the series looked at, those closed, what can be derived at once, what can be requested."""

    detections: Mapping[Series, Detection]
    gaps: Sequence[GapRecord]
    filled: Sequence[GapRecord]
    work: DerivationWork
    repairs: Repairs
    covered: Mapping[Series, TimeRanges]


class Attempt(NamedTuple):
    """What was requested from the exchange before a detection: the plan, what was known then, and which pairs failed.

    What was requested and is missing all the same has failed where its pair did, or where the pair's answers brought
    nothing at all; else it is requested again, by the route that reaches it now: so is what pages of candles left out,
    where sweeps go on with it.
    """

    plan: RepairPlan
    covered: Mapping[Series, TimeRanges]
    failures: Mapping[Pair, str]
    cut: bool  # the budget ended before the plan did
    problems: Mapping[Pair, str] = MappingProxyType({})  # why answers did not bring all
    away: frozenset[str] = frozenset()  # exchanges that were gone before the plan was done

    def failure(self, gap: GapRecord, covered: Mapping[Series, TimeRanges]) -> str | None:
        """Why a gap that is still open failed; None where it did not, or was not requested."""
        if not self.plan.serves(gap.series, gap.start, gap.end):
            return None
        pair = gap.series.pair
        if pair in self.failures:
            return self.failures[pair]
        nothing = TimeRanges()
        of_pair = [series for series in self.plan.served if series.pair == pair]
        brought = any(covered.get(s, nothing) != self.covered.get(s, nothing) for s in of_pair)
        if (
            brought
            or self.cut
            or pair.venue in self.away
            or any(each.pair == pair and each.left_over for each in self.plan.repairs)
        ):
            return None
        return self.problems.get(pair, "the exchange's answers do not cover it")


@dataclass(frozen=True, slots=True)
class GapRecorder:
    """Looks for gaps in what was ever expected of some series, and keeps the ledger's gap records in step.

    ``repairing`` is None where nothing is to be requested from the exchange; ``detector`` is the request's own where
    None.
    """

    ledger: CoverageLedger
    scope: Scope
    repairing: RepairPlanner | None = None
    detector: IntegratedGapDetector | None = None

    @gc_paused()
    def run(
        self, knowledge: Knowledge, pairs: Collection[Pair], attempt: Attempt | None = None, spent: int = 0
    ) -> Detected:
        """Detect, and record what was found; ``attempt`` is what was just requested, ``spent`` the requests so far.

        Before the first request, gaps that the job names wait no longer.
        """
        wanted, detections = self.scope.wanted(knowledge, pairs)
        covered = knowledge.covered()
        work = knowledge.derivation_work(wanted)
        before = self.ledger.gaps(wanted.keys())
        ids = self.scope.request.gap_ids
        before = self._after(attempt, before, covered) if attempt else named_at_once(before, ids)
        repairs = self.repairing.route_repairs(knowledge, wanted, before, spent) if self.repairing else Repairs()
        detector = self.detector or detector_for(self.scope, knowledge.lives)
        found = detector.detect_gaps_for_job(wanted, covered, work.spans, repairs.all, refuted=knowledge.refuted).gaps
        gaps = [self._unchanged(gap, record, repairs) for gap, record in _reconciled(before, found)]
        filled = _filled(before, covered)
        return Detected(detections, self.ledger.record_gaps(detections, gaps, filled), filled, work, repairs, covered)

    @property
    def now(self) -> int:
        """The exchange's present, where it was queried; else that of the request."""
        exchange_now = self.detector.reach.now if self.detector else None
        return self.scope.as_of if exchange_now is None else exchange_now

    def begin_backfill(self, detected: Detected, routes: Collection[Route]) -> None:
        """Mark the gaps that are about to be filled by these routes."""
        paid = detected.repairs.paid
        gaps = [
            gap.mark_backfilling()
            if gap.route in routes
            and (gap.route is Route.DERIVE or paid.serves(gap.series, gap.start, gap.end))
            and not gap.waits(self.now)
            else gap
            for gap in detected.gaps
        ]
        self.ledger.record_gaps(detected.detections, gaps, [])

    def _after(
        self, attempt: Attempt, before: Sequence[GapRecord], covered: Mapping[Series, TimeRanges]
    ) -> list[GapRecord]:
        """The records as they were, those that failed marked so."""
        return [
            record.mark_failed(why, self.now)
            if record.status is GapStatus.BACKFILLING and (why := attempt.failure(record, covered))
            else record
            for record in before
        ]

    def _unchanged(self, gap: GapRecord, record: GapRecord | None, repairs: Repairs) -> GapRecord:
        """A gap found, with its record's earlier attempts, and the reason where the limit of requests excludes it."""
        if record is None:
            known = gap
        elif record.waits(self.now) and gap.route is not Route.DERIVE:
            return gap._replace(
                id=record.id,
                status=GapStatus.FAILED,
                route=record.route,
                reason=record.reason,
                requests=record.requests,
                attempts=record.attempts,
                retry_at=record.retry_at,
            )
        else:
            known = gap.recorded(record)
        if (
            repairs.all.serves(gap.series, gap.start, gap.end)
            and not repairs.paid.serves(gap.series, gap.start, gap.end)
            and known.is_api_fillable
        ):
            return known._replace(reason=f"{known.reason}; {BEYOND_BUDGET}")
        return known


def _reconciled(before: Sequence[GapRecord], found: Sequence[GapRecord]) -> list[tuple[GapRecord, GapRecord | None]]:
    """The gaps found, each with the first open record it overlaps, as long as no other gap took it."""
    records: dict[Series, deque[GapRecord]] = defaultdict(deque)
    for record in before:
        records[record.series].append(record)
    gaps: list[tuple[GapRecord, GapRecord | None]] = []
    taken: set[int | None] = set()
    for gap in found:
        ahead = records[gap.series]
        while ahead and ahead[0].end <= gap.start:  # nor does it reach any later gap
            ahead.popleft()
        known = ahead[0] if ahead and ahead[0].start < gap.end else None
        if known is not None and known.id in taken:
            overlapping = takewhile(partial(_begins_before, gap.end), ahead)
            known = next((r for r in overlapping if r.id not in taken), None)
        gaps.append((gap, known))
        if known is not None:
            taken.add(known.id)
    return gaps


def _begins_before(instant: int, gap: GapRecord) -> bool:
    return gap.start < instant


def _filled(before: Sequence[GapRecord], covered: Mapping[Series, TimeRanges]) -> list[GapRecord]:
    """What is covered by now of the open records: whole records, and the covered parts of others as new ones."""
    filled = []
    nothing = TimeRanges()
    for record in before:
        known = covered.get(record.series, nothing)
        if not known.meets(record.start, record.end):  # as mostly
            continue
        for start, end in known.clip(record.start, record.end):
            if (start, end) == (record.start, record.end):
                filled.append(record)
            else:
                slots = (end - start) // record.series.width
                filled.append(record._replace(id=None, start=start, end=end, candles=slots, fillable=0, overflow=slots))
    return filled
