"""Undoing a job: what it claimed and read stays on record, and counts no more."""

from __future__ import annotations

from sqlalchemy import Connection, delete, false, func, or_, select, update

from kraken_core.domain.errors import UsageError
from kraken_core.domain.jobs import IngestionJob, JobStatus
from kraken_core.domain.market import Pair
from kraken_core.ledger.jobs import Jobs
from kraken_core.ledger.joined import JoinedClaims
from kraken_core.ledger.kept_records import keeping_all
from kraken_core.ledger.models import (
    assertion,
    data_coverage_range,
    finding,
    gap_record,
    ingestion_job,
    job_event,
    joined_claim,
    pair_examination,
    pair_life,
    series_detection,
    trade_sweep,
)
from kraken_core.ledger.transactions import transaction
from kraken_core.ledger.undone import not_undone

UNDONE = "undone"  # the kind of the event that ends an undo
_ENDED = (JobStatus.COMPLETED, JobStatus.CANCELLED)
_CLAIM, _JOB = assertion.c, ingestion_job.c


class Undo(Jobs, JoinedClaims):
    """The part of the ledger that takes jobs back."""

    @transaction
    def record_table_version(self, job_id: int, table_version: int) -> None:
        """Remember the version of the candle table that a job found when it first ran."""
        first = update(ingestion_job).where(_JOB.id == job_id, _JOB.table_version.is_(None))
        with self._writing() as connection:
            connection.execute(first.values(table_version=table_version))

    @transaction
    def undoable(self, job_id: int) -> IngestionJob:
        """The job, if it can be undone."""
        with self._reading() as connection:
            return self._undoable(connection, job_id)

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

    @transaction
    def claimed(self, job_id: int) -> bool:
        """Whether the job made any claim, undone or not."""
        with self._reading() as connection:
            return _first_claim(connection, job_id) is not None

    def _only_named(self, connection: Connection, job: IngestionJob) -> set[int]:
        """The pairs that are expected only because this job named them: no source has anything of them."""
        others = (other for other in self.jobs() if other.id != job.id and not other.undone_at)
        named = set(job.request.pairs).difference(*(other.request.pairs for other in others))
        ids = {self._pair_ids[pair] for pair in named if pair in self._pair_ids}
        expected = set(
            connection.scalars(select(series_detection.c.pair_id).where(series_detection.c.pair_id.in_(ids)))
        )
        known = select(_CLAIM.pair_id).where(_CLAIM.pair_id.in_(ids), not_undone(assertion))
        return expected.difference(connection.scalars(known))

    def _undoable(self, connection: Connection, job_id: int) -> IngestionJob:
        job = self._job(connection, job_id)
        ended = select(job_event.c.id).where(job_event.c.job_id == job_id, job_event.c.kind == UNDONE).limit(1)
        if job.undone_at and connection.scalar(ended):  # one that was interrupted is ended by saying it again
            raise UsageError(f"job {job_id} was undone already, at {job.undone_at:%Y-%m-%d %H:%M} UTC.")
        running = self._running_job(connection)
        if running is not None:
            raise UsageError(f"job {running} is running: wait for it, or pause it with: kraken-history pause {running}")
        if job.status not in _ENDED:
            advice = f"cancel it first, with: kraken-history cancel {job_id}"
            raise UsageError(f"job {job_id} is {job.status.lower()} and may be resumed: {advice}")
        first = _first_claim(connection, job_id)
        if first is None and (job.undone_at or self._only_named(connection, job)):
            return job  # what others stored since does not depend on it
        if job.table_version is None or first is None:
            raise UsageError(f"job {job_id} changed nothing, so there is nothing to undo.")
        others = or_(_CLAIM.job_id.is_(None), _CLAIM.job_id != job_id)
        since = select(func.max(_CLAIM.job_id), func.count()).where(_CLAIM.id > first, others, not_undone(assertion))
        later, claims = connection.execute(since).one()
        if claims and later is None:
            raise UsageError(f"job {job_id} is not the latest that changed something: a table was taken over since.")
        if claims:
            raise UsageError(
                f"job {job_id} is not the latest that changed something: job {later} did since. Undo that "
                f"first, with: kraken-history undo {later}"
            )
        return job


def _first_claim(connection: Connection, job_id: int) -> int | None:
    """The first claim that a job made."""
    made = (select(func.min(table.c.id)).where(table.c.job_id == job_id) for table in (assertion, joined_claim))
    return min((id_ for id_ in map(connection.scalar, made) if id_ is not None), default=None)
