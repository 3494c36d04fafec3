"""What every part of the ledger has: its transactions, and the ids of the pairs that its rows refer to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from functools import partial, wraps
from operator import attrgetter
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    FromClause,
    and_,
    bindparam,
    false,
    or_,
    select,
    true,
)

from kraken_core.domain.coverage import DataCoverageRange
from kraken_core.domain.differences import Difference
from kraken_core.domain.gaps import GapRecord
from kraken_core.domain.gc_pause import gc_paused
from kraken_core.domain.jobs import JobStatus
from kraken_core.domain.market import Pair, Series
from kraken_core.ledger.bulk import add_many
from kraken_core.ledger.engine import Question, reading, writing
from kraken_core.ledger.holding import LeaseHolder
from kraken_core.ledger.models import asset, ingestion_job, pair
from kraken_core.ledger.patience import OutageWait
from kraken_core.ports import Clock

PATIENCE_S = 25  # less than a lease: a worker cut off for longer has to stop
# Used again and again, so made once
_NEWER_PAIRS = (
    "SELECT pair.id, asset.ticker, pair.quote, pair.currency FROM pair JOIN asset ON asset.id = pair.asset_id "
    "WHERE pair.id > %d ORDER BY pair.id"
)
_RUNNING = select(ingestion_job.c.id).where(
    ingestion_job.c.status == JobStatus.RUNNING, ingestion_job.c.candle_table == bindparam("table")
)
Item = TypeVar("Item")
Self = TypeVar("Self", bound="Transactions")
Ranged = TypeVar("Ranged", DataCoverageRange, Difference, GapRecord)
Given = ParamSpec("Given")
Result = TypeVar("Result")


class _SeriesByIds(dict[tuple[int, int], Series]):
    """Series by (pair id, interval): one object a series, however many rows name it."""

    def __init__(self, pairs: Mapping[int, Pair]) -> None:
        super().__init__()
        self._pairs = pairs

    def __missing__(self, ids: tuple[int, int]) -> Series:
        self[ids] = Series(self._pairs[ids[0]], ids[1])
        return self[ids]


def transaction(
    method: Callable[Concatenate[Self, Given], Result],
) -> Callable[Concatenate[Self, Given], Result]:
    """What others call is one transaction, which may make very many rows.

    While the database is away, and there is patience, it is done again, as nothing of it was kept.
    """
    once = gc_paused()(method)

    @wraps(method)
    def patient(self: Self, /, *arguments: Given.args, **more: Given.kwargs) -> Result:
        return self._patience.until_answered(partial(once, self, *arguments, **more))

    return patient


class Transactions:
    """A ledger's engine, its candle table, and the clock that dates its rows."""

    def __init__(self, engine: Engine, table: str, clock: Clock) -> None:
        self._engine = engine
        self._table = table
        self._clock = clock
        self._patience = OutageWait()
        self._holder: LeaseHolder | None = None
        # Pairs are only ever added, and by _register alone: what was once read of them stays true.
        self._pairs: dict[int, Pair] = {}
        self._pair_ids: dict[Pair, int] = {}
        self._series = _SeriesByIds(self._pairs)

    def with_retries(self, stop: Callable[[], bool]) -> AbstractContextManager[None]:
        """While entered, a database that went away is waited for, in whatever thread; ``stop`` ends that."""
        return self._patience.of(PATIENCE_S, stop)

    def now(self) -> int:
        """Epoch seconds by the database's clock, which all who share it go by; a file's is this machine's."""
        return self._patience.until_answered(self._read_clock)

    def _read_clock(self) -> int:
        with reading(self._engine) as connection:
            return self._instant(connection)

    def _instant(self, connection: Connection) -> int:
        if connection.dialect.name == "sqlite":
            return self._clock.now()
        return int(connection.exec_driver_sql("SELECT floor(extract(epoch FROM clock_timestamp()))").scalar_one())

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.now(), UTC)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with reading(self._engine, self._newer_pairs()) as connection:
            yield connection

    @contextmanager
    def _writing(self, pairs: Iterable[Pair] = (), *, committing: bool = False) -> Iterator[Connection]:
        """A writing transaction in which all of ``pairs`` have ids.

        Of a worker's ledger: one in which the worker still has its job; how far its candle table is is recorded too;
        but for what is recorded while the table is ``committing``, which is to be left alone then. Raises
        IllegalMoveError where the worker no longer has its job.
        """
        self._register(set(pairs))
        holder = self._holder
        # Before, as the table reads from the ledger what is recorded of it
        mark = holder.mark() if holder and not committing else None
        with writing(self._engine, self._patience, self._newer_pairs()) as connection:
            if holder:
                holder.require(connection, self._table, mark, self._now())
            yield connection

    def _register(self, pairs: set[Pair]) -> None:
        """Give ids to new pairs, in a transaction of its own: an id we remember must never be rolled back."""
        if pairs <= self._pair_ids.keys():
            return
        with writing(self._engine, self._patience, self._newer_pairs()) as connection:
            new = sorted(pairs - self._pair_ids.keys())
            known = set(connection.scalars(select(asset.c.ticker)))
            add_many(connection, asset, ["ticker"], ((base,) for base in sorted({p.base for p in new} - known)))
            assets = {ticker: id_ for id_, ticker in connection.execute(select(asset.c.id, asset.c.ticker))}
            rows = ((assets[p.base], p.quoted, p.quote if p.market else None) for p in new)
            add_many(connection, pair, ["asset_id", "quote", "currency"], rows)

    def _newer_pairs(self) -> Question:
        return Question(_NEWER_PAIRS % next(reversed(self._pairs), 0), self._learn_pairs)

    def _learn_pairs(self, rows: Iterable[Sequence[Any]]) -> None:
        for id_, base, quoted, currency in rows:
            known = Pair(base, quoted) if currency is None else Pair.stored(quoted)
            self._pairs[id_] = known
            self._pair_ids[known] = id_

    def _running_job(self, connection: Connection) -> int | None:
        """The job that runs on this candle table: whatever is recorded now, it brings."""
        return connection.scalar(_RUNNING, {"table": self._table})

    def _ids(self, series: Series) -> dict[str, int]:
        return {"pair_id": self._pair_ids[series.pair], "interval": series.interval}

    def _of(self, table: FromClause, series: Iterable[Series] | None) -> ColumnElement[bool]:
        """The rows of these series; all rows where none are given."""
        if series is None:
            return true()
        pairs: dict[int, set[int]] = defaultdict(set)
        for s in series:
            if s.pair in self._pair_ids:
                pairs[s.interval].add(self._pair_ids[s.pair])
        # Mostly all intervals of the same pairs are meant: then the pairs are named once.
        intervals: dict[frozenset[int], list[int]] = defaultdict(list)
        for interval, ids in pairs.items():
            intervals[frozenset(ids)].append(interval)
        return or_(
            false(),
            *(and_(table.c.interval.in_(some), table.c.pair_id.in_(ids)) for ids, some in intervals.items()),
        )

    def _of_pairs(self, table: FromClause, pairs: Iterable[Pair] | None) -> ColumnElement[bool]:
        """The rows of these pairs; all rows where none are given, or where no other pair is known."""
        if pairs is None or self._pair_ids.keys() <= set(pairs):
            return true()
        return table.c.pair_id.in_(self._ids_of(pairs))

    def _ids_of(self, pairs: Iterable[Pair]) -> list[int]:
        return [self._pair_ids[pair] for pair in pairs if pair in self._pair_ids]


def by_series_and_time(records: Iterable[Ranged]) -> list[Ranged]:
    """In the order that series have; databases order text each in their own way."""
    of_series: dict[Series, list[Ranged]] = defaultdict(list)
    for record in records:
        of_series[record.series].append(record)
    return [record for series in sorted(of_series) for record in sorted(of_series[series], key=attrgetter("start"))]
