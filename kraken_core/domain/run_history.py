"""What is kept of runs once they have ended: the times of their stages, completeness at their end, verifications."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    from kraken_core.domain.completeness import Completeness
    from kraken_core.domain.verification.checks import Check
    from kraken_core.domain.verification.silences import Silence


class StageRun(NamedTuple):
    """One run of a stage of a job, from its start (UTC) on; a stage may run in several rounds."""

    stage: str
    started_at: datetime
    seconds: float


class CompletenessPoint(NamedTuple):
    """How complete all series of an interval (minutes) were together, when a job had ended; ``at`` in epoch seconds.

    Once that job is ``undone``, it is no longer what was known then.
    """

    at: int
    job_id: int
    interval: int
    counts: Completeness
    undone: bool = False


@dataclass(frozen=True, slots=True)
class VerificationRecord:
    """What a verification found, and when (epoch seconds).

    ``selection`` is what was verified, in words, and ``key`` for comparison; ``state`` is the home's change token then.
    ``suspicious`` are the silences of which that check gives examples, the least likely first, a limited number.
    """

    at: int
    selection: str
    key: str
    state: str
    checks: tuple[Check, ...]
    suspicious: tuple[Silence, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return not any(check.failed for check in self.checks)
