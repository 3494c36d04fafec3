"""Claims of kept trades: made once, joined where they go on, and forgotten with their job or their table."""

from __future__ import annotations

import pytest

from kraken_core.domain.jobs import JobMetrics
from kraken_core.domain.kept_trades import API_RANK, KeptClaim, TradeSource
from kraken_core.domain.market import Pair
from kraken_core.domain.request import Request
from kraken_core.domain.table_mark import TableMark
from kraken_core.ledger.ledger import SqlLedger

pytest_plugins = ["tests.support.servers", "tests.contract.ledgers"]

BTC = Pair("BTC", "USD")
TABLE, MARK = "trades", TableMark("a table", 3, "stamp")


def claim(start: int, end: int, first: int | None = None, last: int | None = None, **more: object) -> KeptClaim:
    made = KeptClaim(BTC, start, end, TradeSource.REST, API_RANK, "a sweep", first, last, proved=True)
    return made._replace(**more)  # type: ignore[arg-type] # of its own fields


@pytest.fixture
def job(ledger: SqlLedger) -> int:
    return ledger.create_job(Request(pairs=(BTC,), backfill=True), 0, [], JobMetrics()).id


def test_a_claim_that_goes_on_with_the_next_id_makes_the_one_before_it_longer(ledger: SqlLedger, job: int) -> None:
    ledger.record_kept(job, [claim(0, 60, 1, 4), claim(60, 120, 5, 9)], TABLE, MARK)
    ledger.record_kept(job, [claim(120, 180, 10, 10)], TABLE, MARK)
    assert ledger.kept_claims([BTC]) == [claim(0, 180, 1, 10)]


def test_a_claim_behind_a_skipped_id_is_one_of_its_own(ledger: SqlLedger, job: int) -> None:
    made = [claim(0, 60, 1, 4), claim(60, 120, 6, 9), claim(120, 180, 10, 11, proved=False)]
    ledger.record_kept(job, made, TABLE, MARK)
    assert ledger.kept_claims([BTC]) == made


def test_what_was_claimed_before_is_not_claimed_again(ledger: SqlLedger, job: int) -> None:
    for _ in range(2):
        ledger.record_kept(job, [claim(0, 60, 1, 4)], TABLE, MARK)
    ledger.record_kept(job, [claim(0, 120, 1, 9)], TABLE, MARK)
    assert [(each.start, each.end) for each in ledger.kept_claims()] == [(0, 60), (60, 120)]


def test_the_table_is_known_as_the_last_job_left_it_until_it_is_lost(ledger: SqlLedger, job: int) -> None:
    assert ledger.known_trades(TABLE) is None
    ledger.record_kept(job, [claim(0, 60)], TABLE, MARK)
    assert ledger.known_trades(TABLE) == MARK
    assert ledger.known_trades("somewhere else") == TableMark()  # some table has to be there
    assert ledger.forget_kept(TABLE) == 1
    assert ledger.kept_claims() == []
    assert ledger.known_trades(TABLE) is None


def test_the_version_a_job_found_first_is_remembered(ledger: SqlLedger, job: int) -> None:
    assert ledger.trades_version(job) is None
    ledger.record_trades_version(job, 3)
    ledger.record_trades_version(job, 8)
    assert ledger.trades_version(job) == 3
