"""Revisions: what commits to the candle table replaced, kept for good."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

import polars as pl
from sqlalchemy import ColumnElement, Connection, func, insert, select

from kraken_core.domain.errors import UsageError
from kraken_core.domain.market import INTERVALS, Series
from kraken_core.domain.revisions import ALL_VISIBLE, Replacement
from kraken_core.domain.table_mark import TableMark
from kraken_core.ledger.kept_records import kept_since
from kraken_core.ledger.models import candle_revision
from kraken_core.ledger.packing import (
    pack_candles,
    pack_ranges,
    pack_sources,
    unpack_candles,
    unpack_ranges,
    unpack_sources,
)
from kraken_core.ledger.transactions import Transactions, transaction

_ROW = candle_revision.c


class Kept(NamedTuple):
    """What a commit replaced, of some series: when, and by which job, if by one."""

    at: int
    job_id: int | None
    replaced: Replacement


class Revisions(Transactions):
    """The part of the ledger that keeps what commits replace."""

    @transaction
    def keep_replaced(self, table: TableMark, replaced: Iterable[Replacement]) -> None:
        """Keep what a commit is about to replace in a candle table: see ports.KeepReplaced."""
        found = [part for part in replaced if part.series]
        pairs = {series.pair for part in found for series in part.series}
        with self._writing(pairs, committing=True) as connection:
            at, job_id = self._clock.now(), self._running_job(connection)
            if table.version:
                self._adopt(connection, table, at)
            rows = [
                {
                    "candle_table": table.identity,
                    "at": at,
                    "job_id": job_id,
                    "ranges": pack_ranges(part.ranges, self._pair_ids),
                    "sources": pack_sources(part.sources, self._pair_ids) if part.sources else None,
                    "candles": part.before.height,
                    "before": pack_candles(part.before, self._pair_ids) if part.before.height else None,
                }
                for part in found
            ]
            if rows:
                connection.execute(insert(candle_revision), rows)

    @transaction
    def adopt_table(self, table: TableMark) -> None:
        """Know how a candle table is from now on, where nothing was ever kept of it: somebody else filled it."""
        with self._writing() as connection:
            self._adopt(connection, table, self._clock.now())

    @transaction
    def known_since(self, table: TableMark) -> int | None:
        """From when on it is known what was known, epoch seconds; None where that is from the beginning.

        Raises UsageError where that is from a later moment on.
        """
        candles = select(func.max(_ROW.at)).where(_of(table), _ROW.ranges.is_(None))
        with self._reading() as connection:
            if table.version and not self._keeps(connection, table):
                raise UsageError(
                    "of this candle table, nothing was kept of what was known before: it is kept from the next job on."
                )
            found = [connection.scalar(candles), kept_since(connection)]
        return max((at for at in found if at is not None), default=None)

    @transaction
    def replaced_since(
        self, table: TableMark, instant: int, series: Collection[Series] | None = None
    ) -> list[Replacement]:
        """What commits later than an instant replaced of some series, oldest first; of all where none are given."""
        with self._reading() as connection:
            first = connection.scalar(select(func.min(_ROW.id)).where(_of(table), _ROW.at > instant))
            if first is None:
                return []
            return [kept.replaced for kept in self._kept(connection, _of(table) & (_ROW.id >= first), series)]

    @transaction
    def revisions(self, table: TableMark, series: Series) -> list[Kept]:
        """All that commits ever replaced of a series, oldest first: candles, and ranges that had none."""
        with self._reading() as connection:
            return list(self._kept(connection, _of(table), [series]))

    def _kept(
        self, connection: Connection, where: ColumnElement[bool], series: Collection[Series] | None
    ) -> Iterator[Kept]:
        names = self._names(series)
        columns = (_ROW.id, _ROW.at, _ROW.job_id, _ROW.ranges, _ROW.sources)
        query = select(*columns).where(where, _ROW.ranges.is_not(None)).order_by(_ROW.id)
        for id_, at, job_id, packed, sources in connection.execute(query).all():
            ranges = unpack_ranges(packed, names)
            before = self._before(connection, id_, ranges.keys())
            kept = Replacement(ranges, before, unpack_sources(sources, names) if sources else {})
            if kept.series:
                yield Kept(at, job_id, kept)

    def _before(self, connection: Connection, id_: int, series: Collection[Series]) -> pl.DataFrame:
        packed = connection.scalar(select(_ROW.before).where(_ROW.id == id_)) if series else None
        return pl.DataFrame(schema=ALL_VISIBLE) if packed is None else unpack_candles(packed, self._names(series))

    def _names(self, series: Collection[Series] | None) -> Mapping[tuple[int, int], Series]:
        if series is None:
            return {(id_, i): self._series[id_, i] for id_ in self._pairs for i in INTERVALS}
        return {(self._pair_ids[s.pair], s.interval): s for s in series if s.pair in self._pair_ids}

    def _keeps(self, connection: Connection, table: TableMark) -> bool:
        return connection.scalar(select(_ROW.id).where(_of(table)).limit(1)) is not None

    def _adopt(self, connection: Connection, table: TableMark, at: int) -> None:
        if not self._keeps(connection, table):
            begin = {"candle_table": table.identity, "at": at, "candles": 0}
            connection.execute(insert(candle_revision), begin)


def _of(table: TableMark) -> ColumnElement[bool]:
    return _ROW.candle_table == table.identity
