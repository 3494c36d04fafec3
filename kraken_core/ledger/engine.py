"""The database under the ledger, and the two kinds of transaction: reading, and writing one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from kraken_core.domain.errors import LedgerAwayError, LedgerError, SettingError
from kraken_core.domain.redaction import hide_secrets, without_secrets
from kraken_core.failpoints import reached
from kraken_core.ledger import sqlite
from kraken_core.ledger.patience import OutageWait

WRITER_IDLE_S = 60  # a writer idle for so long has lost its turn: its machine is stopped, or gone
_ADVISORY_LOCK = 0x6B72616B656E  # "kraken": any number that nothing else in the database is likely to lock
_WRONG_ADDRESS = (
    "the setting 'ledger' is not an address of a ledger: write sqlite:////folder/ledger.db "
    "or postgresql+psycopg://user@host/database."
)

# How a transaction begins. A reader sees one instant of the ledger. Writers queue up on both databases, so that
# what one reads is still true when it writes, and none fails because another was faster. PostgreSQL also names the
# transaction, by which its outcome can be looked up afterwards.
_READING = {
    "sqlite": ("BEGIN",),
    "postgresql": ("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",),
}
_TURN = (
    f"SELECT pg_current_xact_id()::text, pg_advisory_xact_lock({_ADVISORY_LOCK}), "
    f"set_config('idle_in_transaction_session_timeout', '{WRITER_IDLE_S}s', true)"
)
_WRITING = {"sqlite": ("BEGIN IMMEDIATE",), "postgresql": ("BEGIN", _TURN)}
_NO_SUCH_TRANSACTION = "22023"
# What shows that a connection is lost, or that none can be had now; psycopg raises no code where it lost one.
_AWAY = {None, "57P01", "57P02", "57P03", "25P03"}  # shut down, crashed, starting up, idle for too long


def open_engine(url: str, *, read_only: bool = False) -> Engine:
    """An engine for ``sqlite:///…`` or ``postgresql+psycopg://…``; nothing is connected yet. Raises SettingError.

    ``sqlite://`` is a ledger in memory, gone when it is closed. With ``read_only`` the database refuses to write.
    """
    address = _address(url)
    if address.drivername == "sqlite":
        return sqlite.engine_of(address, read_only=read_only)
    if address.drivername == "postgresql+psycopg":
        from kraken_core.ledger import postgresql  # noqa: PLC0415 - its driver, for whom it matters

        return postgresql.engine_of(address, read_only=read_only)
    raise SettingError(_WRONG_ADDRESS)


def file_of(url: str) -> Path | None:
    """The file of a ledger on SQLite, whether it exists or not; None for others. Raises SettingError."""
    address = _address(url)
    return Path(address.database).absolute() if address.drivername == "sqlite" and address.database else None


def is_in_memory(engine: Engine) -> bool:
    """Whether the ledger is gone when it is closed."""
    return engine.url.drivername == "sqlite" and not engine.url.database


def _address(url: str) -> URL:
    try:
        address = make_url(url)
    except ArgumentError:
        raise SettingError(_WRONG_ADDRESS) from None  # the cause would show the address, password and all
    if address.drivername != "sqlite" and "@" in f"{address.host}{address.database}":
        # A part of the password was taken for a host's name, and would be shown.
        raise SettingError(f"{_WRONG_ADDRESS} In a password write %40 for @, %2F for / and %3A for :.")
    return address


class Question(NamedTuple):
    """A query without values that comes first in a transaction, and what is done with the rows it answers."""

    query: str
    learn: Callable[[Sequence[Sequence[Any]]], None]


@contextmanager
def reading(engine: Engine, first: Question | None = None) -> Iterator[Connection]:
    """A transaction that only reads, and never waits. Raises LedgerError."""
    with _translated_errors(engine, "read"), engine.begin() as connection:
        _begin(connection, _READING, first)
        yield connection
        if sqlite.was_changed(connection):
            raise LedgerError(f"the ledger {shown(engine)} was changed while it was read: try again.")


@contextmanager
def writing(engine: Engine, patience: OutageWait | None = None, first: Question | None = None) -> Iterator[Connection]:
    """A transaction that is the only one writing; all of it is kept, or nothing. Raises LedgerError.

    LedgerAwayError means that nothing was kept: a database that goes away while it commits is queried about that, as
    patiently as given.
    """
    transaction = ""
    try:
        with _translated_errors(engine, "written"), engine.begin() as connection:
            if not sqlite.has_room(connection):
                raise _full(engine, "written")
            begun = _begin(connection, _WRITING, first)
            named = begun[0][0] if begun else ""
            yield connection
            reached("ledger.commit.before")
            transaction = named
    except LedgerAwayError:
        if transaction:
            (patience or OutageWait()).until_answered(partial(_require_lost, engine, transaction))
        raise
    reached("ledger.commit.after")


def _begin(
    connection: Connection, kinds: Mapping[str, tuple[str, ...]], first: Question | None
) -> Sequence[Sequence[Any]]:
    """What the last of the statements that begin a transaction answers; the first question is put with them."""
    statements = kinds[connection.dialect.name]
    questions = (*statements, first.query) if first else statements
    if connection.dialect.name == "sqlite":
        answered = sqlite.answers(connection, questions)
    else:
        from kraken_core.ledger import postgresql  # noqa: PLC0415 - see above

        answered = postgresql.answers(connection, questions)
    if first:
        first.learn(answered[-1])
    return answered[len(statements) - 1]


def _require_lost(engine: Engine, transaction: str) -> None:
    """Raises LedgerError unless nothing of a transaction was kept, LedgerAwayError while that is unknown."""
    with _translated_errors(engine, "read"), engine.begin() as connection:
        try:
            outcome = connection.exec_driver_sql("SELECT pg_xact_status(%s::xid8)", (transaction,)).scalar_one()
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) == _NO_SUCH_TRANSACTION:  # lost before any of it was on disk
                return
            raise
    if outcome == "in progress":  # the server has not noticed yet that we are gone
        raise LedgerAwayError(f"the ledger {shown(engine)} is still at what was written last. Try again.")
    if outcome != "aborted":  # kept, unless the server crashed and gave the number to another one since
        raise LedgerError(
            f"the ledger {shown(engine)} went away during a write, and it is unknown whether that was kept. "
            "Nothing is lost: what is not there will be done again."
        )


@contextmanager
def _translated_errors(engine: Engine, verb: str) -> Iterator[None]:
    try:
        yield
    except (DBAPIError, engine.dialect.loaded_dbapi.Error) as error:
        if _is_away(engine, error):
            raise LedgerAwayError(
                f"the ledger {shown(engine)} does not answer ({_reason(engine, error)}). Earlier content is kept: "
                "start it, or correct the setting 'ledger' (kraken-history doctor), and try again."
            ) from error
        if sqlite.is_full(error.orig if isinstance(error, DBAPIError) else error):
            raise _full(engine, verb) from error
        raise LedgerError(
            f"the ledger {shown(engine)} could not be {verb}: {_reason(engine, error)}. "
            "Earlier content is kept; check that it can be reached and written "
            "(kraken-history doctor), then try again."
        ) from error


def _full(engine: Engine, verb: str) -> LedgerError:
    return LedgerError(
        f"the ledger {shown(engine)} could not be {verb}: its disk is full. Earlier content is kept; free some space, "
        "then try again."
    )


def _is_away(engine: Engine, error: Exception) -> bool:
    """Whether a server is not there, or not any more; a file always is."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    driver = engine.dialect.loaded_dbapi
    if engine.dialect.name == "sqlite" or not isinstance(cause, (driver.OperationalError, driver.InterfaceError)):
        return False
    state = getattr(cause, "sqlstate", None)
    return state in _AWAY or str(state).startswith("08")


def shown(engine: Engine) -> str:
    """The ledger's address without its secrets."""
    return without_secrets(_in_full(engine))


def _reason(engine: Engine, error: Exception) -> str:
    """The database's own message in one line: SQLAlchemy's would show the statement."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if sqlite.is_locked(cause):
        return f"another program, such as a backup or a viewer, kept it locked for {sqlite.BUSY_TIMEOUT_S:g} s"
    reason = " ".join(str(cause).split()).rstrip(".?")
    return hide_secrets(reason, _in_full(engine))


def _in_full(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=False)
