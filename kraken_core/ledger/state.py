"""The ledger's state, in one short text: what readers compare to see whether they have to read again."""

from __future__ import annotations

from sqlalchemy import func, select

from kraken_core.ledger.models import (
    data_coverage_range,
    finding,
    gap_record,
    job_event,
    record_revision,
    series_detection,
    trade_audit,
)
from kraken_core.ledger.transactions import Transactions, transaction

_FIGURES = select(
    *(
        select(figure).scalar_subquery()
        for figure in (
            func.max(job_event.c.id),
            func.count(data_coverage_range.c.pair_id),
            func.sum(data_coverage_range.c.candles),
            func.count(finding.c.pair_id),
            func.sum(finding.c.start + finding.c.end),
            func.max(gap_record.c.id),
            func.max(record_revision.c.id),  # no time: two changes may be of one second
            func.count(series_detection.c.pair_id),
            func.max(series_detection.c.as_of),
            func.max(trade_audit.c.id),
        )
    )
)


class State(Transactions):
    """The part of the ledger that shows whether anything is new."""

    @transaction
    def state(self) -> str:
        """Another text once coverage, gaps or detections have changed, or a job has moved or logged an event.

        How far a running job is does not change it: that is read each time, and is cheap.
        """
        with self._reading() as connection:
            return " ".join(map(str, connection.execute(_FIGURES).one()))
