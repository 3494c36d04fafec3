"""``kraken-history doctor --repair`` mends jobs and the table, and only what it is asked to."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from kraken_core import Workbench
from kraken_core.domain.jobs import IngestionJob, JobStatus
from kraken_core.domain.market import Series
from kraken_core.domain.timerange import END_OF_TIME, TimeRanges
from kraken_core.workbench.jobs import disk, stalled
from kraken_core.workbench.jobs.worker_process import this_worker
from tests.support.command_line import Kraken, refused
from tests.support.doctor import change, findings, the_one_that_is_not_well
from tests.support.little_market import LOST, LittleMarket

A_DAY_S = 86_400
EVER = TimeRanges.single(0, END_OF_TIME)


def in_state(kraken: Kraken, move: Callable[[IngestionJob], IngestionJob]) -> None:
    """Job 2, moved to where it is wanted."""
    with Workbench.open(kraken.home) as workbench:
        job = workbench.runner.start(workbench.plan(tier="TIER1", api_backfill=False))
        workbench.ledger.move(job, move(job))


def status_of(kraken: Kraken, number: int) -> JobStatus:
    with Workbench.open(kraken.home) as workbench:
        return workbench.ledger.job(number).status


def test_an_orphaned_job_is_told_and_left_alone_until_repaired(full: Kraken, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stalled, "HEARTBEAT_S", 0.05)  # for so long, twice, one looks whether there is one after all
    in_state(full, lambda job: job.mark_running("elsewhere:1:0", 1))
    name, status, message = the_one_that_is_not_well(full)
    assert (name, status) == ("jobs", "warning")
    assert "the worker of job 2 is gone: resume with kraken-history ingest --resume 2" in message
    assert status_of(full, 2) is JobStatus.RUNNING
    assert full("doctor", "--repair", "--json").json["repairs"] == [
        "job 2 had lost its worker; resume it with kraken-history ingest --resume 2"
    ]
    assert status_of(full, 2) is JobStatus.FAILED


def test_a_job_that_did_not_end_is_told(full: Kraken) -> None:
    in_state(full, lambda job: job.mark_failed("no reason"))
    name, status, message = the_one_that_is_not_well(full)
    assert (name, status) == ("jobs", "warning")
    assert "kraken-history ingest --resume 2" in message


def test_while_a_job_runs_nothing_is_repaired(full: Kraken) -> None:
    in_state(full, lambda job: job.mark_running(this_worker(), int(time.time()) + A_DAY_S))
    assert "job 2 is running" in findings(full)["jobs"][1]
    change(full, "UPDATE data_coverage_range SET candles = 0 WHERE candles > 0")
    before = full.rows("coverage")
    assert "job 2 is running, so nothing was repaired" in refused(full("doctor", "--repair", code=1))
    assert full.rows("coverage") == before


def repaired(kraken: Kraken, code: int = 0) -> Any:
    return kraken("doctor", "--repair", "--json", code=code).json


def test_where_nothing_is_to_be_mended_nothing_is(full: Kraken) -> None:
    before = full.state()
    document = repaired(full)
    assert document["repairs"] == []
    assert [check["status"] for check in document["checks"] if check["name"] == "counts"] == ["ok"]
    assert full.state() == before


def test_candles_that_were_not_counted_are(full: Kraken) -> None:
    before = full.state()
    change(full, "UPDATE data_coverage_range SET candles = candles - 1 WHERE candles > 0 AND pair_id = 1")
    assert full.state() != before
    [line] = repaired(full)["repairs"]
    assert "counted the candles of " in line
    assert full.state() == before
    assert repaired(full)["repairs"] == []


def test_candles_that_are_gone_are_read_again_and_no_counting_hides_them(full: Kraken) -> None:
    before = full.state()
    with Workbench.open(full.home) as workbench:
        workbench.store.commit([], clear={LOST: EVER})
    assert "candles of BTC/EUR were lost (fewer than counted), and are gaps" in repaired(full)["repairs"][0]
    assert full.state() == before
    assert repaired(full)["repairs"] == []


def test_candles_that_an_unfinished_job_may_have_been_about_to_replace_are_left_to_it(
    full: Kraken, little: LittleMarket
) -> None:
    before = full.state()
    in_state(full, lambda job: job.mark_failed("killed"))
    with Workbench.open(full.home) as workbench:
        workbench.store.commit([], clear={LOST: EVER})
    counts = {check["name"]: check for check in repaired(full)["checks"]}["counts"]
    assert counts["status"] == "warning"
    assert f"fewer candles of {LOST}" in counts["message"]
    assert "kraken-history ingest --resume 2" in counts["message"]
    assert full.rows("coverage") == before["coverage"]


def some_minutes(workbench: Workbench) -> pl.DataFrame:
    return workbench.store.candles({Series(LOST.pair, 1): EVER}).head(9)


def test_files_that_nobody_needs_are_deleted_when_no_worker_can_be_about_to_commit_them(full: Kraken) -> None:
    before = full.state()
    with Workbench.open(full.home) as workbench:
        staged = workbench.store.stage(some_minutes(workbench))
    stray = full.home / "candles" / staged.path
    assert repaired(full)["repairs"] == []
    assert stray.exists()
    os.utime(stray, (0, 0))
    [line] = repaired(full)["repairs"]
    assert line.startswith("useless files were deleted: 1 (")
    assert not stray.exists()
    assert full.state() == before


def test_small_files_are_told_and_merged_where_there_is_room_for_it(
    full: Kraken, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = "select * from candles order by pair, interval_minutes, time"
    with Workbench.open(full.home) as workbench:
        for minute in some_minutes(workbench).with_columns(pair=pl.lit("ZEC/USD")).iter_slices(1):
            workbench.store.commit([workbench.store.stage(minute)])
    held = full.rows("sql", query)
    name, status, message = the_one_that_is_not_well(full)
    assert (name, status) == ("table", "warning")
    assert "kraken-history doctor --repair" in message
    with monkeypatch.context() as patched:
        patched.setattr(disk, "free_bytes", lambda _: 1000)
        refusal = {check["name"]: check for check in repaired(full, code=1)["checks"]}["merging"]
        assert (refusal["status"], "too little disk" in refusal["message"]) == ("warning", True)
    [line] = repaired(full)["repairs"]
    assert re.fullmatch(r"merged \d[\d,]* small files into \d+", line)
    assert full.rows("sql", query) == held
    assert {status for status, _ in findings(full).values()} == {"ok"}
