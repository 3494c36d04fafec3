"""Derived slots that are about to change: recorded before the candle table is, and until the claims are.

Candles are committed before they are claimed, and a job may end in between: what was derived of candles that are others
now would count for ever, and so would slots whose derived candles were removed. What is recorded here the next job
removes and derives again, and until then it counts as not covered.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import Connection, delete, select

from kraken_core.domain.market import INTERVALS, Series
from kraken_core.domain.timerange import TimeRanges
from kraken_core.ledger.bulk import add_many, read_many
from kraken_core.ledger.models import changing_range
from kraken_core.ledger.transactions import Transactions, transaction

_NAMES = ("pair_id", "interval", "start", "end")


class DerivedChanges(Transactions):
    """The part of the ledger that knows what a job was about to change."""

    @transaction
    def begin_change(self, derived: Mapping[Series, TimeRanges]) -> None:
        """What is derived in these ranges, of these series and of coarser ones, is about to change."""
        if not derived:
            return
        with self._writing({series.pair for series in derived}) as connection:
            rows = ((self._pair_ids[s.pair], s.interval, *span) for s, ranges in derived.items() for span in ranges)
            add_many(connection, changing_range, _NAMES, rows)

    @transaction
    def changing(self) -> Mapping[Series, TimeRanges]:
        """The slots whose change was begun and did not end."""
        found: dict[Series, list[tuple[int, int]]] = defaultdict(list)
        with self._reading() as connection:
            for pair_id, finest, start, end in read_many(connection, select(*(changing_range.c[n] for n in _NAMES))):
                for interval in INTERVALS:
                    if interval >= finest:
                        found[self._series[pair_id, interval]].append((start, end))
        return {series: TimeRanges.of(ranges).outer(series.width) for series, ranges in found.items()}

    @staticmethod
    def _end_changes(connection: Connection) -> None:
        """The claims say now what the table has. One job at a time changes a table."""
        connection.execute(delete(changing_range))
