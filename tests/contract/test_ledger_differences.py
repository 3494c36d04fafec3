"""What every ledger promises of differences between sources, on each database."""

from __future__ import annotations

from kraken_core.domain.candles import Source
from kraken_core.domain.differences import Difference, Origin
from kraken_core.domain.jobs import JobMetrics
from kraken_core.ledger.ledger import SqlLedger
from tests.contract.ledger_records import DAY, DAYS, ETH, ETHER, HOURS, a_claim, a_file, a_job, a_running_job, read

pytest_plugins = ["tests.support.servers", "tests.contract.ledgers"]

NEW, OLD = Origin(Source.CSV, "beef", "/archives/new.zip"), Origin(Source.CSV, "cafe", "/archives/old.zip")
FOUND = Difference(HOURS, 0, DAY, 12, NEW, OLD, volume=0.0025, trades=0.5)


def test_differences_come_back_as_they_were_found_by_series_and_time(ledger: SqlLedger) -> None:
    others = [
        FOUND._replace(series=ETHER, price=1e-9),
        FOUND._replace(start=DAY, end=2 * DAY, other=Origin(Source.OHLC)),
    ]
    ledger.record_differences([*others, FOUND])

    assert ledger.differences() == [FOUND, others[1], others[0]]
    assert ledger.differences([ETHER]) == [others[0]]
    assert ledger.differences([DAYS]) == []


def test_a_difference_is_of_the_job_that_runs(ledger: SqlLedger) -> None:
    ledger.record_differences([FOUND])
    job = a_running_job(ledger)
    ledger.record_differences([FOUND._replace(series=ETHER)])

    assert ledger.differences(job_id=job.id) == [FOUND._replace(series=ETHER, job_id=job.id)]
    assert [each.job_id for each in ledger.differences()] == [None, job.id]


def test_what_an_undone_job_found_differs_no_more(ledger: SqlLedger) -> None:
    job = a_running_job(ledger)
    ledger.record_table_version(job.id, 0)
    ledger.record_differences([FOUND])
    ledger.record_files(job.id, [], [a_claim()], {}, job.metrics)
    ledger.move(ledger.job(job.id), ledger.job(job.id).mark_completed())
    ledger.undo(job.id)

    assert ledger.differences() == []
    assert ledger.table_frame("differences").is_empty()


def test_contents_are_found_by_series_with_the_archive_they_were_read_from_last(ledger: SqlLedger) -> None:
    first = a_running_job(ledger, a_file(path="/a.zip"), a_file(ETHER, path="/a.zip"))
    hours, ether = ledger.pending_files(first.id)
    ledger.record_files(first.id, [read(hours, "beef"), read(ether, "cafe")], [], {}, JobMetrics())
    again = a_job(ledger, a_file(path="/b.zip"), a_file(DAYS, path="/b.zip"))
    hours, _ = ledger.pending_files(again.id)
    ledger.record_files(again.id, [read(hours, "beef")], [], {}, JobMetrics())

    assert ledger.contents([HOURS.pair]) == {HOURS: {"beef": "/b.zip"}}
    assert ledger.contents([ETH]) == {ETHER: {"cafe": "/a.zip"}}


def test_differences_are_a_view_of_sql(ledger: SqlLedger) -> None:
    ledger.record_differences([FOUND])

    row = ledger.table_frame("differences").row(0, named=True)
    assert (row["pair"], row["interval_minutes"], row["slots"]) == ("BTC/USD", 60, 12)
    assert (row["kept_evidence"], row["other_path"]) == ("beef", "/archives/old.zip")
    assert (row["volume_difference"], row["trades_difference"], row["price_difference"]) == (0.0025, 0.5, 0.0)
