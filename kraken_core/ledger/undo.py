"""Undoing a job: what it claimed and read stays on record, and counts no more."""

from __future__ import annotations

from sqlalchemy import delete, false, select, update

from kraken_core.domain.market import Pair
from kraken_core.ledger.joined import JoinedClaims
from kraken_core.ledger.kept_records import keeping_all
from kraken_core.ledger.models import (
    assertion,
    data_coverage_range,
    finding,
    gap_record,
    ingestion_job,
    joined_claim,
    pair_examination,
    pair_life,
    series_detection,
    trade_sweep,
)
from kraken_core.ledger.transactions import transaction
from kraken_core.ledger.undoable import Undoable
from kraken_core.ledger.undone import not_undone

_CLAIM, _JOB = assertion.c, ingestion_job.c


class Undo(Undoable, JoinedClaims):
    """The part of the ledger that takes jobs back."""

    @transaction
    def undo(self, job_id: int) -> list[Pair]:
        """Have nothing that the job claimed or read count any more; returns those of its pairs that are still known.

        What followed from its claims is forgotten, and has to be computed again.
        """
        with self._writing() as connection:
            self._take_apart(connection, joined_claim.c.job_id == job_id, false())
            job = self._undoable(connection, job_id)
            connection.execute(update(ingestion_job).where(_JOB.id == job_id).values(undone_at=self._now()))
            changed = set(connection.scalars(select(_CLAIM.pair_id).where(_CLAIM.job_id == job_id)))
            changed |= self._only_named(connection, job)
            left = set(
                connection.scalars(select(_CLAIM.pair_id).where(_CLAIM.pair_id.in_(changed), not_undone(assertion)))
            )
            assumed = pair_life.c.pair_id.in_(left) & pair_life.c.assumed  # of candles that may be gone
            with keeping_all(connection, changed, self._clock.now()):
                for table in (data_coverage_range, trade_sweep, finding, pair_examination):
                    connection.execute(delete(table).where(table.c.pair_id.in_(changed)))
                for table in (gap_record, series_detection, pair_life):
                    connection.execute(delete(table).where(table.c.pair_id.in_(changed - left)))
                connection.execute(delete(pair_life).where(assumed))
            return sorted(self._pairs[pair_id] for pair_id in left)
