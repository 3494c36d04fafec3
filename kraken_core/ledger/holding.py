"""A worker's lease of its job, checked in every transaction in which the worker writes.

A worker that was taken for lost may run on for a while: nothing it reports then is recorded. With what the others
report, it is recorded how far they brought the candle table, so that no claim outlives its candles unnoticed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, insert, update

from kraken_core.domain.errors import IllegalMoveError
from kraken_core.domain.jobs import IngestionJob, JobStatus
from kraken_core.domain.table_mark import TableMark
from kraken_core.ledger.models import ingestion_job, table_mark

_JOB = ingestion_job.c
_OF_WORKER = update(ingestion_job).where(
    _JOB.id == bindparam("job"), _JOB.status == JobStatus.RUNNING, _JOB.worker == bindparam("by")
)
_OF_TABLE = update(table_mark).where(table_mark.c.candle_table == bindparam("named"))


@dataclass(frozen=True, slots=True)
class LeaseHolder:
    """The worker that runs a job, and the state of its candle table (see CandleTable.mark)."""

    job: IngestionJob
    mark: Callable[[], TableMark]

    def require(self, connection: Connection, table: str, mark: TableMark | None, now: datetime) -> None:
        """Record how far the table is, if that is given.

        Raises IllegalMoveError where the job is not this worker's any more.
        """
        mark = mark if mark and mark.identity else None
        reached = {"table_reached": mark.version, "table_stamp": mark.stamp} if mark else {"updated_at": now}
        if not connection.execute(_OF_WORKER, {"job": self.job.id, "by": self.job.worker, **reached}).rowcount:
            raise not_this_workers(self.job.id)
        if mark:
            store_mark(connection, table, mark, now)


def not_this_workers(job_id: int) -> IllegalMoveError:
    """The error of a worker that lost its job."""
    return IllegalMoveError(
        f"job {job_id} no longer belongs to this worker: another process has taken it over or ended it, or this worker "
        f"was considered lost. What was committed is kept; see: kraken-history jobs {job_id}"
    )


def store_mark(connection: Connection, table: str, mark: TableMark, now: datetime) -> None:
    """Remember a candle table as it is now, in place of what was known of it; that there is none, too."""
    if not mark.identity:
        connection.execute(delete(table_mark).where(table_mark.c.candle_table == table))
        return
    values = {**mark._asdict(), "recorded_at": now}
    if not connection.execute(_OF_TABLE, {"named": table, **values}).rowcount:
        connection.execute(insert(table_mark), {"candle_table": table, **values})
