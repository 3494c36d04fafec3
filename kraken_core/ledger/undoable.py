"""Which job can be undone: one since whose first run no other stored what restoring the tables would lose."""

from __future__ import annotations

from sqlalchemy import Connection, or_, select, union_all, update

from kraken_core.domain.errors import UsageError
from kraken_core.domain.jobs import IngestionJob, JobStatus
from kraken_core.domain.table_mark import TableMark
from kraken_core.ledger.jobs import Jobs
from kraken_core.ledger.models import assertion, ingestion_job, job_event, series_detection
from kraken_core.ledger.transactions import transaction
from kraken_core.ledger.turns import CANDLES, TRADES, Claims, counting, first_claim, ran_between, stored_nothing_since
from kraken_core.ledger.undone import UNDONE, UndoMark, being_undone, is_being_undone, latest_undo, not_undone

INSTEAD = "Nothing was changed. To be rid of what was stored, restore a backup of before, or ingest into a new home."
_ENDED = (JobStatus.COMPLETED, JobStatus.CANCELLED)
_CLAIM, _JOB, _EVENT = assertion.c, ingestion_job.c, job_event.c


class Undoable(Jobs):
    """The part of the ledger that knows which jobs can be undone, and to which versions of the tables."""

    @transaction
    def record_table_version(self, job_id: int, table_version: int) -> None:
        """Remember the version of the candle table that undoing a job restores: see ports.Ledger."""
        with self._writing() as connection:
            if stored_nothing_since(connection, job_id, "table_version", CANDLES):
                connection.execute(update(ingestion_job).where(_JOB.id == job_id).values(table_version=table_version))

    @transaction
    def record_trades_version(self, job_id: int, version: int) -> None:
        """The same for the table of trades."""
        with self._writing() as connection:
            if stored_nothing_since(connection, job_id, "trades_version", TRADES):
                connection.execute(update(ingestion_job).where(_JOB.id == job_id).values(trades_version=version))

    @transaction
    def trades_version(self, job_id: int) -> int | None:
        """The version of the table of trades that undoing a job restores; None where it kept no trades."""
        with self._reading() as connection:
            if first_claim(connection, job_id, TRADES) is None:
                return None
            version: int | None = connection.scalar(select(_JOB.trades_version).where(_JOB.id == job_id))
        return version

    @transaction
    def undoable(self, job_id: int) -> IngestionJob:
        """The job, if it can be undone."""
        with self._reading() as connection:
            return self._undoable(connection, job_id)

    @transaction
    def latest_undo(self) -> UndoMark | None:
        """The latest undo that has begun of a job of this candle table; None where there was none."""
        with self._reading() as connection:
            return latest_undo(connection, self._table)

    @transaction
    def table_reached(self, job_id: int) -> TableMark:
        """How far a job brought its candle table, whichever that was; of no version where that is not known."""
        reached = select(_JOB.table_reached, _JOB.table_stamp).where(_JOB.id == job_id)
        with self._reading() as connection:
            version, stamp = connection.execute(reached).one()
        return TableMark("", version or 0, stamp or "")

    @transaction
    def claimed(self, job_id: int) -> bool:
        """Whether the job made any claim of candles, undone or not."""
        with self._reading() as connection:
            return first_claim(connection, job_id, CANDLES) is not None

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
        ended = select(_EVENT.id).where(_EVENT.job_id == job_id, _EVENT.kind == UNDONE).limit(1)
        if job.undone_at and connection.scalar(ended):  # one that was interrupted is ended by saying it again
            raise UsageError(f"job {job_id} was undone already, at {job.undone_at:%Y-%m-%d %H:%M} UTC.")
        running = self._running_job(connection)
        if running is not None:
            raise UsageError(f"job {running} is running: wait for it, or pause it with: kraken-history pause {running}")
        undoing = being_undone(connection, self._table)
        if undoing not in {None, job_id}:
            raise UsageError(is_being_undone(undoing))
        if job.status not in _ENDED:
            advice = f"cancel it first, with: kraken-history cancel {job_id}"
            raise UsageError(f"job {job_id} is {job.status.lower()} and may be resumed: {advice}")
        made = [kind for kind in (CANDLES, TRADES) if first_claim(connection, job_id, kind) is not None]
        if not made and (job.undone_at or self._only_named(connection, job)):
            return job  # what others stored since does not depend on it
        if not made:
            raise UsageError(f"job {job_id} changed nothing, so there is nothing to undo.")
        if CANDLES in made and job.table_version is None:
            raise UsageError(
                f"job {job_id} cannot be undone: what the candle table was before it is not known, as it was resumed "
                f"on another one, or ran under an earlier version of this program. {INSTEAD}"
            )
        for kind in made:
            _require_latest(connection, job_id, kind)
        if CANDLES in made and (other := ran_between(connection, job_id, CANDLES, beyond=job.table_version)):
            raise _in_turns(job_id, other)
        return job


def _require_latest(connection: Connection, job_id: int, kind: Claims) -> None:
    """Raises UsageError where another job made a claim that counts since the first one of this job."""
    first = first_claim(connection, job_id, kind)
    since = (
        select(table.c.id, table.c.job_id).where(
            table.c.id > first, or_(table.c.job_id.is_(None), table.c.job_id != job_id), not_undone(table)
        )
        for table in kind
    )
    claims = union_all(*since).subquery()
    last = connection.execute(select(claims.c.job_id).order_by(claims.c.id.desc()).limit(1)).one_or_none()
    if last is None:
        return
    later = last.job_id
    if later is None:
        raise UsageError(f"job {job_id} is not the latest that changed something: a table was taken over since.")
    begun = first_claim(connection, later, kind)
    if any(connection.scalar(counting(table, job_id).where(table.c.id > begun).limit(1)) for table in kind):
        raise _in_turns(job_id, later)
    raise UsageError(
        f"job {job_id} is not the latest that changed something: job {later} did since. Undo that "
        f"first, with: kraken-history undo {later}"
    )


def _in_turns(job_id: int, other: int) -> UsageError:
    return UsageError(
        f"job {job_id} cannot be undone without job {other}: they changed the candle table in turns, as one was "
        f"resumed after the other. {INSTEAD}"
    )
