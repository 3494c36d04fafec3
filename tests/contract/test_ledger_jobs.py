"""What every ledger promises of jobs, on each database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from kraken_core.domain.errors import IllegalMoveError, JobError, JobRunningError
from kraken_core.domain.gaps import GapStatus
from kraken_core.domain.jobs import (
    STAGES,
    FileStatus,
    JobMetrics,
    JobStatus,
)
from kraken_core.domain.market import Pair
from kraken_core.domain.request import Request
from kraken_core.ledger.ledger import SqlLedger
from kraken_core.pipeline.progress import Stages
from kraken_core.ports import JobEvent, never_stop, no_progress
from tests.contract.ledger_records import (
    BTC,
    DAYS,
    ETHER,
    HOURS,
    NOON,
    REQUEST,
    SetClock,
    a_file,
    a_gap,
    a_job,
    a_running_job,
    read,
)

pytest_plugins = ["tests.support.servers", "tests.contract.ledgers"]


def test_a_new_job_is_pending_with_its_files_in_the_order_of_the_plan(ledger: SqlLedger) -> None:
    job = a_job(ledger, a_file(DAYS), a_file(HOURS), a_file(ETHER))

    assert job == ledger.job(job.id)
    assert (job.status, job.request, job.as_of, job.total_files) == (JobStatus.PENDING, REQUEST, NOON, 3)
    assert job.created_at == datetime.fromtimestamp(NOON, UTC)
    assert job.created_at.tzinfo is UTC
    pending = ledger.pending_files(job.id)
    assert [file.series for file in pending] == [DAYS, HOURS, ETHER]
    assert pending[0] == a_file(DAYS, id=pending[0].id, job_id=job.id)


def test_a_job_nobody_created_is_an_error_that_names_it(ledger: SqlLedger) -> None:
    with pytest.raises(JobError, match=r"no job 41.*kraken-history jobs"):
        ledger.job(41)
    with pytest.raises(JobError, match="no job 41"):
        ledger.add_event(41, "note", "to nobody")


def test_a_job_that_never_ran_is_discarded_without_a_trace_and_any_other_stays(ledger: SqlLedger) -> None:
    running, never_ran = a_running_job(ledger), a_job(ledger, a_file(DAYS))
    ledger.add_event(never_ran.id, "note", "refused")
    for job in (never_ran, replace(running, status=JobStatus.PENDING)):
        ledger.discard_job(job)

    assert [job.id for job in ledger.jobs()] == [running.id]
    assert ledger.files(never_ran.id) == []
    assert "refused" not in {event.message for event in ledger.events(never_ran.id)}


def test_jobs_come_newest_first_and_by_status_and_request(ledger: SqlLedger) -> None:
    other = Request(pairs=(BTC,))
    first, second, third = a_job(ledger), a_job(ledger, request=other), a_running_job(ledger)

    assert [job.id for job in ledger.jobs()] == [third.id, second.id, first.id]
    assert [job.id for job in ledger.jobs([JobStatus.PENDING])] == [second.id, first.id]
    assert [job.id for job in ledger.jobs(request_key=REQUEST.key)] == [third.id, first.id]
    assert ledger.jobs([JobStatus.RUNNING], other.key) == []


def test_a_request_may_name_every_pair_there_is(ledger: SqlLedger) -> None:
    request = Request(pairs=tuple(Pair(f"COIN{number}", "USD") for number in range(1500)))

    assert ledger.jobs(request_key=a_job(ledger, request=request).request.key)[0].request == request


def test_a_job_starts_once_and_ends_each_time_it_stops(ledger: SqlLedger, clock: SetClock) -> None:
    running = a_running_job(ledger)
    clock.instant += 60
    failed = ledger.move(running, running.mark_failed("disk full"))
    clock.instant += 60
    again = ledger.move(failed, failed.mark_running("worker 2"))

    assert running.started_at == again.started_at == datetime.fromtimestamp(NOON, UTC)
    assert (failed.finished_at, failed.error) == (datetime.fromtimestamp(NOON + 60, UTC), "disk full")
    assert (again.finished_at, again.error, again.worker) == (None, None, "worker 2")


def test_a_completed_job_is_at_a_hundred_percent(ledger: SqlLedger) -> None:
    running = a_running_job(ledger, a_file())
    ledger.move(running, running.mark_completed())

    assert ledger.job(running.id).progress_pct == 100
    assert ledger.table_frame("jobs")["progress_pct"].to_list() == [100]


def test_a_job_that_somebody_moved_meanwhile_is_not_moved_again(ledger: SqlLedger) -> None:
    running = a_running_job(ledger)
    ledger.move(running, running.mark_paused())

    with pytest.raises(IllegalMoveError, match=f"job {running.id} is paused now.*completed"):
        ledger.move(running, running.mark_completed())
    assert ledger.job(running.id).status is JobStatus.PAUSED


def test_a_job_taken_up_by_another_worker_is_not_failed_for_the_lost_one(ledger: SqlLedger) -> None:
    lost = a_running_job(ledger, worker="lost")
    failed = ledger.move(lost, lost.mark_lost("no sign of life"))
    ledger.move(failed, failed.mark_running("found"))

    with pytest.raises(IllegalMoveError):
        ledger.move(lost, lost.mark_lost("no sign of life"))
    assert ledger.job(lost.id).worker == "found"


def test_who_takes_up_a_job_that_another_just_took_up_is_told_that_it_is_running(ledger: SqlLedger) -> None:
    job = a_job(ledger)
    ledger.move(job, job.mark_running("one"))

    with pytest.raises(JobRunningError, match=rf"job {job.id} is running \(stage start\).*kraken-history pause"):
        ledger.move(job, job.mark_running("other"))
    assert ledger.job(job.id).worker == "one"


def test_one_job_runs_on_a_candle_table_and_the_next_is_told_which(opened: Callable[..., SqlLedger]) -> None:
    ledger = opened()
    running, second = a_running_job(ledger), a_job(ledger)
    ledger.progress(running.id, "ingest", running.metrics)

    with pytest.raises(JobRunningError, match=rf"job {running.id} is running \(stage ingest\).*kraken-history pause"):
        ledger.move(second, second.mark_running("worker 2"))
    assert ledger.job(second.id).status is JobStatus.PENDING
    ledger.move(running, running.mark_paused())
    assert ledger.move(second, second.mark_running("worker 2")).status is JobStatus.RUNNING


def test_jobs_of_two_candle_tables_run_side_by_side(opened: Callable[..., SqlLedger]) -> None:
    assert a_running_job(opened("here")).status is JobStatus.RUNNING
    assert a_running_job(opened("there")).status is JobStatus.RUNNING


def test_progress_is_kept_whatever_the_job_becomes(ledger: SqlLedger) -> None:
    running = a_running_job(ledger, a_file(), a_file(DAYS))
    metrics = JobMetrics(total_files=2, files_ingested=1, records_read=500, gaps_open=3)
    ledger.progress(running.id, "ingest", metrics)
    paused = ledger.move(running, running.mark_paused())

    assert (paused.metrics, paused.stage, paused.progress_pct) == (metrics, "ingest", 50)


def test_progress_never_falls_though_there_turns_out_to_be_more_to_do(ledger: SqlLedger) -> None:
    running = a_running_job(ledger)
    ledger.progress(running.id, "backfill", JobMetrics(total_requests=4, requests=3))
    ledger.progress(running.id, "backfill", JobMetrics(total_requests=40, requests=4))

    assert ledger.job(running.id).progress_pct == 75
    assert ledger.table_frame("jobs")["progress_pct"].to_list() == [75]


def test_progress_of_a_job_that_does_not_run_is_refused(ledger: SqlLedger) -> None:
    running = a_running_job(ledger)
    ledger.move(running, running.mark_cancelled())

    with pytest.raises(IllegalMoveError, match=f"job {running.id} is CANCELLED"):
        ledger.progress(running.id, "ingest", JobMetrics(total_files=9))
    assert ledger.job(running.id).total_files == 0


def test_a_resumed_job_gets_its_failed_files_back(ledger: SqlLedger) -> None:
    running = a_running_job(ledger, a_file(), a_file(DAYS))
    good, bad = ledger.pending_files(running.id)
    outcome = [read(good), replace(bad, status=FileStatus.FAILED, error="cut short")]
    ledger.record_files(running.id, outcome, [], {}, JobMetrics(total_files=2, files_ingested=1, files_failed=1))
    assert ledger.pending_files(running.id) == []
    paused = ledger.move(running, running.mark_paused())
    resumed = ledger.move(paused, paused.mark_running("worker 2"))

    assert ledger.pending_files(running.id) == [bad]
    assert resumed.metrics == JobMetrics(total_files=2, files_ingested=1)
    assert resumed.progress_pct == 50


def test_events_are_told_oldest_first(ledger: SqlLedger, clock: SetClock) -> None:
    job, other = a_job(ledger), a_job(ledger)
    ledger.add_event(job.id, "started", "by worker 1")
    ledger.add_event(other.id, "started", "by worker 2")
    clock.instant += 5
    ledger.add_event(job.id, "paused", "by request")

    assert ledger.events(job.id) == [
        JobEvent(NOON, "started", "by worker 1"),
        JobEvent(NOON + 5, "paused", "by request"),
    ]


@pytest.mark.parametrize("ended", ["mark_paused", "mark_cancelled", "mark_completed"])
def test_a_job_that_stops_leaves_no_gap_being_filled(ledger: SqlLedger, ended: str) -> None:
    job = a_running_job(ledger)
    gap, other = ledger.record_gaps({}, [a_gap(), a_gap(ETHER)], [])
    ledger.record_gaps({}, [gap._replace(status=GapStatus.BACKFILLING)], [])
    ledger.move(job, getattr(job, ended)())

    assert ledger.gaps() == [gap, other]


def test_gaps_of_a_worker_that_vanished_are_free_once_its_job_is_taken_for_lost(ledger: SqlLedger) -> None:
    job = a_running_job(ledger)
    [gap] = ledger.record_gaps({}, [a_gap()], [])
    ledger.record_gaps({}, [gap._replace(status=GapStatus.BACKFILLING)], [])
    waiting = a_job(ledger)
    ledger.move(waiting, waiting.mark_cancelled())
    assert [each.status for each in ledger.gaps()] == [GapStatus.BACKFILLING], "the job that fills it still runs"
    ledger.move(job, job.mark_lost("no sign of life"))
    assert ledger.gaps() == [gap]


def test_gaps_that_an_earlier_version_left_being_filled_are_free_once_a_job_runs(ledger: SqlLedger) -> None:
    [gap] = ledger.record_gaps({}, [a_gap()], [])
    ledger.record_gaps({}, [gap._replace(status=GapStatus.BACKFILLING)], [])
    a_running_job(ledger)

    assert ledger.gaps() == [gap]


def test_a_jobs_stage_never_goes_back_though_rounds_of_repair_do(ledger: SqlLedger) -> None:
    job = a_running_job(ledger)
    stages = Stages(job, job.metrics, ledger, no_progress, never_stop)
    seen = []
    for name in ("ingest", "cover", "detect", "backfill", "cover", "detect", "backfill", "check", "report"):
        with stages.stage(name):
            seen.append(ledger.job(job.id).stage_number)
    assert seen == sorted(seen)
    assert ledger.job(job.id).stage_number == len(STAGES)
    assert stages.seconds.keys() == {"ingest", "cover", "detect", "backfill", "check", "report"}
