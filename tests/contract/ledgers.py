"""A ledger on each database, as fixtures."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from kraken_core.ledger.ledger import SqlLedger
from tests.contract.ledger_records import SetClock


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def opened(database: str, clock: SetClock) -> Iterator[Callable[..., SqlLedger]]:
    """Opens the test's ledger, as often as wanted: each is what another process would have."""
    ledgers: list[SqlLedger] = []

    def open_ledger(table: str = "candles") -> SqlLedger:
        ledgers.append(SqlLedger.open(database, table, clock))
        return ledgers[-1]

    yield open_ledger
    for ledger in ledgers:
        ledger.close()


@pytest.fixture
def ledger(opened: Callable[..., SqlLedger]) -> SqlLedger:
    return opened()
