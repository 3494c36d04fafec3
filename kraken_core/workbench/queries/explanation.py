"""Why a slot is what it is: traded, without trades, missing or outside of life, and on what evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from kraken_core.domain.candles import Source
from kraken_core.domain.coverage import Assertion, standing_claims
from kraken_core.domain.errors import UsageError
from kraken_core.domain.formatting import instant
from kraken_core.domain.grades import Grade
from kraken_core.domain.interval_units import short
from kraken_core.domain.slot_states import SlotState
from kraken_core.domain.timerange import TimeRange, TimeRanges, floor, iso
from kraken_core.workbench.queries import frames
from kraken_core.workbench.queries.doubts import doubts

if TYPE_CHECKING:
    import polars as pl

    from kraken_core.domain.gaps import GapRecord
    from kraken_core.domain.market import Series
    from kraken_core.ledger.ledger import SqlLedger
    from kraken_core.ports import CandleTable
    from kraken_core.workbench.queries.slots import Slots


class Claim(NamedTuple):
    """What a source claimed of a range ``[start, end)`` (epoch seconds) that reaches into the slot, or the span.

    ``evidence`` is a file's hash, a request, or ``derived:60``; ``path``, ``member`` and ``job_id`` are of the file,
    None where it is none. ``asserted_at`` is ISO 8601. A counter-claim is ``withdrawn``; what the slot is known by is
    ``in_force``.
    """

    id: int
    start: int
    end: int
    source: str
    evidence: str
    path: str | None
    member: str | None
    job_id: int | None
    asserted_at: str
    withdrawn: bool
    in_force: bool


class SlotExplanation(NamedTuple):
    """A slot ``[start, end)`` of a series, what is known of it, and by which claims, newest first.

    ``grade`` is of a covered slot, ``candle`` of one that traded, ``gap`` the open gap that it is missing in. A missing
    slot is ``expected``, or no job ever was to assess it. ``doubts`` are what speaks against a doubtful one.
    """

    series: Series
    slot: TimeRange
    state: SlotState
    grade: str | None
    expected: bool
    candle: dict[str, Any] | None
    gap: GapRecord | None
    claims: tuple[Claim, ...]
    doubts: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """All of it in a sentence or two, with the claims cited by their ids."""
        name = f"{self.series.pair} {short(self.series.interval)} at {instant(self.slot.start)} UTC"
        match self.state:
            case SlotState.PRESENT:
                return f"{name} traded: a candle is stored. {self._evidence}"
            case SlotState.NO_TRADES:
                return f"{name} had no trades: it is covered, and there is no candle. {self._evidence}"
            case SlotState.OUTSIDE:
                return f"{name} is outside the life of {self.series.pair}: nothing is expected."
            case SlotState.MISSING:
                return f"{name} is missing: no source covers it, so nobody knows whether it traded. {self._what_next}"

    @property
    def _evidence(self) -> str:
        ids = ", ".join(str(claim.id) for claim in self.claims if claim.in_force)
        against = f" It is doubtful because of: {'; '.join(self.doubts)}." if self.doubts else ""
        return f"Evidence: {self.grade}, by {f'claim {ids}' if ids else 'no claim on record'}.{against}"

    @property
    def _what_next(self) -> str:
        if self.gap:
            return f"It is in gap {self.gap.id} (route {self.gap.route}): {self.gap.reason or 'open'}."
        if not self.expected:
            return "No job has assessed it: kraken-history ingest --start-date and --end-date set the days expected."
        return "No gap is open for it yet: the next job assesses it."


@dataclass(frozen=True, slots=True)
class Explaining:
    """Reads what is known of single slots."""

    slots: Slots
    store: CandleTable
    ledger: SqlLedger

    def explain(self, series: Series, at: int) -> SlotExplanation:
        """The slot that an instant (epoch seconds) is in. Raises UsageError for one that has not closed."""
        start = floor(at, series.width)
        slot = TimeRange(start, start + series.width)
        if start <= 0:
            raise UsageError("nothing was traded in 1970 or before: name a later time.")
        if slot.end > self.slots.now:
            raise UsageError(
                f"the {short(series.interval)} slot of {iso(slot.start)} has not closed yet: name an earlier time."
            )
        found = self.slots.states(series, slot)
        state, grade = SlotState(found["state"][0]), found["grade"][0]
        claims = claims_of(series, slot, self.ledger.evidence(series, slot))
        gap = next((gap for gap in self.ledger.gaps([series]) if gap.reaches(slot)), None)
        wanted = self.ledger.detections().get(series)
        expected = wanted is not None and wanted.wanted.start <= slot.start and slot.end <= wanted.wanted.end
        candle = self._candle(series, slot) if state is SlotState.PRESENT else None
        against = doubts(self.ledger, series, slot) if grade == Grade.DOUBTFUL else ()
        return SlotExplanation(series, slot, state, grade, expected, candle, gap, claims, against)

    def _candle(self, series: Series, slot: TimeRange) -> dict[str, Any] | None:
        found = frames.candles(self.store.candles({series: TimeRanges.single(*slot)})).drop("time")
        return found.row(0, named=True) if found.height else None


def claims_of(series: Series, span: TimeRange, found: pl.DataFrame) -> tuple[Claim, ...]:
    """The claims of an answer of ``ledger.evidence``, and which of them are in force somewhere in the span."""
    rows = list(found.iter_rows(named=True))
    in_order = [
        Assertion(series, row["start"], row["end"], Source(row["source"]), 0, row["evidence"], row["withdrawn"])
        for row in reversed(rows)
    ]
    standing = {(c.source, c.evidence) for c, ranges in standing_claims(in_order) if ranges.meets(*span)}
    return tuple(
        Claim(
            *(row["id"], row["start"], row["end"], row["source"], row["evidence"]),
            *(row["path"], row["member"], row["job_id"], iso(int(row["asserted_at"].timestamp())), row["withdrawn"]),
            in_force=not row["withdrawn"] and (row["source"], row["evidence"]) in standing,
        )
        for row in rows
    )
