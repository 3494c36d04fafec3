"""What counts: all but what jobs brought that were undone since, and what lost its candles."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, FromClause, exists, or_, select

from kraken_core.ledger.models import ingestion_job, job_event

UNDOING, UNDONE = "undoing", "undone"  # the kinds of the events that begin an undo, and end it
_UNDONE = select(ingestion_job.c.id).where(ingestion_job.c.undone_at.is_not(None))


def not_undone(table: FromClause) -> ColumnElement[bool]:
    """The rows of a table with a ``job_id`` whose job was not undone, or that no job brought; and that lost nothing."""
    done = or_(table.c.job_id.is_(None), table.c.job_id.not_in(_UNDONE))
    return done & table.c.lost_at.is_(None) if "lost_at" in table.c else done


def counted_at(table: FromClause, moment: datetime) -> ColumnElement[bool]:
    """The rows of a table that were not undone by then, nor had lost their candles."""
    undone = select(ingestion_job.c.id).where(ingestion_job.c.undone_at <= moment)
    done = or_(table.c.job_id.is_(None), table.c.job_id.not_in(undone))
    return done & or_(table.c.lost_at.is_(None), table.c.lost_at > moment) if "lost_at" in table.c else done


def being_undone(connection: Connection, table: str) -> int | None:
    """The job of a candle table of which an undo has begun and not ended, be it that it was interrupted."""
    begun, ended = job_event.alias(), job_event.alias()
    over = exists().where(ended.c.job_id == begun.c.job_id, ended.c.id > begun.c.id, ended.c.kind == UNDONE)
    of_table = begun.c.job_id == ingestion_job.c.id, ingestion_job.c.candle_table == table
    query = select(begun.c.job_id).where(*of_table, begun.c.kind == UNDOING, ~over).limit(1)
    job_id: int | None = connection.scalar(query)
    return job_id


def is_being_undone(job_id: int | None) -> str:
    """What is said to who has to wait for that."""
    return (
        f"job {job_id} is being undone: wait for it, or complete it where it was interrupted, with: "
        f"kraken-history undo {job_id}"
    )
