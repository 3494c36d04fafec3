"""Coverage: the ranges of each series that are known."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, delete, select

from kraken_core.domain.coverage import CoverageSource, DataCoverageRange
from kraken_core.domain.grades import Grade
from kraken_core.domain.market import Series
from kraken_core.ledger.bulk import add_many, read_many
from kraken_core.ledger.kept_records import keeping, records_at
from kraken_core.ledger.models import data_coverage_range
from kraken_core.ledger.transactions import Transactions, by_series_and_time, transaction

_SOURCES = {source.value: source for source in CoverageSource}
_KEY = ("pair_id", "interval", "start", "end")
_NAMES = (*_KEY, "source", "candles", "grade")
_COLUMNS = [data_coverage_range.c[name] for name in _NAMES]
_FEW = 8  # rows are deleted one by one where no more than one in so many goes
_GRADES = {grade.value: grade for grade in Grade}


class CoverageRecords(Transactions):
    """The part of the ledger that keeps covered ranges."""

    @transaction
    def replace_coverage(self, coverage: Mapping[Series, Sequence[DataCoverageRange]]) -> None:
        """Set the covered ranges of these series. Raises LedgerError where two of a series overlap: nothing is set.

        Only what changes is written: after very many rounds a series has very many ranges, and the last one changes.
        """
        with self._writing({series.pair for series in coverage}) as connection:
            wanted = [
                (self._pair_ids[series.pair], series.interval, *r[1:3], str(r.source), r.candles, str(r.grade))
                for series, ranges in coverage.items()
                for r in ranges
            ]
            of_series = self._of(data_coverage_range, coverage)
            with keeping(connection, data_coverage_range, of_series, self._clock.now()):
                stored = {tuple(row) for row in read_many(connection, select(*_COLUMNS).where(of_series))}
                gone = stored.difference(wanted)
                if len(gone) * _FEW < len(stored):
                    self._delete(connection, gone)
                else:
                    connection.execute(delete(data_coverage_range).where(of_series))
                    stored = set()
                new = (row for row in wanted if row not in stored)
                add_many(connection, data_coverage_range, _NAMES, new, updated_at=self._now())

    @staticmethod
    def _delete(connection: Connection, rows: Collection[tuple[Any, ...]]) -> None:
        if rows:
            keys: dict[str, BindParameter[Any]] = {name: bindparam(f"of_{name}") for name in _KEY}
            row = (data_coverage_range.c[name] == value for name, value in keys.items())
            found = [{f"of_{name}": value for name, value in zip(_KEY, row, strict=False)} for row in rows]
            connection.execute(delete(data_coverage_range).where(*row), found)

    @transaction
    def coverage(self, series: Collection[Series] | None = None) -> list[DataCoverageRange]:
        """Covered ranges by series and time; of all series where none are given."""
        with self._reading() as connection:
            rows = read_many(connection, select(*_COLUMNS).where(self._of(data_coverage_range, series)))
            found = [
                DataCoverageRange(
                    self._series[pair_id, interval], start, end, _SOURCES[source], candles, _GRADES[grade]
                )
                for pair_id, interval, start, end, source, candles, grade in rows
            ]
        return by_series_and_time(found)

    @transaction
    def coverage_at(self, instant: int) -> list[DataCoverageRange]:
        """The covered ranges of all series as they were at an instant."""
        with self._reading() as connection:
            found = [
                DataCoverageRange(self._series[pair_id, i], start, end, _SOURCES[source], candles, _GRADES[grade])
                for (pair_id, i, start), (end, source, candles, grade) in records_at(
                    connection, data_coverage_range, instant
                ).items()
            ]
        return by_series_and_time(found)
