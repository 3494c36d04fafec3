"""PostgreSQL is killed in the middle of a job, and started again: the job ends as if nothing had been."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from random import Random
from typing import Any

import pytest

from kraken_core import Workbench
from kraken_core.domain.errors import JobError, LedgerAwayError
from kraken_core.domain.jobs import JobStatus
from kraken_core.ledger import transactions
from kraken_core.ledger.ledger import SqlLedger
from kraken_core.workbench.jobs.worker_process import this_worker
from tests.acceptance.killed_jobs import Job, run, state
from tests.support.databases import new_schema
from tests.support.postgres_server import PostgreSQL

pytest_plugins = ["tests.support.servers"]
pytestmark = pytest.mark.postgres

NOBODY = 2**22 + 1  # no process has this id
STARTED_S, AWAY_S = 30, 1.0


@pytest.fixture
def ledger(uninterrupted: Path, postgres: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an empty ledger on the server, for every workbench that is opened from now on."""
    address = new_schema(postgres)
    monkeypatch.setenv("KRAKEN_LEDGER", address)
    return address


@pytest.fixture
def expected(uninterrupted: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """What the job leaves when nothing disturbs it."""
    return comparable(uninterrupted)


def comparable(home: Path) -> dict[str, object]:
    found = state(home)
    return {**found, "table": found["table"].rows()}


def has_begun(ledger: SqlLedger) -> bool:
    jobs = ledger.jobs()
    return bool(jobs and jobs[0].metrics.files_ingested)


def server_lost(seed: int, job: Job, server: PostgreSQL, home: Path) -> None:
    """Run the job to its end, with the server killed at a moment of a seed's choice, and started again."""
    command = [sys.executable, "-m", "kraken_core", *job.arguments(home)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with Workbench.open(home) as workbench:
        until = time.monotonic() + STARTED_S
        while not has_begun(workbench.ledger) and process.poll() is None and time.monotonic() < until:
            time.sleep(0.01)
    time.sleep(Random(seed).uniform(0, 1))
    server.kill()
    time.sleep(AWAY_S)
    server.start()
    _, told = process.communicate()
    if process.returncode:  # it was away in the one moment after which nobody knows
        assert "it is unknown whether that was kept" in told
        assert "Traceback" not in told
        run(job, home).check_returncode()


def test_a_job_waits_for_a_server_that_is_killed_and_comes_back(
    expected: dict[str, object], job: Job, ledger: str, postgres_server: PostgreSQL, tmp_path: Path
) -> None:
    server_lost(0, job, postgres_server, tmp_path / "home")
    assert comparable(tmp_path / "home") == expected


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1, 60))
def test_a_server_killed_at_many_moments_loses_nothing(
    seed: int, expected: dict[str, object], job: Job, ledger: str, postgres_server: PostgreSQL, tmp_path: Path
) -> None:
    server_lost(seed, job, postgres_server, tmp_path / "home")
    assert comparable(tmp_path / "home") == expected


@pytest.mark.soak
def test_a_job_whose_server_stays_away_fails_in_one_line_and_goes_on_later(
    expected: dict[str, object],
    job: Job,
    ledger: str,
    postgres_server: PostgreSQL,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = tmp_path / "home"
    run(job, home, "table.commit.after:2")  # some of it is there
    with monkeypatch.context() as impatient, Workbench.open(home) as workbench:
        impatient.setattr(transactions, "PATIENCE_S", 0.3)
        host, _, begun = this_worker().rsplit(":", 2)
        impatient.setattr("kraken_core.workbench.jobs.runner.this_worker", lambda: f"{host}:{NOBODY}:{begun}")
        [left] = workbench.runner.fail_stalled_jobs()
        record_files = SqlLedger.record_files

        def too_late(*given: Any) -> None:
            postgres_server.kill()
            record_files(*given)

        impatient.setattr(SqlLedger, "record_files", too_late)
        try:
            with pytest.raises(JobError, match="does not answer") as told:
                workbench.runner.run(left)
            with pytest.raises(LedgerAwayError, match="does not answer"):
                workbench.jobs()
        finally:
            postgres_server.start()
    assert "\n" not in str(told.value)
    assert "Resume with: kraken-history ingest" in str(told.value)
    run(job, home).check_returncode()
    assert comparable(home) == expected
    with Workbench.open(home) as workbench:
        assert [each.status for each in workbench.jobs()] == [JobStatus.COMPLETED]
