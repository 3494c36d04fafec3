"""A ledger whose disk is full is read all the same: SQLite, which makes files to read it, is not needed to write."""

from __future__ import annotations

import resource
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from kraken_core.domain.errors import LedgerError
from kraken_core.ledger.engine import open_engine, reading, writing
from kraken_core.ledger.inspection import inspect_ledger
from kraken_core.ledger.schema import bring_up_to_date
from kraken_core.settings import ledger_address

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="has no limit on the size of files")

TICKERS = text("SELECT ticker FROM asset ORDER BY id")
ADD = text("INSERT INTO asset (ticker) VALUES ('ETH')")


@contextmanager
def no_room() -> Iterator[None]:
    """Lets no file become larger than 1 KB, which SQLite takes for a disk without room."""
    ours = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, ours[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, ours)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "ledger.db"
    engine = open_engine(ledger_address(file))
    bring_up_to_date(engine)
    with writing(engine) as connection:
        connection.execute(text("INSERT INTO asset (ticker) VALUES ('BTC')"))
    engine.dispose()
    return file


@pytest.fixture
def engine(file: Path) -> Iterator[Engine]:
    engine = open_engine(ledger_address(file))
    yield engine
    engine.dispose()


def tickers(engine: Engine) -> list[str]:
    with reading(engine) as connection:
        return list(connection.scalars(TICKERS))


def write(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(ADD)


def test_it_is_read(engine: Engine, file: Path) -> None:
    with no_room():
        found = tickers(engine), inspect_ledger(ledger_address(file))
    assert found[0] == ["BTC"]
    assert found[1]
    assert (found[1].is_current, found[1].damage) == (True, "")


def test_whatever_would_write_is_refused_with_what_is_wrong(engine: Engine) -> None:
    with no_room(), pytest.raises(LedgerError, match=r"could not be written: its disk is full.*free some space"):
        write(engine)


def test_once_there_is_room_it_is_written_by_who_had_it_open(engine: Engine) -> None:
    with no_room():
        assert tickers(engine) == ["BTC"]
    write(engine)
    assert tickers(engine) == ["BTC", "ETH"]


def test_where_the_newest_of_it_cannot_be_read_without_room_that_is_what_is_wrong(file: Path, engine: Engine) -> None:
    """A log that was left beside it is only read with its index, which SQLite would make."""
    with closing(sqlite3.connect(file)) as owner:
        owner.execute("INSERT INTO asset (ticker) VALUES ('ETH')")
        owner.commit()
        log = file.with_name(f"{file.name}-wal")
        left = log.read_bytes()
    log.write_bytes(left)
    with no_room(), pytest.raises(LedgerError, match="could not be read: its disk is full"):
        tickers(engine)
    assert log.stat().st_size == len(left)
    assert tickers(engine) == ["BTC", "ETH"]


def test_only_a_lock_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kraken_core.ledger.sqlite.time.sleep", lambda _: pytest.fail("waits"))
    engine = open_engine(ledger_address(tmp_path / "no folder" / "ledger.db"))
    with pytest.raises(LedgerError, match="unable to open database file"):
        tickers(engine)
