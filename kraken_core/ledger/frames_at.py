"""The ledger's tables for people, as they were at an instant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import polars as pl
from sqlalchemy import Connection, Table

from kraken_core.domain.market import Series
from kraken_core.ledger.frames import DIFFERENCES, VIEWS, frame_of
from kraken_core.ledger.kept_records import KEPT, records_at
from kraken_core.ledger.models import candle_difference, data_coverage_range, gap_record
from kraken_core.ledger.transactions import Transactions, transaction
from kraken_core.ledger.undone import counted_at

_OF_SERIES = {"coverage": data_coverage_range, "gaps": gap_record}
_NOT_KEPT = ("detected_at", "updated_at")


class FramesAt(Transactions):
    """The part of the ledger that hands out whole tables as they were."""

    @transaction
    def table_frame_at(self, name: str, instant: int) -> pl.DataFrame:
        """What :meth:`Frames.table_frame` gave of coverage, gaps or differences at an instant; KeyError for others.

        Gaps are the open ones, and without detected_at and updated_at, which are not kept.
        """
        with self._reading() as connection:
            if name != "differences":
                rows = self._rows(connection, name, _OF_SERIES[name], instant)
                return frame_of(rows, VIEWS[name], without=_NOT_KEPT)
            by = datetime.fromtimestamp(instant, UTC)
            then = DIFFERENCES.where(counted_at(candle_difference, by), candle_difference.c.found_at <= by)
            return frame_of(map(tuple, connection.execute(then)), VIEWS[name])

    def _rows(self, connection: Connection, name: str, table: Table, instant: int) -> list[tuple[Any, ...]]:
        """The rows of a table by series and time, in the order of the view's columns."""
        columns = [column for column in VIEWS[name].selected_columns if column.name not in _NOT_KEPT]
        found = {
            (self._series[pair_id, interval], start): dict(zip(KEPT[table].columns, values, strict=True))
            for (pair_id, interval, start), values in records_at(connection, table, instant).items()
        }
        return [_row([column.name for column in columns], *key, found[key]) for key in sorted(found)]


def _row(columns: Iterable[str], series: Series, start: int, kept: Mapping[str, Any]) -> tuple[Any, ...]:
    values = {"pair": str(series.pair), "interval_minutes": series.interval, "start_time": start, **kept}
    values["end_time"] = kept["end"]
    if "fillable" in kept:
        values |= {"gap_id": kept["id"], "api_fillable": kept["fillable"] > 0}
    return tuple(values[name] for name in columns)
