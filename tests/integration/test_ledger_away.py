"""A ledger whose PostgreSQL goes away: it is waited for, and what was asked of it meanwhile is done once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from sqlalchemy.pool import PoolProxiedConnection

from kraken_core import postgres_wire
from kraken_core.domain.errors import LedgerAwayError, LedgerError
from kraken_core.domain.jobs import JobMetrics
from kraken_core.domain.request import Request
from kraken_core.ledger import engine, patience, postgresql
from kraken_core.ledger.engine import open_engine, reading, writing
from kraken_core.ledger.ledger import SqlLedger
from kraken_core.ledger.transactions import PATIENCE_S
from kraken_core.ports import never_stop
from tests.support.databases import new_schema
from tests.support.postgres_server import PostgreSQL
from tests.support.steady import SteadyTime

pytest_plugins = ["tests.support.servers"]
pytestmark = pytest.mark.postgres

AWAY_S = 0.5


class FixedClock:
    def now(self) -> int:
        return 1_750_000_000


@pytest.fixture
def database(postgres: str) -> str:
    return new_schema(postgres)


@pytest.fixture
def ledger(database: str, postgres_server: PostgreSQL) -> Iterator[SqlLedger]:
    """With one job; whatever a test did to the server, it is there again afterwards."""
    ledger = SqlLedger.open(database, "candles", FixedClock())
    ledger.create_job(Request(), 0, [], JobMetrics())
    yield ledger
    ledger.close()
    postgres_server.start()


def restarted(server: PostgreSQL) -> threading.Timer:
    """Kill the server; it comes back in a while."""
    server.kill()
    timer = threading.Timer(AWAY_S, server.start)
    timer.start()
    return timer


def messages(ledger: SqlLedger) -> list[str]:
    return [event.message for event in ledger.events(1)]


def at_the_first_commit(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Have something happen just before the next transaction is committed."""
    todo = [act]

    def reached(name: str) -> None:
        if name == "ledger.commit.before" and todo:
            todo.pop()()

    monkeypatch.setattr(engine, "reached", reached)


def test_between_two_transactions_it_is_waited_for(ledger: SqlLedger, postgres_server: PostgreSQL) -> None:
    back = restarted(postgres_server)
    with ledger.with_retries(never_stop):
        ledger.add_event(1, "note", "once")
    back.join()
    assert messages(ledger) == ["once"]


def test_a_transaction_that_it_lost_is_made_again(
    ledger: SqlLedger, postgres_server: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_the_first_commit(monkeypatch, lambda: restarted(postgres_server))
    with ledger.with_retries(never_stop):
        ledger.add_event(1, "note", "once")
    assert messages(ledger) == ["once"]


def test_a_transaction_that_it_kept_and_could_not_say_so_is_not_made_again(
    ledger: SqlLedger, postgres_server: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialect = ledger._engine.dialect
    commit = dialect.do_commit
    lost: list[threading.Timer] = []

    def commit_and_kill(connection: PoolProxiedConnection) -> None:
        commit(connection)
        if not lost:
            lost.append(restarted(postgres_server))
            connection.cursor().execute("SELECT 1")  # fails as an answer that does not come

    monkeypatch.setattr(dialect, "do_commit", commit_and_kill)
    with ledger.with_retries(never_stop), pytest.raises(LedgerError, match="it is unknown whether that was kept"):
        ledger.add_event(1, "note", "once")
    assert len(lost) == 1
    assert messages(ledger) == ["once"]


def test_nobody_waits_who_is_not_patient(ledger: SqlLedger, postgres_server: PostgreSQL) -> None:
    postgres_server.kill()
    with pytest.raises(LedgerAwayError, match=r"does not answer .* Earlier content is kept: start it") as told:
        ledger.events(1)
    assert "\n" not in str(told.value)


def test_patience_ends_and_then_nobody_waits_again(
    ledger: SqlLedger, postgres_server: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    passing = SteadyTime()
    monkeypatch.setattr(patience, "time", passing)
    postgres_server.kill()
    with ledger.with_retries(never_stop):
        with pytest.raises(LedgerAwayError):
            ledger.events(1)
        with pytest.raises(LedgerAwayError):
            ledger.now()
    assert 0 < passing.seconds <= PATIENCE_S


def test_a_server_that_stands_still_is_not_waited_for_without_end(
    ledger: SqlLedger, postgres_server: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_wire, "ANSWER_S", 0.2)
    monkeypatch.setattr(postgresql, "TRUSTED_S", 60.0)
    with (
        postgres_server.standing_still(),
        pytest.raises(LedgerAwayError, match=r"does not answer \(no answer within 0\.2 s\)"),
    ):
        ledger.events(1)
    assert messages(ledger) == []


def test_what_one_connection_does_not_answer_is_asked_over_another(
    ledger: SqlLedger, postgres_server: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_wire, "ANSWER_S", 0.2)
    with reading(ledger._engine) as connection:
        backend = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    with postgres_server.standing_still(backend), ledger.with_retries(never_stop):
        ledger.add_event(1, "note", "once")
    assert messages(ledger) == ["once"]


def test_a_connection_that_was_lost_unused_is_noticed_before_it_is_used(
    ledger: SqlLedger, postgres_server: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "TRUSTED_S", 0.0)
    ledger.events(1)
    postgres_server.kill()
    postgres_server.start()
    assert messages(ledger) == []


def test_who_is_asked_to_stop_does_not_wait(ledger: SqlLedger, postgres_server: PostgreSQL) -> None:
    postgres_server.kill()
    with ledger.with_retries(lambda: True), pytest.raises(LedgerAwayError):
        ledger.add_event(1, "note", "never")


def test_a_writer_that_stands_still_loses_its_turn(
    ledger: SqlLedger, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin, lock = engine._WRITING["postgresql"]
    shorter = lock.replace(f"'{engine.WRITER_IDLE_S}s'", "'200ms'")
    monkeypatch.setitem(engine._WRITING, "postgresql", (begin, shorter))
    other = open_engine(database)
    with suppress(LedgerError), writing(other) as connection:
        ledger.add_event(1, "note", "in its turn")
        connection.exec_driver_sql("UPDATE job_event SET message = 'too late'")
    other.dispose()
    assert messages(ledger) == ["in its turn"]


def test_its_clock_is_the_servers_whatever_ours_says(ledger: SqlLedger) -> None:
    assert abs(ledger.now() - time.time()) < 60
