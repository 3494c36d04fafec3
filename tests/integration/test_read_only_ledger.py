"""A ledger that may only be read is opened as one, and what its owner changes meanwhile is never missed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from kraken_core.domain.errors import LedgerError
from kraken_core.ledger.engine import open_engine, reading
from kraken_core.ledger.schema import bring_up_to_date
from kraken_core.settings import ledger_address

TICKERS = text("SELECT ticker FROM asset ORDER BY id")


def add(file: Path, ticker: str) -> None:
    """What somebody does who may write."""
    with closing(sqlite3.connect(file)) as owner, owner:
        owner.execute("INSERT INTO asset (ticker) VALUES (?)", [ticker])


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "ledger %?.db"
    engine = open_engine(ledger_address(file))
    bring_up_to_date(engine)
    engine.dispose()
    add(file, "BTC")
    monkeypatch.setattr("kraken_core.ledger.sqlite.may_only_read", Path.is_file)
    return file


def test_nothing_is_made_beside_it(file: Path) -> None:
    engine = open_engine(ledger_address(file))
    with reading(engine) as connection:
        assert connection.scalars(TICKERS).all() == ["BTC"]
        assert [path.name for path in file.parent.iterdir()] == [file.name]
    engine.dispose()


def test_what_was_changed_since_is_read_by_the_next(file: Path) -> None:
    engine = open_engine(ledger_address(file))
    for ticker in ("ETH", "ADA"):
        with reading(engine) as connection:
            before = connection.scalars(TICKERS).all()
        add(file, ticker)
        with reading(engine) as connection:
            assert connection.scalars(TICKERS).all() == [*before, ticker]
    engine.dispose()


def test_what_is_changed_while_it_is_read_is_refused(file: Path) -> None:
    engine = open_engine(ledger_address(file))

    def read() -> None:
        with reading(engine) as connection:
            connection.scalars(TICKERS).all()
            add(file, "ETH")

    with pytest.raises(LedgerError, match="was changed while it was read: try again"):
        read()
    engine.dispose()


def test_what_its_owner_did_not_write_into_it_yet_is_read_too(file: Path) -> None:
    """SQLite keeps what is newest in a file beside it, for as long as somebody has it open."""
    with closing(sqlite3.connect(file)) as owner:
        owner.execute("INSERT INTO asset (ticker) VALUES ('ETH')")
        owner.commit()
        engine = open_engine(ledger_address(file))
        with reading(engine) as connection:
            assert connection.scalars(TICKERS).all() == ["BTC", "ETH"]
        engine.dispose()


def test_one_of_an_earlier_version_is_refused_as_it_would_have_to_be_written(file: Path) -> None:
    with closing(sqlite3.connect(file)) as owner, owner:
        owner.execute("UPDATE alembic_version SET version_num = '0004'")
    engine = open_engine(ledger_address(file))
    with pytest.raises(LedgerError, match="is of revision 0004, and may only be read"):
        bring_up_to_date(engine)
    engine.dispose()
