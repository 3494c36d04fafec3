"""SQLite under the ledger: a file that several processes use at once, or memory."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from sqlite3 import SQLITE_BUSY, OperationalError
from sqlite3 import Connection as SqliteConnection
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

BUSY_TIMEOUT_S = 30.0  # a writer waits this long for another; ours take seconds at most
RETRY_S = 0.05


def engine_of(address: URL) -> Engine:
    """An engine whose transactions begin explicitly: neither SQLAlchemy nor the driver begins any."""
    # Without a file the ledger is one connection's memory, which threads then use in turns.
    in_turns = {"poolclass": QueuePool, "pool_size": 1, "max_overflow": 0}
    pool = {} if address.database else in_turns
    engine = create_engine(address, hide_parameters=True, connect_args={"check_same_thread": False}, **pool)
    event.listen(engine, "connect", _prepare)
    return engine


def _prepare(connection: SqliteConnection, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # we send BEGIN ourselves
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_S * 1000:.0f}")
    _use_wal(connection)
    connection.execute("PRAGMA foreign_keys = ON")


def _use_wal(connection: SqliteConnection) -> None:
    """Have readers and the writer not wait for each other.

    Of two processes that open a new ledger at once, one may be refused at this step without any waiting.
    """
    until = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except OperationalError:
            if time.monotonic() >= until:
                raise
            time.sleep(RETRY_S)
        else:
            return


def is_locked(error: BaseException | None) -> bool:
    """Whether it is that somebody else writes, or forbids that."""
    return isinstance(error, OperationalError) and error.sqlite_errorcode & 0xFF == SQLITE_BUSY


def answers(connection: Connection, statements: Iterable[str]) -> list[Sequence[Sequence[Any]]]:
    """What statements without values answer."""
    results = [connection.exec_driver_sql(statement) for statement in statements]
    return [result.all() if result.returns_rows else () for result in results]
