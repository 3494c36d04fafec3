"""What is worked out, as it was before it was worked out anew: coverage, gaps, what is expected, lives, some findings.

Whoever changes rows of these tables does so inside :func:`keeping`. The rows that are others afterwards, or gone, are
kept as they were, packed, in one row a change, and of those that are new that they were not there before.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import ColumnElement, Connection, Select, Table, func, insert, select, true

from kraken_core.domain.gaps import OPEN, GapRecord
from kraken_core.ledger.bulk import read_many
from kraken_core.ledger.models import (
    data_coverage_range,
    finding,
    gap_record,
    pair_life,
    record_revision,
    series_detection,
    series_limit,
)
from kraken_core.ledger.packing import pack, unpack

_SERIES, _PAIR = ("pair_id", "interval", "start"), ("pair_id", "start")
_ROW = record_revision.c
ASLEEP = "asleep"  # the kind of finding that explains a silence: the whole exchange stood still


class _Kind(NamedTuple):
    """What is kept of a table: the columns that tell its rows apart, the others, and which rows count."""

    keys: tuple[str, ...]
    columns: tuple[str, ...]
    counting: ColumnElement[bool]


# Of a GapRecord what is neither its series nor its start, in its order
GAP_COLUMNS = tuple(name for name in GapRecord._fields if name in gap_record.c and name != "start")
KEPT: Mapping[Table, _Kind] = {
    data_coverage_range: _Kind(_SERIES, ("end", "source", "candles", "grade"), true()),
    gap_record: _Kind(_SERIES, GAP_COLUMNS, gap_record.c.status.in_(OPEN)),
    series_detection: _Kind(_SERIES, ("end", "as_of"), true()),
    series_limit: _Kind(_SERIES, ("end",), true()),
    pair_life: _Kind(_PAIR, ("end", "assumed"), true()),
    finding: _Kind(_SERIES, ("end", "reason"), finding.c.kind == ASLEEP),  # all else of findings is in the grades
}

Key = tuple[int, ...]  # a pair's id, an interval where rows are of series, and a start
Rows = dict[Key, tuple[Any, ...]]


@contextmanager
def keeping(connection: Connection, table: Table, where: ColumnElement[bool], at: int) -> Iterator[None]:
    """Keep what is replaced inside, of the rows of a table; ``where`` takes all rows of a series, or none."""
    kind = KEPT[table]
    before = set(_read(connection, table, where))
    yield
    after = set(_read(connection, table, where, columns=kind.columns if before else ()))
    keys = len(kind.keys)
    gone = {row[:keys]: row[keys:] for row in before - after}
    changed = sorted(gone.keys() | {row[:keys] for row in after - before})
    if changed:
        there = [key in gone for key in changed]
        rows = [gone[key] for key, was_there in zip(changed, there, strict=True) if was_there]
        values = {
            "at": at,
            "of_table": table.name,
            "changed": pack(list(np.array([(*key, was) for key, was in zip(changed, there, strict=True)]).T)),
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


def kept_since(connection: Connection, table: Table | None = None) -> int | None:
    """From when on what was worked out is kept (epoch seconds), all of it or of a table; None from the beginning."""
    forgotten = _ROW.of_table == "" if table is None else (_ROW.of_table == table.name) & _ROW.changed.is_(None)
    since: int | None = connection.scalar(select(func.max(_ROW.at)).where(forgotten))
    return since


def records_at(connection: Connection, table: Table, instant: int) -> Rows:
    """The rows of a table as they were at an instant."""
    kind = KEPT[table]
    found = _rows(connection, table)
    first = connection.scalar(select(func.min(_ROW.id)).where(_ROW.of_table == table.name, _ROW.at > instant))
    if first is None:
        return found
    kept = _ROW.of_table == table.name, _ROW.changed.is_not(None), _ROW.id >= first
    since = select(_ROW.id, _ROW.changed).where(*kept).order_by(_ROW.id)
    known: set[Key] = set()
    for id_, packed in connection.execute(since).all():
        *keys, there = unpack(packed, len(kind.keys) + 1).tolist()
        changed = list(zip(*keys, strict=True))
        if known.issuperset(changed):
            continue
        rows = iter(_unpacked(connection.scalar(select(_ROW.before).where(_ROW.id == id_))))
        for key, was_there in zip(changed, there, strict=True):
            row = next(rows) if was_there else None
            if key not in known:
                known.add(key)
                found.pop(key, None)
                if row is not None:
                    found[key] = row
    return found


def _rows(connection: Connection, table: Table) -> Rows:
    keys = len(KEPT[table].keys)
    return {tuple(row[:keys]): tuple(row[keys:]) for row in _read(connection, table, true())}


def _read(
    connection: Connection, table: Table, where: ColumnElement[bool], columns: Sequence[str] | None = None
) -> Sequence[tuple[Any, ...]]:
    """The rows that count: what tells them apart, and these columns besides; all that are kept where none are given."""
    kind = KEPT[table]
    names = (*kind.keys, *(kind.columns if columns is None else columns))
    query: Select[Any] = select(*(table.c[name] for name in names)).where(where, kind.counting)
    return read_many(connection, query)


def _unpacked(packed: bytes | None) -> list[tuple[Any, ...]]:
    return [] if packed is None else list(zip(*json.loads(zlib.decompress(packed)), strict=True))
