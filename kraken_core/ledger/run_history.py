"""Runs that have ended: the times of their stages, completeness at their end; and verifications."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from kraken_core.domain.completeness import Completeness
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.run_history import CompletenessPoint, StageRun, VerificationRecord
from kraken_core.domain.verification.checks import Check
from kraken_core.domain.verification.silences import Silence
from kraken_core.ledger.bulk import add_rows
from kraken_core.ledger.models import ingestion_job, interval_completeness, job_stage, verification
from kraken_core.ledger.transactions import Transactions, transaction

_COUNTS = Completeness.__match_args__


class RunHistory(Transactions):
    """The part of the ledger that keeps what came of runs, for good."""

    @transaction
    def record_stages(self, job_id: int, ended: Sequence[StageRun]) -> None:
        """Store stages of a job that have ended."""
        with self._writing() as connection:
            add_stages(connection, job_id, ended)

    @transaction
    def stages(self, job_id: int) -> list[StageRun]:
        """The stages that a job has ended, in order."""
        columns = job_stage.c
        rows = select(columns.stage, columns.started_at, columns.seconds)
        with self._reading() as connection:
            found = connection.execute(rows.where(columns.job_id == job_id).order_by(columns.id))
            return [StageRun(*row) for row in found]

    @transaction
    def record_completeness(self, job_id: int, counts: Mapping[int, Completeness]) -> None:
        """How complete everything is as a job ends, by interval."""
        at = self._clock.now()
        with self._writing() as connection:
            rows = (
                {"job_id": job_id, "at": at, "interval": interval, **{name: getattr(each, name) for name in _COUNTS}}
                for interval, each in counts.items()
            )
            add_rows(connection, interval_completeness, rows)

    @transaction
    def completeness_history(self) -> list[CompletenessPoint]:
        """How complete everything was when jobs ended, oldest first."""
        columns = interval_completeness.c
        undone = ingestion_job.c.undone_at.is_not(None)
        rows = select(undone, columns.at, columns.job_id, columns.interval, *(columns[name] for name in _COUNTS))
        with self._reading() as connection:
            found = connection.execute(rows.join_from(interval_completeness, ingestion_job).order_by(columns.id)).all()
        return [
            CompletenessPoint(at, job, interval, Completeness(*counts), bool(gone))
            for gone, at, job, interval, *counts in found
        ]

    @transaction
    def record_verification(self, found: VerificationRecord) -> None:
        """Keep what a verification found."""
        row = {
            "at": found.at,
            "selection": found.selection,
            "selection_key": found.key,
            "state": found.state,
            "checks": json.dumps(found.checks),
            "suspicious": json.dumps([[str(s.series.pair), s.series.interval, *s[1:]] for s in found.suspicious]),
        }
        with self._writing() as connection:
            connection.execute(insert(verification), row)

    @transaction
    def verifications(self) -> list[VerificationRecord]:
        """What verifications found, newest first."""
        with self._reading() as connection:
            return [_record(row) for row in connection.execute(select(verification).order_by(verification.c.id.desc()))]


def _record(row: Row[Any]) -> VerificationRecord:
    checks = tuple(
        Check(name, series, checked, failed, tuple(examples))
        for name, series, checked, failed, examples in json.loads(row.checks)
    )
    silences = (
        Silence(Series(Pair.stored(pair), interval), *span) for pair, interval, *span in json.loads(row.suspicious)
    )
    return VerificationRecord(row.at, row.selection, row.selection_key, row.state, checks, tuple(silences))


def add_stages(connection: Connection, job_id: int, ended: Iterable[StageRun]) -> None:
    """Insert stages of a job, in order."""
    add_rows(connection, job_stage, ({"job_id": job_id, **stage._asdict()} for stage in ended))
