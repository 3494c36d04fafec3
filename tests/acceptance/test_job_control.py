"""Jobs that run in processes of their own are paused, resumed and cancelled from any other."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from kraken_core import Workbench
from kraken_core.domain.jobs import Control, JobStatus
from tests.acceptance.standing_still import PATIENCE_S, heard, standing_still, started, until
from tests.support.command_line import Kraken, asked, command
from tests.support.little_market import LittleMarket


@pytest.fixture
def uninterrupted(kraken: Kraken, full_home: Path) -> dict[str, Any]:
    return Kraken(kraken.capsys, full_home).state()


@pytest.mark.parametrize(
    ("word", "control", "status"),
    [("pause", Control.PAUSE, "PAUSED"), ("cancel", Control.CANCEL, "CANCELLED")],
)
def test_a_running_job_obeys_another_process(
    kraken: Kraken, little: LittleMarket, word: str, control: Control, status: str
) -> None:
    with standing_still(little.folder) as child, started(command(word, 1)) as asking:
        until(heard(kraken.home, control))
        _, said = child.communicate("\n", timeout=PATIENCE_S)
        _, told = asking.communicate(timeout=PATIENCE_S)
    assert child.returncode == 3, said
    assert asking.returncode == 0, told
    assert f"Job 1 is {status.lower()}." in told
    assert kraken.rows("jobs")[0]["status"] == status
    assert "Traceback" not in said + told


def test_a_paused_job_is_resumed_in_the_background_and_ends_as_if_it_never_was(
    kraken: Kraken, little: LittleMarket, uninterrupted: dict[str, Any]
) -> None:
    with standing_still(little.folder) as child:
        child.send_signal(signal.SIGINT)
        child.communicate("\n", timeout=PATIENCE_S)
    assert "Job 1 is" in kraken("resume", 1).err
    until(lambda: kraken.rows("jobs")[0]["status"] == "COMPLETED")
    assert kraken.state() == uninterrupted


def test_a_cancelled_job_keeps_what_it_did_and_is_not_gone_on_with(kraken: Kraken, little: LittleMarket) -> None:
    with standing_still(little.folder) as child:
        child.send_signal(signal.SIGINT)
        child.communicate("\n", timeout=PATIENCE_S)
    assert "Job 1 is cancelled." in kraken("cancel", 1).err
    held = kraken("sql", "select count(*) as n from candles", "--json").json
    assert held[0]["n"] > 0
    assert "cancelled" in kraken("resume", 1, code=1).err.lower()
    assert kraken.ingest(little.folder)["job_id"] == 2


def test_a_detached_job_outlives_its_starter_and_ends_the_same(
    kraken: Kraken, little: LittleMarket, uninterrupted: dict[str, Any]
) -> None:
    told = kraken(*asked(little.folder), "--detach").json
    until(lambda: kraken.rows("jobs")[0]["status"] == "COMPLETED")
    assert told["job_id"] == 1
    assert kraken.state() == uninterrupted
    assert (kraken.home / "logs" / "1.log").exists()


def test_a_detached_job_runs_no_code_from_the_home(kraken: Kraken, little: LittleMarket) -> None:
    kraken.home.mkdir()
    for name in ("random", "polars", "sqlite3", "kraken_core"):
        (kraken.home / f"{name}.py").write_text("raise SystemExit('this was run')\n")
    kraken(*asked(little.folder), "--detach")
    until(lambda: kraken.rows("jobs")[0]["status"] == "COMPLETED")
    assert "this was run" not in (kraken.home / "logs" / "1.log").read_text()


def test_a_detached_worker_that_is_killed_is_known_to_be_lost_and_its_job_goes_on(
    kraken: Kraken, little: LittleMarket, uninterrupted: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as dying:
        dying.setenv("KRAKEN_FAILPOINT", "table.commit.after:2")
        kraken(*asked(little.folder), "--detach", code=None)
        until(lambda: kraken.rows("jobs")[0]["status"] == "FAILED")
    assert kraken.rows("jobs")[0]["error"] == "worker lost: its process is gone"
    assert kraken.ingest(little.folder)["job_id"] == 1
    assert kraken.state() == uninterrupted


def test_of_two_starts_of_one_job_at_once_one_runs(
    kraken: Kraken, little: LittleMarket, uninterrupted: dict[str, Any]
) -> None:
    with standing_still(little.folder) as child:
        child.kill()
    both = [started(command("ingest", "--resume", 1, "--yes")) for _ in range(2)]
    said = [process.communicate(timeout=PATIENCE_S)[1] for process in both]
    codes = sorted(process.returncode for process in both)
    assert codes == [0, 1], said
    [refused] = [told for process, told in zip(both, said, strict=True) if process.returncode == 1]
    assert "job 1" in refused.lower()
    assert "Traceback" not in refused
    assert kraken.state() == uninterrupted


def test_a_stopped_worker_whose_lease_ran_out_elsewhere_leaves_its_job_alone(
    kraken: Kraken, little: LittleMarket, uninterrupted: dict[str, Any]
) -> None:
    with standing_still(little.folder) as child:
        os.kill(child.pid, signal.SIGSTOP)
        with Workbench.open(kraken.home) as workbench:  # as another host would, once the lease has run out
            job = workbench.ledger.job(1)
            workbench.ledger.move(job, job.mark_lost("no sign of life"))
        assert kraken.ingest(little.folder)["job_id"] == 1
        os.kill(child.pid, signal.SIGCONT)
        _, said = child.communicate("\n", timeout=PATIENCE_S)
    assert child.returncode == 1, said
    assert "Traceback" not in said
    with Workbench.open(kraken.home) as workbench:
        assert workbench.ledger.job(1).status is JobStatus.COMPLETED
    assert kraken.state() == uninterrupted
