"""A ledger that is only to be read: the database itself refuses to write, and an older one is left as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import update

from kraken_core.domain.errors import HomeError, LedgerError
from kraken_core.ledger.engine import open_engine, writing
from kraken_core.ledger.ledger import SqlLedger
from kraken_core.ledger.models import version
from tests.contract.ledger_records import SetClock, a_running_job

pytest_plugins = ["tests.support.servers", "tests.contract.ledgers"]


@pytest.fixture
def read_only(database: str, clock: SetClock) -> Iterator[Callable[[], SqlLedger]]:
    """Opens the test's ledger only to be read."""
    ledgers: list[SqlLedger] = []

    def opened() -> SqlLedger:
        found = SqlLedger.existing(database, "candles", clock, read_only=True)
        assert found is not None
        ledgers.append(found)
        return found

    yield opened
    for each in ledgers:
        each.close()


def test_it_shows_what_another_process_writes_meanwhile(ledger: SqlLedger, read_only: Callable[[], SqlLedger]) -> None:
    reader = read_only()
    assert reader.jobs() == []
    job = a_running_job(ledger)
    assert [each.id for each in reader.jobs()] == [job.id]


def test_the_database_refuses_whatever_would_write(ledger: SqlLedger, read_only: Callable[[], SqlLedger]) -> None:
    job = a_running_job(ledger)
    reader, before = read_only(), ledger.events(job.id)
    with pytest.raises(LedgerError, match=r"read-?only"):
        reader.add_event(job.id, "note", "never kept")
    assert ledger.events(job.id) == before


def test_an_older_ledger_is_refused_and_not_migrated(
    database: str, ledger: SqlLedger, read_only: Callable[[], SqlLedger]
) -> None:
    assert ledger.jobs() == []
    engine = open_engine(database)
    with writing(engine) as connection:
        connection.execute(update(version).values(version_num="0001"))
    with pytest.raises(HomeError, match="kraken-history jobs brings it up to date"):
        read_only()
    with engine.connect() as connection:
        assert connection.scalar(version.select()) == "0001"
    engine.dispose()


def test_a_newer_ledger_is_refused_as_that(
    database: str, ledger: SqlLedger, read_only: Callable[[], SqlLedger]
) -> None:
    assert ledger.jobs() == []
    engine = open_engine(database)
    with writing(engine) as connection:
        connection.execute(update(version).values(version_num="9999"))
    with pytest.raises(HomeError, match="newer version"):
        read_only()
    engine.dispose()
