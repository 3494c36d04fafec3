"""What is worked out, as it was before it was worked out anew: covered ranges, open gaps, what is expected, lives.

Whoever changes rows of these tables does so inside :func:`keeping`. Of the series, or pairs, whose rows are others
afterwards, all that was there before is kept, packed, in one row a change: where nothing changed, nothing is.
"""

from __future__ import annotations

import json
import zlib
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import ColumnElement, Connection, Select, Table, func, insert, select, true

from kraken_core.domain.gaps import OPEN, GapRecord
from kraken_core.ledger.bulk import read_many
from kraken_core.ledger.models import (
    data_coverage_range,
    gap_record,
    pair_life,
    record_revision,
    series_detection,
    series_limit,
)
from kraken_core.ledger.packing import pack, unpack

_SERIES, _PAIR = ("pair_id", "interval"), ("pair_id",)
GAP_COLUMNS = tuple(name for name in GapRecord._fields if name in gap_record.c and name != "id")
_ROW = record_revision.c


class _Kind(NamedTuple):
    """What is kept of a table: the columns that say whose its rows are, the others, and which rows count."""

    keys: tuple[str, ...]
    columns: tuple[str, ...]
    counting: ColumnElement[bool]


KEPT: Mapping[Table, _Kind] = {
    data_coverage_range: _Kind(_SERIES, ("start", "end", "source", "candles", "grade"), true()),
    gap_record: _Kind(_SERIES, (*GAP_COLUMNS, "id"), gap_record.c.status.in_(OPEN)),
    series_detection: _Kind(_SERIES, ("start", "end", "as_of"), true()),
    series_limit: _Kind(_SERIES, ("start", "end"), true()),
    pair_life: _Kind(_PAIR, ("start", "end", "assumed"), true()),
}

Key = tuple[int, ...]  # a pair's id, and an interval where rows are of series
Rows = Mapping[Key, Sequence[tuple[Any, ...]]]


@contextmanager
def keeping(connection: Connection, table: Table, where: ColumnElement[bool], at: int) -> Iterator[None]:
    """Keep what is replaced inside, of the rows of a table; ``where`` takes all rows of a series, or none."""
    before = _rows(connection, table, where)
    yield
    after = _rows(connection, table, where)
    changed = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
    if changed:
        rows = [(*key, *row) for key in changed for row in before.get(key, ())]
        values = {
            "at": at,
            "of_table": table.name,
            "changed": pack(list(np.array(changed, dtype=np.int64).T)),
            "before": zlib.compress(json.dumps(list(zip(*rows, strict=True))).encode()) if rows else None,
        }
        connection.execute(insert(record_revision), values)


@contextmanager
def keeping_all(connection: Connection, pair_ids: Collection[int], at: int) -> Iterator[None]:
    """The same of all these tables, and of all that they have of some pairs."""
    with ExitStack() as kept:
        for table in KEPT:
            kept.enter_context(keeping(connection, table, table.c.pair_id.in_(pair_ids), at))
        yield


def forget_earlier(connection: Connection, at: int) -> None:
    """From an instant on it is known what was known; of what was before, nobody can say it any more."""
    connection.execute(insert(record_revision), {"at": at, "of_table": ""})


def records_at(connection: Connection, table: Table, instant: int) -> Rows:
    """The rows of a table as they were at an instant, by series or pair; of a series, sorted."""
    kind = KEPT[table]
    found = _rows(connection, table, true())
    first = connection.scalar(select(func.min(_ROW.id)).where(_ROW.of_table == table.name, _ROW.at > instant))
    if first is None:
        return found
    since = select(_ROW.id, _ROW.changed).where(_ROW.of_table == table.name, _ROW.id >= first).order_by(_ROW.id)
    known: set[Key] = set()
    for id_, packed in connection.execute(since).all():
        fresh = set(zip(*unpack(packed, len(kind.keys)).tolist(), strict=True)) - known
        if fresh:
            before = _unpacked(connection.scalar(select(_ROW.before).where(_ROW.id == id_)), len(kind.keys))
            found.update({key: before.get(key, []) for key in fresh})
            known |= fresh
    return found


def _rows(connection: Connection, table: Table, where: ColumnElement[bool]) -> dict[Key, list[tuple[Any, ...]]]:
    kind = KEPT[table]
    columns = [table.c[name] for name in (*kind.keys, *kind.columns)]
    query: Select[Any] = (
        select(*columns).where(where, kind.counting).order_by(*(table.c[name] for name in (*kind.keys, "start")))
    )
    return _by_key(read_many(connection, query), len(kind.keys))


def _by_key(rows: Sequence[Sequence[Any]], keys: int) -> dict[Key, list[tuple[Any, ...]]]:
    found: dict[Key, list[tuple[Any, ...]]] = defaultdict(list)
    for row in rows:
        found[tuple(row[:keys])].append(tuple(row[keys:]))
    return found


def _unpacked(packed: bytes | None, keys: int) -> dict[Key, list[tuple[Any, ...]]]:
    if packed is None:
        return {}
    return _by_key(list(zip(*json.loads(zlib.decompress(packed)), strict=True)), keys)
