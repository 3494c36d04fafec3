"""Undoing a job: what it claimed and read stays on record, and counts no more."""

from __future__ import annotations

from sqlalchemy import Connection, delete, false, select, update

from kraken_core.domain.jobs import FileStatus
from kraken_core.domain.market import Pair
from kraken_core.ledger.bulk import chunks, read_many
from kraken_core.ledger.joined import JoinedClaims
from kraken_core.ledger.kept_records import keeping_all
from kraken_core.ledger.models import (
    assertion,
    data_coverage_range,
    file_ingestion_record,
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
from kraken_core.ledger.undone import UNDOING, not_undone

_CLAIM, _JOB, _FILE = assertion.c, ingestion_job.c, file_ingestion_record.c


class Undo(Undoable, JoinedClaims):
    """The part of the ledger that takes jobs back."""

    @transaction
    def undo(self, job_id: int) -> list[Pair]:
        """Have nothing that the job claimed or read count any more; returns those of its pairs that are still known.

        What followed from its claims is forgotten, and has to be computed again. Until the event UNDONE no job can
        begin: it would take candles for stored that are about to go.
        """
        with self._writing() as connection:
            self._take_apart(connection, joined_claim.c.job_id == job_id, false())
            job = self._undoable(connection, job_id)
            undone = {"undone_at": self._now(), "candle_table": self._table}  # where that is now
            connection.execute(update(ingestion_job).where(_JOB.id == job_id).values(undone))
            self._add_event(connection, job_id, UNDOING, "no job can begin until that is completed")
            self._forget_copies(connection, job_id)
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

    def _forget_copies(self, connection: Connection, job_id: int) -> None:
        """Have no file count that others read of what this undone job had stored: its candles are gone.

        One that was skipped as its bytes were stored, or that is claimed by nobody any more, is read again.
        """
        columns = (_FILE.pair_id, _FILE.interval, _FILE.content_hash)
        of_job = _FILE.job_id == job_id, _FILE.status.in_((FileStatus.COMPLETED, FileStatus.SKIPPED))
        contents = {tuple(row) for row in read_many(connection, select(*columns).where(*of_job))}
        ids: list[int] = []
        for some in chunks(sorted({content for _, _, content in contents})):
            same = _FILE.content_hash.in_(some), not_undone(file_ingestion_record)
            claims = select(_CLAIM.pair_id, _CLAIM.interval, _CLAIM.evidence).where(_CLAIM.evidence.in_(some))
            claimed = {tuple(row) for row in read_many(connection, claims.where(not_undone(assertion)))}
            for id_, status, *found in read_many(connection, select(_FILE.id, _FILE.status, *columns).where(*same)):
                if tuple(found) in contents and (status == FileStatus.SKIPPED or tuple(found) not in claimed):
                    ids.append(id_)
        for some in chunks(ids):
            connection.execute(update(file_ingestion_record).where(_FILE.id.in_(some)).values(lost_at=self._now()))
