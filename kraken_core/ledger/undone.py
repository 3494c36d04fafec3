"""What counts: all but what jobs brought that were undone since, and what lost its candles."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, FromClause, exists, or_, select

from kraken_core.ledger.models import ingestion_job, job_event

UNDOING, UNDONE = "undoing", "undone"  # the kinds of the events that begin an undo, and end it
_UNDONE = select(ingestion_job.c.id).where(ingestion_job.c.undone_at.is_not(None))


class UndoMark(NamedTuple):
    """The latest undo of a candle table: the event that began it, the job, and whether it is completed."""

    event: int
    job_id: int
    completed: bool


def not_undone(table: FromClause) -> ColumnElement[bool]:
    """The rows of a table with a ``job_id`` whose job was not undone, or that no job brought; and that lost nothing."""
    done = or_(table.c.job_id.is_(None), table.c.job_id.not_in(_UNDONE))
    return done & table.c.lost_at.is_(None) if "lost_at" in table.c else done


def counted_at(table: FromClause, moment: datetime) -> ColumnElement[bool]:
    """The rows of a table that were not undone by then, nor had lost their candles."""
    undone = select(ingestion_job.c.id).where(ingestion_job.c.undone_at <= moment)
    done = or_(table.c.job_id.is_(None), table.c.job_id.not_in(undone))
    return done & or_(table.c.lost_at.is_(None), table.c.lost_at > moment) if "lost_at" in table.c else done


def latest_undo(connection: Connection, table: str) -> UndoMark | None:
    """The latest undo that has begun of a job of a candle table: until it is completed, no other begins."""
    begun, ended = job_event.alias(), job_event.alias()
    over = exists().where(ended.c.job_id == begun.c.job_id, ended.c.id > begun.c.id, ended.c.kind == UNDONE)
    of_table = begun.c.job_id == ingestion_job.c.id, ingestion_job.c.candle_table == table
    query = select(begun.c.id, begun.c.job_id, over).where(*of_table, begun.c.kind == UNDOING)
    found = connection.execute(query.order_by(begun.c.id.desc()).limit(1)).one_or_none()
    return UndoMark(found[0], found[1], bool(found[2])) if found else None


def being_undone(connection: Connection, table: str) -> int | None:
    """The job of a candle table of which an undo has begun and not ended, be it that it was interrupted."""
    latest = latest_undo(connection, table)
    return latest.job_id if latest and not latest.completed else None


def is_being_undone(job_id: int | None) -> str:
    """What is said to who has to wait for that."""
    return (
        f"job {job_id} is being undone: wait for it, or complete it where it was interrupted, with: "
        f"kraken-history undo {job_id}"
    )
