"""A clock that is wrong costs no candle and no job: what it refused is read again once it is right."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from kraken_core import Workbench
from kraken_core.domain.jobs import JobMetrics
from kraken_core.domain.request import Request
from kraken_core.workbench.jobs import lease, stalled
from kraken_core.workbench.jobs.clock import SystemClock
from kraken_core.workbench.jobs.lease import Lease
from tests.support.command_line import Kraken
from tests.support.helping import in_soak
from tests.support.little_market import LittleMarket

IN_THE_MIDDLE = 1_712_233_296  # 2024-04-04 12:21:36, in the second release


@pytest.fixture(params=[IN_THE_MIDDLE, *in_soak(1_712_016_000)])
def behind(request: pytest.FixtureRequest) -> int:
    """What a clock says that is days behind: within a release, and before all of it."""
    return int(request.param)


def test_rows_that_were_too_new_for_a_wrong_clock_are_read_again_once_it_is_right(
    kraken: Kraken, little: LittleMarket, full_home: Path, monkeypatch: pytest.MonkeyPatch, behind: int
) -> None:
    with monkeypatch.context() as wrong:
        wrong.setattr(SystemClock, "now", lambda _: behind)
        kraken("ingest", "--csv-source-dir", little.folder, "--tier", "ALL", "--no-api-backfill", "--yes", code=None)
    again = kraken.ingest(little.folder)
    assert again["files"]["ingested"] > 0
    assert kraken.state() == Kraken(kraken.capsys, full_home).state()
    assert kraken.ingest(little.folder)["files"]["ingested"] == 0


def test_a_wrong_clock_does_not_make_a_job_at_work_look_lost(kraken: Kraken, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "HEARTBEAT_S", 0.05)
    with Workbench.open(kraken.home) as workbench:
        workbench.create_home()
        job = workbench.runner._taken_up(workbench.ledger.create_job(Request(), 0, [], JobMetrics()))
        now = int(time.time()) + 3600
        monkeypatch.setattr(SystemClock, "now", lambda _: now)  # set ahead, after the last renewal
        with Lease(workbench.ledger, job):
            assert workbench.runner.stalled_jobs() == []


def test_a_job_that_is_heard_of_no_more_is_lost(kraken: Kraken, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stalled, "HEARTBEAT_S", 0.05)
    with Workbench.open(kraken.home) as workbench:
        workbench.create_home()
        workbench.runner._taken_up(workbench.ledger.create_job(Request(), 0, [], JobMetrics()))
        now = int(time.time()) + 3600
        monkeypatch.setattr(SystemClock, "now", lambda _: now)
        [(_, why)] = workbench.runner.stalled_jobs()
        assert why == "no sign of life"
