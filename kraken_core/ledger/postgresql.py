"""PostgreSQL under the ledger: how it is connected to, and noticed to be gone."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

import psycopg
from sqlalchemy import URL, Connection, Dialect, Engine, create_engine, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

from kraken_core.ledger.models import RUNNING, one_running_job
from kraken_core.postgres_wire import AnsweringConnection

one_running_job.dialect_options["postgresql"]["where"] = RUNNING

CONNECT_TIMEOUT_S = 10
# A server, or a client, whose machine vanished is noticed after some seconds, not after hours.
_TIMEOUTS = {
    "connect_timeout": CONNECT_TIMEOUT_S,
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,  # ms
}
TRUSTED_S = 1.0  # a connection used so lately is not checked: a job needs dozens of checks a second
_USED = "used"


def engine_of(address: URL, *, read_only: bool = False) -> Engine:
    """An engine whose transactions begin explicitly: neither SQLAlchemy nor the driver begins any.

    Of one that is ``read_only`` the server itself refuses whatever would write.
    """
    engine = create_engine(address, hide_parameters=True, use_native_hstore=False)
    event.listen(engine, "do_connect", _connect)
    event.listen(engine, "checkin", _remember)
    event.listen(engine, "checkout", _require_alive)
    if read_only:
        event.listen(engine, "connect", _forbid_writing)
    return engine


def _connect(
    _dialect: Dialect, _entry: ConnectionPoolEntry, arguments: list[Any], named: dict[str, Any]
) -> AnsweringConnection:
    return AnsweringConnection.connect(*arguments, **{**_TIMEOUTS, **named}, autocommit=True)


def _forbid_writing(connection: psycopg.Connection[Any], _entry: ConnectionPoolEntry) -> None:
    connection.execute("SET default_transaction_read_only = on")


def _remember(_connection: psycopg.Connection[Any] | None, entry: ConnectionPoolEntry) -> None:
    entry.info[_USED] = time.monotonic()


def _require_alive(connection: psycopg.Connection[Any], entry: ConnectionPoolEntry, _borrowed: object) -> None:
    """Raises DisconnectionError, upon which the pool makes another connection."""
    if time.monotonic() - entry.info.get(_USED, time.monotonic()) < TRUSTED_S:
        return
    try:
        connection.execute("SELECT 1")
    except psycopg.Error as error:
        raise DisconnectionError(str(error)) from error


def answers(connection: Connection, statements: Iterable[str]) -> list[Sequence[Sequence[Any]]]:
    """What statements without values answer, sent at once: a round trip costs as much as the statements in it."""
    driver = connection.connection.driver_connection
    if not isinstance(driver, AnsweringConnection):
        raise TypeError(f"{driver} is none of ours")
    try:
        with driver.cursor() as cursor:
            cursor.execute("; ".join(statements).encode())
            return [found.fetchall() if found.description else () for found in cursor.results()]
    except psycopg.Error:
        if driver.closed:
            connection.invalidate()  # as SQLAlchemy does for what goes through it
        raise
