"""Candle tables as jobs left them, and ledgers of workers that record how far they bring theirs."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Self

from sqlalchemy import select

from kraken_core.domain.jobs import IngestionJob
from kraken_core.domain.table_mark import TableMark
from kraken_core.ledger.holding import LeaseHolder, store_mark
from kraken_core.ledger.models import data_coverage_range, table_mark
from kraken_core.ledger.transactions import Transactions, transaction

_MARK = table_mark.c
_ELSEWHERE = select(_MARK.identity).limit(1)
_COUNTED = select(data_coverage_range.c.candles).where(data_coverage_range.c.candles > 0).limit(1)


class Marks(Transactions):
    """The part of the ledger with its candle table."""

    @transaction
    def known_table(self) -> TableMark | None:
        """The candle table as the last job left it, by the ledger's name of it; None where no job did.

        One of no identity where jobs left one of another name, and candles are counted: some table has to be there.
        """
        known = select(_MARK.identity, _MARK.version, _MARK.stamp).where(_MARK.candle_table == self._table)
        with self._reading() as connection:
            row = connection.execute(known).one_or_none()
            if row is None and connection.scalar(_ELSEWHERE) is not None and connection.scalar(_COUNTED) is not None:
                return TableMark()
        return TableMark(*row) if row else None

    @transaction
    def record_table(self, mark: TableMark) -> None:
        """Take the candle table as it is now for the known one."""
        with self._writing() as connection:
            store_mark(connection, self._table, mark, self._now())

    @transaction
    def for_worker(self, job: IngestionJob, mark: Callable[[], TableMark]) -> Self:
        """This ledger for the worker that runs a job: see ports.Ledger."""
        holder = copy(self)
        holder._holder = LeaseHolder(job, mark)  # noqa: SLF001 - our own copy
        return holder
