"""SQLite under the ledger: a file that several processes use at once, or memory."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from sqlite3 import SQLITE_BUSY, SQLITE_FULL, SQLITE_IOERR_SHMSIZE, OperationalError
from sqlite3 import Connection as SqliteConnection
from typing import Any, NamedTuple, Self
from urllib.parse import quote

from sqlalchemy import URL, Connection, Dialect, Engine, create_engine, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

BUSY_TIMEOUT_S = 30.0  # a writer waits this long for another; ours take seconds at most
RETRY_S = 0.05
_READ_ONLY = "read only"
_FULL = "full"


def engine_of(address: URL, *, read_only: bool = False) -> Engine:
    """An engine whose transactions begin explicitly: neither SQLAlchemy nor the driver begins any.

    Of one that is ``read_only`` SQLite itself refuses whatever would write.
    """
    # Without a file the ledger is one connection's memory, which threads then use in turns.
    in_turns = {"poolclass": QueuePool, "pool_size": 1, "max_overflow": 0}
    pool = {} if address.database else in_turns
    engine = create_engine(address, hide_parameters=True, connect_args={"check_same_thread": False}, **pool)
    event.listen(engine, "do_connect", _connect)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "checkout", _require_same)
    event.listen(engine, "checkin", _look_for_room)
    if read_only:
        event.listen(engine, "connect", _forbid_writing)
    return engine


def _connect(
    _dialect: Dialect, entry: ConnectionPoolEntry, arguments: list[Any], named: dict[str, Any]
) -> SqliteConnection:
    """Open a file that may only be read as one; and one on a full disk, where another cannot even be read."""
    entry.info.pop(_READ_ONLY, None)
    entry.info.pop(_FULL, None)
    file = Path(arguments[0])
    if not may_only_read(file):
        exists = file.is_file() and file.stat().st_size > 0
        try:
            return _writable(arguments, named)
        except OperationalError as error:
            if not (exists and is_full(error)):
                raise
            entry.info[_FULL] = True
    entry.info[_READ_ONLY] = _FileState.of(file)
    return _read_only(file)


def _writable(arguments: list[Any], named: dict[str, Any]) -> SqliteConnection:
    connection: SqliteConnection = sqlite3.connect(*arguments, **named)
    try:
        _use_wal(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _read_only(file: Path) -> SqliteConnection:
    """Open a file and write nowhere.

    Even to read, SQLite makes files beside the ledger. Where it cannot, it is told that nobody changes the ledger, and
    we look whether that is so: a file that was changed is opened again, and what was read of it meanwhile is refused.
    """
    log = file.with_name(f"{file.name}-wal")
    how = "mode=ro" if log.exists() and log.stat().st_size else "mode=ro&immutable=1"
    return sqlite3.connect(f"file:{quote(str(file))}?{how}", uri=True, check_same_thread=False)


def may_only_read(file: Path) -> bool:
    """Whether a ledger is there, and may not be written by whoever runs this."""
    return file.is_file() and not all(os.access(path, os.W_OK) for path in (file, file.parent))


class _FileState(NamedTuple):
    """A file that may only be read, and what shows that others changed it."""

    file: Path
    changed: int
    size: int

    @classmethod
    def of(cls, file: Path) -> Self:
        found = file.stat()
        return cls(file, found.st_mtime_ns, found.st_size)


def _require_same(_connection: SqliteConnection, entry: ConnectionPoolEntry, _borrowed: object) -> None:
    """Raises DisconnectionError where the file is not what it was, upon which the pool opens it again."""
    before: _FileState | None = entry.info.get(_READ_ONLY)
    if before and before != _FileState.of(before.file):
        raise DisconnectionError("the ledger was changed")


def was_changed(connection: Connection) -> bool:
    """Whether others changed a ledger that may only be read, while it was."""
    before: _FileState | None = connection.info.get(_READ_ONLY)
    return before is not None and before != _FileState.of(before.file)


def is_read_only(connection: Connection) -> bool:
    """Whether it was opened as a file that nobody changes, whatever its mode."""
    return _READ_ONLY in connection.info


def has_room(connection: Connection) -> bool:
    """Whether it was not opened only to be read because its disk is full."""
    return _FULL not in connection.info


def _look_for_room(_connection: SqliteConnection, entry: ConnectionPoolEntry) -> None:
    """Have a ledger on a full disk opened again by the next transaction: there may be room by then."""
    if _FULL in entry.info:
        entry.invalidate()


def _prepare(connection: SqliteConnection, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # we send BEGIN ourselves
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_S * 1000:.0f}")
    connection.execute("PRAGMA foreign_keys = ON")


def _forbid_writing(connection: SqliteConnection, _entry: ConnectionPoolEntry) -> None:
    connection.execute("PRAGMA query_only = ON")


def _use_wal(connection: SqliteConnection) -> None:
    """Have readers and the writer not wait for each other.

    Of two processes that open a new ledger at once, one may be refused at this step without any waiting.
    """
    until = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except OperationalError as error:
            if not is_locked(error) or time.monotonic() >= until:
                raise
            time.sleep(RETRY_S)
        else:
            return


def is_locked(error: BaseException | None) -> bool:
    """Whether it is that somebody else writes, or forbids that."""
    return isinstance(error, OperationalError) and error.sqlite_errorcode & 0xFF == SQLITE_BUSY


def is_full(error: BaseException | None) -> bool:
    """Whether it is that the disk has no room, be it for the files that SQLite makes beside the ledger to read it."""
    return isinstance(error, OperationalError) and error.sqlite_errorcode in {SQLITE_FULL, SQLITE_IOERR_SHMSIZE}


def answers(connection: Connection, statements: Iterable[str]) -> list[Sequence[Sequence[Any]]]:
    """What statements without values answer."""
    results = [connection.exec_driver_sql(statement) for statement in statements]
    return [result.all() if result.returns_rows else () for result in results]
