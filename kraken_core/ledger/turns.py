"""Which jobs stored something, and which did so between two runs of another one."""

from __future__ import annotations

from typing import TypeAlias

from sqlalchemy import Connection, FromClause, Select, exists, func, literal, or_, select, true

from kraken_core.domain.jobs import JobStatus
from kraken_core.ledger.models import assertion, ingestion_job, job_event, joined_claim, kept_trades
from kraken_core.ledger.undone import not_undone

Claims: TypeAlias = "tuple[FromClause, ...]"
# Claims by the table that they are of; the ids of each kind are of one sequence.
CANDLES: Claims = (assertion, joined_claim)
TRADES: Claims = (kept_trades,)
_JOB, _EVENT = ingestion_job.c, job_event.c


def first_claim(connection: Connection, job_id: int, kind: Claims) -> int | None:
    """The first claim of a kind that a job made, undone or not."""
    made = (select(func.min(table.c.id)).where(table.c.job_id == job_id) for table in kind)
    return min((id_ for id_ in map(connection.scalar, made) if id_ is not None), default=None)


def stored_nothing_since(connection: Connection, job_id: int, column: str, kind: Claims) -> bool:
    """Whether a version is to be recorded: none is, or another job went on from it before this one claimed anything."""
    recorded = connection.scalar(select(_JOB[column]).where(_JOB.id == job_id))
    runs = select(func.count()).where(_EVENT.job_id == job_id, _EVENT.kind == JobStatus.RUNNING.lower())
    if connection.scalar(runs) == 1:  # it claimed nothing before it: to look for claims is to read all of them
        return recorded is None
    if first_claim(connection, job_id, kind) is not None:
        return False
    return recorded is None or ran_between(connection, job_id, kind) is not None


def ran_between(connection: Connection, job_id: int, kind: Claims, beyond: int | None = None) -> int | None:
    """A job with claims that count that ran between the first and the last time that this one was taken up.

    Of those that brought the candle table ``beyond`` a version only, where one is given.
    """
    began = _EVENT.kind == JobStatus.RUNNING.lower()
    first, last = (
        select(end(_EVENT.id)).where(began, _EVENT.job_id == job_id).scalar_subquery() for end in (func.min, func.max)
    )
    between = select(_EVENT.job_id).where(began, _EVENT.id > first, _EVENT.id < last)
    reached = true() if beyond is None else _JOB.table_reached > beyond
    counts = or_(*(exists(counting(table, _JOB.id)) for table in kind))
    others = select(_JOB.id).where(_JOB.id != job_id, _JOB.id.in_(between), reached, counts)
    other: int | None = connection.scalar(others.order_by(_JOB.id.desc()).limit(1))
    return other


def counting(table: FromClause, job_id: object) -> Select[int]:
    """A row for each claim of a job that counts."""
    return select(literal(1)).select_from(table).where(table.c.job_id == job_id, not_undone(table))
