"""The document that explains a slot: what the server answers, and assistants cite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kraken_core.domain.timerange import iso
from kraken_core.workbench.documents import gap_row

if TYPE_CHECKING:
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
        "text": found.text,
        "candle": found.candle,
        "gap": gap_row(found.gap) if found.gap else None,
        "claims": [claim_row(claim) for claim in found.claims],
    }


def claim_row(claim: Claim) -> dict[str, Any]:
    """A claim for programs."""
    return {**claim._asdict(), "start": iso(claim.start), "end": iso(claim.end)}
