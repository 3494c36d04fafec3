"""Purging deleted slots: QuestDB deletes no rows, but whole partitions.

What a partition still has is copied into the table ``assetprice_kept``, the partition dropped, and the copy put back.
As long as that table is there, it and not the partition is what counts: wherever this is interrupted, readers see
every candle, and the next writer finishes it.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from kraken_core.domain.errors import StoreError
from kraken_core.domain.plural import counted
from kraken_core.stores.questdb.server import QuestDbServer
from kraken_core.stores.questdb.tables import KEPT, TABLE, settled

_KEEPING = f"{KEPT}_new"
# How QuestDB names partitions of a kind, and the unit that its functions use for the kind.
_KINDS = {"DAY": ("%Y-%m-%d", "d"), "MONTH": ("%Y-%m", "M"), "YEAR": ("%Y", "y")}
_LIVE = "close IS NOT NULL"


class PartitionSpan(NamedTuple):
    """The instants ``[start, end)`` of a partition, and its name."""

    start: datetime
    end: datetime
    name: str

    @property
    def inside(self) -> str:
        """The condition that a row lies in it."""
        return f"time >= '{self.start.isoformat()}Z' AND time < '{self.end.isoformat()}Z'"

    @property
    def outside(self) -> str:
        """The condition that it does not."""
        return f"(time < '{self.start.isoformat()}Z' OR time >= '{self.end.isoformat()}Z')"


def source(server: QuestDbServer, partition: str, *, kept: bool) -> str:
    """What to read candles from, while ``kept`` shows that a purge is under way or was interrupted."""
    if not kept:
        return TABLE
    [span] = _partitions(server, KEPT, partition, _LIVE)
    return f"(SELECT * FROM {TABLE} WHERE {span.outside} UNION ALL SELECT * FROM {KEPT})"


def purge(server: QuestDbServer, partition: str) -> int:
    """Rewrite the partitions in which slots were deleted; returns how many rows went. Raises StoreError."""
    finish(server)
    if partition not in _KINDS:
        return 0
    gone = 0
    for span in _partitions(server, TABLE, partition, f"NOT ({_LIVE})"):
        [(live,)] = server.rows(f"SELECT count() FROM {TABLE} WHERE {_LIVE} AND {span.inside}")
        [(whole,)] = server.rows(f"SELECT count() FROM {TABLE} WHERE {span.inside}")
        if live:
            _keep(server, span, live)
        server.execute(f"ALTER TABLE {TABLE} DROP PARTITION LIST '{span.name}'")
        finish(server)
        gone += whole - live
    return gone


def finish(server: QuestDbServer) -> None:
    """Put back what an interrupted purge kept. For writers only: no other process may do so."""
    names = {name for (name,) in server.rows(f"SELECT table_name FROM tables() WHERE table_name LIKE '{KEPT}%'")}
    if KEPT in names:
        server.execute(f"INSERT INTO {TABLE} SELECT * FROM {KEPT}")
        settled(server)
    for name in names:
        server.execute(f"DROP TABLE IF EXISTS {name}")


def _keep(server: QuestDbServer, span: PartitionSpan, live: int) -> None:
    """Copy a partition's rows; the copy counts from the moment it is whole."""
    server.execute(
        f"CREATE TABLE {_KEEPING} AS (SELECT * FROM {TABLE} WHERE {_LIVE} AND {span.inside}) "
        "TIMESTAMP(time) PARTITION BY YEAR WAL"
    )
    settled(server)
    [(copied,)] = server.rows(f"SELECT count() FROM {_KEEPING}")
    if copied != live:
        raise StoreError(
            f"QuestDB at {server.address} copied {copied:,} of {counted(live, 'candle')} of {span.name}. "
            "Nothing was deleted: look at its log, and try again."
        )
    server.execute(f"RENAME TABLE {_KEEPING} TO {KEPT}")


def _partitions(server: QuestDbServer, table: str, partition: str, where: str) -> list[PartitionSpan]:
    """The partitions with such rows, in order."""
    name, unit = _KINDS[partition]
    floor = f"timestamp_floor('{unit}', time)"
    bounds = f"{floor} AS begins, dateadd('{unit}', 1, {floor}) AS ends"
    found = server.rows(f"SELECT DISTINCT {bounds} FROM {table} WHERE {where}")
    return sorted(PartitionSpan(start, end, start.strftime(name)) for start, end in found)
