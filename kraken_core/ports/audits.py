"""What came of holding counts of trades against trade ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from kraken_core.domain.audit import AuditedSpan
    from kraken_core.domain.market import Pair


class AuditLedger(Protocol):
    """Spans that were compared with trade ids. Every method is one transaction."""

    def record_audits(self, job_id: int, spans: Sequence[AuditedSpan]) -> None:
        """Append what a job found."""
        ...

    def audits(self, pairs: Collection[Pair] | None = None) -> list[AuditedSpan]:
        """What was found of the pairs, or of all, the newest first; without that of jobs undone since."""
        ...

    def judge_audits(self, spans: Sequence[AuditedSpan]) -> None:
        """Replace what is thought of spans that were recorded: all but their ids, their span and their time."""
        ...
