"""Audits: spans of series that were compared with trade ids, and the results."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import bindparam, select, update

from kraken_core.domain.audit import AuditedSpan, AuditVerdict
from kraken_core.domain.market import Pair
from kraken_core.ledger.bulk import add_many, read_many
from kraken_core.ledger.models import trade_audit
from kraken_core.ledger.transactions import Transactions, transaction
from kraken_core.ledger.undone import not_undone

_FACTS = ("start", "end", "first_id", "next_id")
_JUDGED = ("phantoms", "stored", "verdict", "reason", "basis", "candles")
_VERDICTS = {verdict.value: verdict for verdict in AuditVerdict}
_AUDIT = trade_audit.c
_READ = select(
    _AUDIT.pair_id,
    _AUDIT.interval,
    *(_AUDIT[name] for name in (*_FACTS, *_JUDGED, "audited_at", "job_id", "id")),
).order_by(_AUDIT.id.desc())


class AuditRecords(Transactions):
    """The part of the ledger that keeps audits."""

    @transaction
    def record_audits(self, job_id: int, spans: Sequence[AuditedSpan]) -> None:
        """Append what a job found."""
        with self._writing({span.series.pair for span in spans}) as connection:
            rows = (
                (self._pair_ids[span.series.pair], span.series.interval, *(_plain(span, name) for name in _COLUMNS))
                for span in spans
            )
            add_many(connection, trade_audit, ("pair_id", "interval", *_COLUMNS), rows, job_id=job_id)

    @transaction
    def audits(self, pairs: Collection[Pair] | None = None) -> list[AuditedSpan]:
        """What was found of the pairs, or of all, the newest first; without that of jobs undone since."""
        with self._reading() as connection:
            found = read_many(connection, _READ.where(self._of_pairs(trade_audit, pairs), not_undone(trade_audit)))
            series = self._series
            return [
                AuditedSpan._make((series[pair_id, interval], *counts, _VERDICTS[verdict], *rest))
                for pair_id, interval, *counts, verdict, reason, basis, candles, at, job_id, id_ in found
                for rest in [(reason, basis, candles, at, job_id, id_)]
            ]

    @transaction
    def judge_audits(self, spans: Sequence[AuditedSpan]) -> None:
        """Replace what is thought of spans that were recorded: all but their ids, their span and their time."""
        judged = update(trade_audit).where(_AUDIT.id == bindparam("of")).values({n: bindparam(n) for n in _JUDGED})
        with self._writing() as connection:
            if spans:
                connection.execute(judged, [{"of": s.id, **{n: _plain(s, n) for n in _JUDGED}} for s in spans])


_COLUMNS = (*_FACTS, *_JUDGED, "audited_at")


def _plain(span: AuditedSpan, name: str) -> object:
    value = getattr(span, name)
    return value.value if isinstance(value, AuditVerdict) else value
