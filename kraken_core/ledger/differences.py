"""Differences: where two sources give one slot different values."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, select, true

from kraken_core.domain.candles import Source
from kraken_core.domain.differences import Difference, Origin
from kraken_core.domain.market import Series
from kraken_core.ledger.bulk import add_many, read_many
from kraken_core.ledger.models import candle_difference
from kraken_core.ledger.transactions import Transactions, by_series_and_time, transaction
from kraken_core.ledger.undone import counted_at, not_undone

_ROW = candle_difference.c
_SOURCES = {source.value: source for source in Source}
_COLUMNS = (
    *("pair_id", "interval", "start", "end", "slots"),
    *("kept_source", "kept_evidence", "kept_path", "other_source", "other_evidence", "other_path"),
    *("volume", "trades", "price"),
)


class Differences(Transactions):
    """The part of the ledger that keeps where sources differ."""

    @transaction
    def record_differences(self, differences: Sequence[Difference]) -> None:
        """Append what the running job found, while it commits the candles that differ."""
        with self._writing({each.series.pair for each in differences}, committing=True) as connection:
            rows = (
                (
                    *(self._pair_ids[each.series.pair], each.series.interval, each.start, each.end, each.slots),
                    *(str(each.kept.source), *each.kept[1:], str(each.other.source), *each.other[1:]),
                    *(each.volume, each.trades, each.price),
                )
                for each in differences
            )
            job_id = self._running_job(connection)
            add_many(connection, candle_difference, _COLUMNS, rows, found_at=self._now(), job_id=job_id)

    @transaction
    def differences(self, series: Collection[Series] | None = None, *, job_id: int | None = None) -> list[Difference]:
        """Where sources differ, by series and time, but for what jobs found that were undone since."""
        of_job = true() if job_id is None else _ROW.job_id == job_id
        return self._differences(series, of_job, not_undone(candle_difference))

    @transaction
    def differences_at(self, instant: int, series: Collection[Series] | None = None) -> list[Difference]:
        """Those found by an instant, but for those of jobs undone by then."""
        by = datetime.fromtimestamp(instant, UTC)
        counting = counted_at(candle_difference, by), _ROW.found_at <= by
        return self._differences(series, *counting)

    def _differences(self, series: Collection[Series] | None, *chosen: ColumnElement[bool]) -> list[Difference]:
        query = select(*(_ROW[name] for name in _COLUMNS), _ROW.job_id).where(*chosen).order_by(_ROW.id)
        with self._reading() as connection:
            query = query.where(self._of(candle_difference, series))
            found = [
                Difference(
                    self._series[pair_id, interval],
                    *(start, end, slots),
                    Origin(_SOURCES[kept[0]], *kept[1:]),
                    Origin(_SOURCES[other[0]], *other[1:]),
                    *rest,
                )
                for pair_id, interval, start, end, slots, kept, other, rest in (
                    (*row[:5], row[5:8], row[8:11], row[11:]) for row in read_many(connection, query)
                )
            ]
        return by_series_and_time(found)
