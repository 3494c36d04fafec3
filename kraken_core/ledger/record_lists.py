"""Lists for pages: the first of many records, counted by the database, which reads no more than is shown."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select, true

from kraken_core.domain.gaps import GapRecord, GapStatus
from kraken_core.domain.jobs import FileIngestionRecord, FileStatus
from kraken_core.domain.market import Series
from kraken_core.domain.record_list import RecordList
from kraken_core.ledger.bulk import read_many
from kraken_core.ledger.files import Files
from kraken_core.ledger.gaps import Gaps
from kraken_core.ledger.models import file_ingestion_record, gap_record
from kraken_core.ledger.transactions import transaction

_FILE, _GAP = file_ingestion_record.c, gap_record.c


class RecordLists(Files, Gaps):
    """The part of the ledger that lists some records of many."""

    @transaction
    def files_of_job(self, job_id: int, most: int, status: FileStatus | None = None) -> RecordList[FileIngestionRecord]:
        """The first of a job's files, in the order of its plan; of one status, or of all."""
        where = (_FILE.job_id == job_id) & (true() if status is None else _FILE.status == status)
        first = self._files(where, most)
        with self._reading() as connection:
            return RecordList(first, *_counts(connection, where, _FILE.status, _FILE.error))

    @transaction
    def files_of_series(self, series: Series, most: int) -> RecordList[FileIngestionRecord]:
        """The first of the files of a series in all jobs, newest first."""
        with self._reading() as connection:
            where = self._of(file_ingestion_record, [series])
            by_status, reasons = _counts(connection, where, _FILE.status, _FILE.error)
        return RecordList(self._files(where, most, _FILE.id.desc()), by_status, reasons)

    @transaction
    def gaps_of_job(self, job_id: int, most: int) -> RecordList[GapRecord]:
        """The gaps that a job was the last to change: by status, the largest first. No reasons of filled ones."""
        where = _GAP.job_id == job_id
        order = (_GAP.status, _GAP.candles.desc(), _GAP.id)
        with self._reading() as connection:
            first = self._gaps(connection, where, order, most)
            by_status, _ = _counts(connection, where, _GAP.status, _GAP.reason)
            _, reasons = _counts(connection, where & (_GAP.status != GapStatus.FILLED), _GAP.status, _GAP.reason)
            return RecordList(first, by_status, reasons)


def _counts(
    connection: Connection, where: ColumnElement[bool], status: ColumnElement[Any], reason: ColumnElement[Any]
) -> tuple[dict[str, int], dict[str, int]]:
    """How many records have each status, and each reason; the most frequent first."""
    many = func.count()
    by_status = select(status, many).where(where).group_by(status).order_by(many.desc(), status)
    reasons = select(reason, many).where(where & (func.coalesce(reason, "") != "")).group_by(reason)
    return (
        dict(tuple(row) for row in read_many(connection, by_status)),
        dict(tuple(row) for row in read_many(connection, reasons.order_by(many.desc(), reason))),
    )
