"""A ledger on SQLite that another program keeps locked: it is waited for, and what was to be written is so once."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kraken_core.domain.errors import LedgerError
from kraken_core.domain.jobs import JobMetrics
from kraken_core.domain.request import Request
from kraken_core.ledger import sqlite
from kraken_core.ledger.ledger import SqlLedger

KINDS = pytest.mark.parametrize("kind", ["IMMEDIATE", "EXCLUSIVE"])


class FixedClock:
    def now(self) -> int:
        return 1_750_000_000


def opened(file: Path) -> SqlLedger:
    return SqlLedger.open(f"sqlite:///{file}", "candles", FixedClock())


@contextmanager
def locked(file: Path, kind: str) -> Iterator[sqlite3.Connection]:
    other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    other.execute(f"BEGIN {kind}")
    try:
        yield other
    finally:
        if other.in_transaction:
            other.execute("ROLLBACK")
        other.close()


@KINDS
def test_a_ledger_that_is_locked_for_a_while_is_waited_for(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "ledger.db"
    ledger = opened(file)
    ledger.create_job(Request(), 0, [], JobMetrics())
    with locked(file, kind) as other:
        ended = threading.Timer(0.3, other.execute, ["ROLLBACK"])
        ended.start()
        ledger.add_event(1, "note", "once")
        ended.join()
    assert [event.message for event in ledger.events(1)] == ["once"]
    ledger.close()


@KINDS
def test_one_that_stays_locked_is_said_and_nothing_is_written(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "ledger.db"
    opened(file).close()
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 0.2)
    ledger = opened(file)
    before = [job.id for job in ledger.jobs()]
    with locked(file, kind), pytest.raises(LedgerError, match=r"a backup or a viewer, kept it locked for 0\.2 s"):
        ledger.create_job(Request(), 0, [], JobMetrics())
    assert [job.id for job in ledger.jobs()] == before
    ledger.close()
