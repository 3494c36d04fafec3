"""Claims of kept trades: made once, joined where they go on, and forgotten with their job or their table."""

from __future__ import annotations

import pytest

from kraken_core.domain.errors import UsageError
from kraken_core.domain.jobs import JobMetrics
from kraken_core.domain.kept_trades import API_RANK, KeptClaim, TradeSource
from kraken_core.domain.market import Pair
from kraken_core.domain.request import Request
from kraken_core.domain.table_mark import TableMark
from kraken_core.ledger.ledger import SqlLedger
from kraken_core.ledger.undone import UNDONE
from tests.contract.ledger_records import a_running_job

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


def test_the_version_a_job_found_first_is_what_undoing_it_restores_once_it_kept_trades(
    ledger: SqlLedger, job: int
) -> None:
    ledger.record_trades_version(job, 3)
    ledger.record_trades_version(job, 8)
    assert ledger.trades_version(job) is None
    ledger.record_kept(job, [claim(0, 60)], TABLE, MARK)
    ledger.record_trades_version(job, 9)
    assert ledger.trades_version(job) == 3


def test_what_another_job_kept_before_the_first_claim_of_a_resumed_one_is_not_undone_with_it(ledger: SqlLedger) -> None:
    resumed = a_running_job(ledger)
    ledger.record_trades_version(resumed.id, 3)
    stopped = ledger.move(resumed, resumed.mark_failed("on purpose"))
    other = a_running_job(ledger)
    ledger.record_kept(other.id, [claim(0, 60)], TABLE, MARK)
    ledger.move(other, other.mark_completed())
    again = ledger.move(stopped, stopped.mark_running("worker 2"))
    ledger.record_trades_version(again.id, 8)
    ledger.record_kept(again.id, [claim(60, 120)], TABLE, MARK)
    assert ledger.trades_version(again.id) == 8


def test_a_job_that_kept_trades_since_is_undone_first(ledger: SqlLedger) -> None:
    first, second = (kept_by_a_job(ledger, claim(start, start + 60)) for start in (0, 60))
    with pytest.raises(UsageError, match=f"job {second} did since"):
        ledger.undo(first)
    ledger.undo(second)
    ledger.add_event(second, UNDONE, "")
    ledger.undo(first)
    assert ledger.kept_claims() == []


def test_jobs_that_kept_trades_in_turns_are_not_undone_though_one_goes_on_where_it_stopped(ledger: SqlLedger) -> None:
    resumed = a_running_job(ledger)
    ledger.record_kept(resumed.id, [claim(0, 60, 1, 9)], TABLE, MARK)
    stopped = ledger.move(resumed, resumed.mark_failed("on purpose"))
    other = kept_by_a_job(ledger, claim(600, 660, 90, 99))
    again = ledger.move(stopped, stopped.mark_running("worker 2"))
    ledger.record_kept(again.id, [claim(60, 120, 10, 19)], TABLE, MARK)
    ledger.move(again, again.mark_completed())
    for job in (resumed.id, other):
        with pytest.raises(UsageError, match="in turns"):
            ledger.undo(job)


def kept_by_a_job(ledger: SqlLedger, *claims: KeptClaim) -> int:
    job = a_running_job(ledger)
    ledger.record_kept(job.id, claims, TABLE, MARK)
    ledger.move(job, job.mark_completed())
    return job.id
