"""Jobs: the moves between their states, and what they say of themselves."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from kraken_core.domain.errors import IllegalMoveError
from kraken_core.domain.jobs import (
    FILE_MOVES,
    MOVES,
    UNFINISHED,
    Control,
    FileIngestionRecord,
    FileStatus,
    IngestionJob,
    JobMetrics,
    JobStatus,
)
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.request import Request

PENDING, RUNNING, PAUSED, COMPLETED, FAILED, CANCELLED = JobStatus

ACTS: dict[JobStatus, Callable[[IngestionJob], IngestionJob]] = {
    RUNNING: lambda job: job.mark_running("worker 1"),
    PAUSED: lambda job: job.mark_paused(),
    COMPLETED: lambda job: job.mark_completed(),
    FAILED: lambda job: job.mark_failed("disk full"),
    CANCELLED: lambda job: job.mark_cancelled(),
}
ALLOWED = {
    (PENDING, RUNNING),
    (PENDING, FAILED),
    (PENDING, CANCELLED),
    (RUNNING, PAUSED),
    (RUNNING, COMPLETED),
    (RUNNING, FAILED),
    (RUNNING, CANCELLED),
    (PAUSED, RUNNING),
    (PAUSED, CANCELLED),
    (FAILED, RUNNING),
    (FAILED, CANCELLED),
}
EVERY_MOVE = [(before, after) for before in JobStatus for after in ACTS]


def job(status: JobStatus = PENDING, metrics: JobMetrics | None = None) -> IngestionJob:
    return IngestionJob(7, status, Request(), 0, datetime(2026, 1, 1, tzinfo=UTC), metrics=metrics or JobMetrics())


@pytest.mark.parametrize(("before", "after"), sorted(ALLOWED))
def test_an_allowed_move_changes_the_state(before: JobStatus, after: JobStatus) -> None:
    assert ACTS[after](job(before)).status is after


@pytest.mark.parametrize(("before", "after"), [move for move in EVERY_MOVE if move not in ALLOWED])
def test_every_other_move_is_refused_and_says_what_is_allowed(before: JobStatus, after: JobStatus) -> None:
    with pytest.raises(IllegalMoveError, match=r"^job 7 ") as refused:
        ACTS[after](job(before))
    onwards = sorted(to for origin, to in ALLOWED if origin is before)
    ways = f"is {before.lower()} and cannot become {after.lower()}, only {', '.join(onwards).lower()}."
    ended = {COMPLETED: "has already completed.", CANCELLED: "has already been cancelled."}
    assert str(refused.value) == f"job 7 {ways if onwards else ended[before]}"


def test_the_table_of_moves_is_the_whole_truth() -> None:
    assert {(before, after) for before, moves in MOVES.items() for after in moves} == ALLOWED
    assert MOVES.keys() == set(JobStatus)


def test_a_job_is_unfinished_while_it_may_still_run() -> None:
    assert set(UNFINISHED) == {status for status in JobStatus if MOVES[status]}


def test_a_move_leaves_the_job_it_was_made_from_alone() -> None:
    before = job(RUNNING)
    assert before.mark_paused() is not before
    assert before.status is RUNNING


def test_a_failed_job_keeps_its_error_until_it_runs_again() -> None:
    failed = job(RUNNING).mark_failed("disk full")
    assert failed.error == "disk full"
    again = failed.mark_running("worker 2")
    assert (again.error, again.worker) == (None, "worker 2")


@pytest.mark.parametrize("after", ACTS)
def test_no_move_takes_along_what_was_asked_of_the_job_or_its_lease(after: JobStatus) -> None:
    before = replace(job(RUNNING if after is not RUNNING else FAILED), requested=Control.PAUSE, lease_until=1_000)
    moved = ACTS[after](before)
    assert (moved.requested, moved.lease_until) == (None, None)


def test_a_running_job_is_believed_to_run_until_its_lease_ends() -> None:
    assert job().mark_running("worker 1", lease_until=1_030).lease_until == 1_030


# progress_pct


@pytest.mark.parametrize(
    ("metrics", "percent"),
    [
        (JobMetrics(), 0.0),
        (JobMetrics(total_files=8), 0.0),
        (JobMetrics(total_files=8, files_ingested=1), 12.5),
        (JobMetrics(total_files=8, files_ingested=1, files_skipped=4, files_failed=1), 75.0),
        (JobMetrics(total_files=8, files_skipped=8), 99.0),  # the rest of its stages are left
    ],
)
def test_progress_counts_every_file_that_is_done_with(metrics: JobMetrics, percent: float) -> None:
    assert job(RUNNING, metrics).progress_pct == percent


def test_progress_never_falls_though_there_turns_out_to_be_more_to_do() -> None:
    running = replace(job(RUNNING, JobMetrics(total_requests=40, requests=10)), reached_pct=80.0)
    assert running.progress_pct == 80.0


def test_a_completed_job_is_at_100_percent_even_without_a_file() -> None:
    assert job(RUNNING).mark_completed().progress_pct == 100.0


def test_a_cancelled_job_stays_where_it_was() -> None:
    assert job(RUNNING, JobMetrics(total_files=4, files_ingested=1)).mark_cancelled().progress_pct == 25.0


def test_a_job_shows_its_metrics_by_the_names_of_the_plan() -> None:
    metrics = JobMetrics(total_files=5, files_ingested=4, records_ingested=3, gaps_detected=2, gaps_filled=1)
    shown = job(RUNNING, metrics)
    assert (shown.total_files, shown.files_ingested, shown.records_ingested) == (5, 4, 3)
    assert (shown.gaps_detected, shown.gaps_filled) == (2, 1)


def test_a_job_can_be_handed_to_another_process() -> None:
    running = job().mark_running("worker 1")
    assert pickle.loads(pickle.dumps(running)) == running  # noqa: S301 - its own bytes


FILE_MARKS: dict[FileStatus, Callable[[FileIngestionRecord], FileIngestionRecord]] = {
    FileStatus.COMPLETED: lambda file: file.mark_read(known=False),
    FileStatus.SKIPPED: lambda file: file.mark_read(known=True),
    FileStatus.FAILED: lambda file: file.mark_failed("it ends within a row"),
}


def file_that_is(status: FileStatus) -> FileIngestionRecord:
    return FileIngestionRecord("dump.zip", "XBTUSD_60.csv", "crc", 82, Series(Pair("BTC", "USD"), 60), status)


@pytest.mark.parametrize("after", FILE_MARKS)
@pytest.mark.parametrize("before", FileStatus)
def test_a_file_is_done_with_once_in_a_job(before: FileStatus, after: FileStatus) -> None:
    file = file_that_is(before)
    if after in FILE_MOVES[before]:
        assert FILE_MARKS[after](file).status is after
        assert file.status is before  # the record it was made from is left alone
    else:
        refusal = f"XBTUSD_60.csv is {before.lower()} in this job and cannot become {after.lower()}"
        with pytest.raises(IllegalMoveError, match=refusal):
            FILE_MARKS[after](file)


def test_a_file_that_could_not_be_read_says_why() -> None:
    failed = file_that_is(FileStatus.PENDING).mark_failed("it ends within a row")
    assert failed.failure == "XBTUSD_60.csv: it ends within a row"
