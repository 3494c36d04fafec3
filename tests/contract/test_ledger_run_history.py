"""What every ledger keeps of runs that have ended, on each database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from kraken_core.domain.completeness import Completeness
from kraken_core.domain.gaps import GapStatus
from kraken_core.domain.jobs import FileStatus, JobMetrics, JobOrigin, Trigger
from kraken_core.domain.request import JobKind
from kraken_core.domain.run_history import CompletenessPoint, StageRun, VerificationRecord
from kraken_core.domain.table_mark import TableMark
from kraken_core.domain.verification.checks import Check
from kraken_core.domain.verification.silences import Silence
from kraken_core.ledger.ledger import SqlLedger
from tests.contract.ledger_records import (
    DAY,
    ETHER,
    HOURS,
    NOON,
    REQUEST,
    SetClock,
    a_file,
    a_gap,
    a_job,
    a_running_job,
    detected,
    read,
)

pytest_plugins = ["tests.support.servers", "tests.contract.ledgers"]


def test_stages_come_back_in_order_each_with_its_start(ledger: SqlLedger) -> None:
    job, other = a_running_job(ledger), a_job(ledger)
    began = datetime(2026, 7, 8, 12, 0, 0, 250_000, tzinfo=UTC)
    first, second = StageRun("cover", began, 2.5), StageRun("cover", began + timedelta(seconds=60), 10.0)
    ledger.progress(job.id, "detect", job.metrics, [first])
    ledger.record_stages(other.id, [first])
    ledger.record_stages(job.id, [second])

    assert ledger.stages(job.id) == [first, second]


def test_a_job_keeps_what_began_it_and_what_it_was(ledger: SqlLedger) -> None:
    watched = ledger.create_job(REQUEST, NOON, [], JobMetrics(), JobOrigin(Trigger.WATCH))
    ledger.create_job(REQUEST, NOON, [], JobMetrics(), JobOrigin(kind=JobKind.RETRY))

    assert (watched.trigger, watched.kind) == (Trigger.WATCH, JobKind.INGEST)
    assert [(job.trigger, job.kind) for job in ledger.jobs()] == [
        (Trigger.HAND, JobKind.RETRY),
        (Trigger.WATCH, JobKind.INGEST),
    ]


def test_of_jobs_of_earlier_versions_nobody_says_what_began_them(ledger: SqlLedger) -> None:
    job = a_job(ledger)
    with ledger._writing() as connection:
        connection.execute(text("UPDATE ingestion_job SET trigger = NULL, kind = NULL"))

    assert (ledger.job(job.id).trigger, ledger.job(job.id).kind) == (None, None)


def test_each_gap_names_the_job_that_was_the_last_to_change_it(ledger: SqlLedger) -> None:
    first = a_running_job(ledger)
    worker = ledger.for_worker(first, lambda: TableMark("", 0, ""))
    gap, other = worker.record_gaps(detected(HOURS, ETHER), [a_gap(), a_gap(ETHER)], [])
    ledger.move(first, first.mark_completed())
    second = a_running_job(ledger, worker="worker 2")
    worker = ledger.for_worker(second, lambda: TableMark("", 0, ""))
    worker.record_gaps(detected(HOURS), [], [gap])
    worker.record_gaps(detected(ETHER), [other], [])

    assert ledger.gaps_of_job(second.id, 9).first == [gap._replace(status=GapStatus.FILLED)]
    assert ledger.gaps_of_job(first.id, 9).first == [other], "which the second one found as it was"


def test_a_list_has_the_first_files_and_counts_all_of_them(ledger: SqlLedger) -> None:
    job = a_running_job(ledger, *(a_file(member=f"{n}.csv") for n in range(9)))
    files = ledger.pending_files(job.id)
    errors = ("empty", "torn", "torn")
    failed = [replace(f, status=FileStatus.FAILED, error=error) for f, error in zip(files, errors, strict=False)]
    ledger.record_files(job.id, [*failed, read(files[3])], [], {}, job.metrics)

    listed = ledger.files_of_job(job.id, 5)
    assert listed.first == ledger.files(job.id)[:5]
    assert dict(listed.by_status) == {FileStatus.PENDING: 5, FileStatus.FAILED: 3, FileStatus.COMPLETED: 1}
    assert list(listed.reasons.items()) == [("torn", 2), ("empty", 1)], "the most frequent first"
    of_one = ledger.files_of_job(job.id, 2, FileStatus.FAILED)
    assert (of_one.first, of_one.total) == (failed[:2], 3)
    assert ledger.files_of_job(job.id + 1, 5).total == 0


def test_the_files_of_a_series_are_listed_newest_first(ledger: SqlLedger) -> None:
    first = a_running_job(ledger, a_file(member="old.csv"), a_file(series=ETHER, member="other.csv"))
    ledger.move(first, first.mark_completed())
    second = a_running_job(ledger, a_file(member="new.csv"))
    [old, _], [new] = ledger.files(first.id), ledger.files(second.id)

    listed = ledger.files_of_series(HOURS, 1)
    assert (listed.first, listed.total) == ([new], 2)
    assert ledger.files_of_series(HOURS, 9).first == [new, old]


def test_a_list_of_gaps_begins_with_the_largest_and_has_no_reasons_of_filled_ones(ledger: SqlLedger) -> None:
    worker = ledger.for_worker(a_running_job(ledger), lambda: TableMark("", 0, ""))
    small, large = a_gap(start=0, end=DAY, reason="old"), a_gap(start=2 * DAY, end=9 * DAY, reason="old")
    worker.record_gaps(detected(HOURS, ETHER), [small, large, a_gap(ETHER, reason="soon full")], [])
    filled = ledger.gaps([ETHER])
    worker.record_gaps(detected(ETHER), [], filled)

    listed = ledger.gaps_of_job(1, 1)
    assert [(gap.start, gap.end) for gap in listed.first] == [(large.start, large.end)]
    assert dict(listed.by_status) == {GapStatus.DETECTED: 2, GapStatus.FILLED: 1}
    assert dict(listed.reasons) == {"old": 2}


def test_completeness_comes_back_job_by_job(ledger: SqlLedger, clock: SetClock) -> None:
    first, second = a_job(ledger), a_job(ledger)
    before, after = Completeness(10, 4, 3, 2, 1, 1), Completeness(10, 10, 9)
    ledger.record_completeness(first.id, {60: before, 1440: after})
    clock.instant += DAY
    ledger.record_completeness(second.id, {60: after})
    ledger.record_completeness(second.id, {})

    assert ledger.completeness_history() == [
        CompletenessPoint(NOON, first.id, 60, before),
        CompletenessPoint(NOON, first.id, 1440, after),
        CompletenessPoint(NOON + DAY, second.id, 60, after),
    ]


def test_verifications_come_back_whole_the_newest_first(ledger: SqlLedger) -> None:
    checks = (Check("unique", 2, 100, 1, ("BTC/USD 1h: two", "… and 3 more")), Check("sane", 0, 0, 0, ()))
    first = VerificationRecord(NOON, "TIER1", "key", "1 2 3", checks, (Silence(HOURS, 0, DAY, 20.5),))
    second = VerificationRecord(NOON + 1, "everything stored", "", "", (checks[1],))
    ledger.record_verification(first)
    ledger.record_verification(second)

    assert ledger.verifications() == [second, first]
    assert [each.ok for each in ledger.verifications()] == [True, False]
