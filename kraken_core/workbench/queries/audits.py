"""What audits found of a selection, with the sources that gave what differs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from kraken_core.domain.audit import AuditedSpan
from kraken_core.domain.audit_summary import described, findings, newest
from kraken_core.domain.request import Selection
from kraken_core.domain.tiers import Tiers
from kraken_core.domain.timerange import END_OF_TIME, TimeRange
from kraken_core.ledger.ledger import SqlLedger


class AuditFinding(NamedTuple):
    """A span in which another number of trades is stored than ids count, and the sources of what is stored."""

    span: AuditedSpan
    sources: tuple[str, ...]

    @property
    def description(self) -> str:
        """For people, in a line."""
        return f"{described(self.span)} ({', '.join(self.sources) or 'no source'})"


@dataclass(frozen=True, slots=True)
class Audits:
    """Reads what audits found. As of the last time that coverage was worked out."""

    ledger: SqlLedger
    tiers: Tiers

    def spans(self, selection: Selection) -> list[AuditedSpan]:
        """The spans that were audited, the newest first; of those that agree on all slots the newest alone."""
        window = selection.window(END_OF_TIME)
        return [
            span
            for span in newest(self.ledger.audits())
            if span.series.interval in selection.intervals
            and selection.holds(span.series.pair, self.tiers)
            and span.start < window.end
            and window.start < span.end
        ]

    def findings(self, spans: Iterable[AuditedSpan], at_most: int) -> list[AuditFinding]:
        """Those that differ, by series and time."""
        return [AuditFinding(span, self._sources(span)) for span in findings(spans)[:at_most]]

    def _sources(self, span: AuditedSpan) -> tuple[str, ...]:
        claims = self.ledger.evidence(span.series, TimeRange(span.start, span.end))
        found = claims.filter(~claims["withdrawn"]).select("source", "path", "member", "evidence").iter_rows()
        named = (f"{source} {member or path or evidence}" for source, path, member, evidence in found)
        return tuple(dict.fromkeys(named))
