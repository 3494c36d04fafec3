"""What counts: all but what jobs brought that were undone since, and what lost its candles."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, FromClause, or_, select

from kraken_core.ledger.models import ingestion_job

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
