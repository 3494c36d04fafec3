"""Documents about slots and ranges: what explains one, the claims behind it, and what is not complete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kraken_core.domain.timerange import iso
from kraken_core.workbench.documents import gap_row

if TYPE_CHECKING:
    from kraken_core.domain.errors import IncompleteError
    from kraken_core.workbench.queries.explanation import Claim, SlotExplanation


def slot_document(found: SlotExplanation) -> dict[str, Any]:
    """An explanation for programs: times are ISO 8601 UTC."""
    return {
        "pair": str(found.series.pair),
        "interval": found.series.interval,
        "start": iso(found.slot.start),
        "end": iso(found.slot.end),
        "state": found.state.value,
        "grade": found.grade,
        "expected": found.expected,
        "doubts": list(found.doubts),
        "text": found.text,
        "candle": found.candle,
        "gap": gap_row(found.gap) if found.gap else None,
        "claims": [claim_row(claim) for claim in found.claims],
    }


def claim_row(claim: Claim) -> dict[str, Any]:
    """A claim for programs."""
    return {**claim._asdict(), "start": iso(claim.start), "end": iso(claim.end)}


def incomplete_rows(error: IncompleteError | None) -> list[dict[str, Any]]:
    """The ranges that are not complete, for programs; none where there is no error."""
    return [{**each._asdict(), "start": iso(each.start), "end": iso(each.end)} for each in error.gaps] if error else []
