"""Jobs that are paused, killed and taken up again end as if nothing had happened."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kraken_core import Workbench
from kraken_core.domain.jobs import JobMetrics, JobStatus
from kraken_core.domain.request import Request
from kraken_core.ledger.ledger import SqlLedger
from tests.acceptance.standing_still import standing_still
from tests.support.command_line import Kraken, asked, process, tree
from tests.support.helping import in_soak
from tests.support.little_market import LittleMarket

# A part of the market, for jobs that are stopped early anyway.
BTC_ONLY = ("--pairs", "BTC/USD", "--intervals", "1,60")


def before(monkeypatch: pytest.MonkeyPatch, method: str, visit: int, act: Callable[[], object]) -> None:
    """Have something happen the n-th time that the ledger's method is called, just before it does its work."""
    original = getattr(SqlLedger, method)
    visits = 0

    def watched(ledger: SqlLedger, *args: Any, **more: Any) -> Any:
        nonlocal visits
        visits += 1
        if visits == visit:
            act()
        return original(ledger, *args, **more)

    monkeypatch.setattr(SqlLedger, method, watched)


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def interrupt_twice() -> None:
    interrupt()
    interrupt()


@pytest.fixture
def uninterrupted(kraken: Kraken, full_home: Path) -> dict[str, Any]:
    return Kraken(kraken.capsys, full_home).state()


STAGES = {
    "ingest": ("record_files", 2),
    "cover": ("replace_coverage", 1),
    "detect": ("record_gaps", 1),
    "derive": ("claim", 1),
}


@pytest.mark.parametrize("stage", ["ingest", *in_soak("cover", "detect", "derive")])
def test_ctrl_c_pauses_and_the_message_ends_with_the_command_that_goes_on(
    kraken: Kraken,
    little: LittleMarket,
    uninterrupted: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    stage: str,
) -> None:
    with monkeypatch.context() as patched:
        before(patched, *STAGES[stage], interrupt)
        paused = kraken(*asked(little.folder), code=3)
    assert paused.json["status"] == kraken.rows("jobs")[0]["status"] == "PAUSED"
    told = paused.err.rstrip().rpartition("resume with: ")[2]
    assert told == "kraken-history ingest --resume 1"
    done = kraken(*shlex.split(told)[1:], "--yes", "--json").json
    assert (done["job_id"], done["status"]) == (1, "COMPLETED")
    assert done["files"]["ingested"] == done["files"]["total"]
    assert kraken.state() == uninterrupted


def test_the_resume_command_names_the_home_where_it_was_named(
    kraken: Kraken, little: LittleMarket, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    home = tmp_path / "my history"
    with monkeypatch.context() as patched:
        before(patched, "record_files", 1, interrupt)
        paused = kraken(*asked(little.folder, *BTC_ONLY), "--home", home, code=3)
    told = shlex.split(paused.err.rstrip().rpartition("resume with: ")[2])
    assert kraken(*told[1:], "--yes", "--json").json["status"] == "COMPLETED"
    assert not kraken.home.exists()


def test_a_second_ctrl_c_stops_at_once_and_loses_nothing(
    kraken: Kraken, little: LittleMarket, uninterrupted: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        before(patched, "record_files", 2, interrupt_twice)
        paused = kraken(*asked(little.folder), code=3)
    assert paused.err.rstrip().endswith("kraken-history ingest --resume 1")
    kraken.ingest(little.folder)
    assert kraken.state() == uninterrupted


def test_the_same_request_again_goes_on_and_says_so(
    kraken: Kraken, little: LittleMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        before(patched, "record_files", 1, interrupt)
        kraken(*asked(little.folder, *BTC_ONLY), code=3)
    [job] = kraken.rows("jobs")
    assert 0 < job["progress_pct"] < 100
    done = kraken(*asked(little.folder, *BTC_ONLY))
    assert "Continuing job 1, which was paused" in done.err
    assert done.json["job_id"] == 1
    assert len(kraken.rows("jobs")) == 1


def test_another_request_does_not_take_up_the_paused_job(
    kraken: Kraken, little: LittleMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        before(patched, "record_files", 1, interrupt)
        kraken(*asked(little.folder, *BTC_ONLY), code=3)
    other = kraken.ingest(little.folder, "--pairs", "BTC/USD", "--intervals", "60")
    assert other["job_id"] == 2
    assert [job["status"] for job in kraken.rows("jobs")] == ["COMPLETED", "PAUSED"]


def test_a_dry_run_of_a_paused_job_shows_what_is_left_and_writes_nothing(
    kraken: Kraken, little: LittleMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        before(patched, "record_files", 1, interrupt)
        kraken(*asked(little.folder, *BTC_ONLY), code=3)
    there = tree(kraken.home)
    plan = kraken("ingest", "--resume", 1, "--dry-run", "--json").json
    assert tree(kraken.home) == there
    left = [file["member"] for file in plan["files"] if file["action"] == "ingest"]
    done = kraken("ingest", "--resume", 1, "--yes", "--json").json
    assert 0 < len(left) < done["files"]["total"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_process_that_is_interrupted_ends_with_3_and_a_document_on_stdout(
    kraken: Kraken, little: LittleMarket, number: signal.Signals
) -> None:
    with standing_still(little.folder, *BTC_ONLY) as child:
        child.send_signal(number)
        out, err = child.communicate("\n", timeout=60)
    assert child.returncode == 3, err
    assert '"status": "PAUSED"' in out
    assert err.rstrip().endswith("kraken-history ingest --resume 1")
    assert "Traceback" not in err


def test_a_killed_job_is_known_to_be_lost_at_once_and_the_same_request_goes_on(
    kraken: Kraken, little: LittleMarket, uninterrupted: dict[str, Any]
) -> None:
    process(*asked(little.folder), env={"KRAKEN_FAILPOINT": "table.commit.after:2"}, code=-signal.SIGKILL)
    [job] = kraken.rows("jobs")
    assert (job["status"], job["error"]) == ("FAILED", "worker lost: its process is gone")
    again = kraken(*asked(little.folder))
    assert "Continuing job 1, which was failed" in again.err
    assert (again.json["job_id"], again.json["error"]) == (1, None)
    assert kraken.state() == uninterrupted


def test_a_job_of_relative_paths_goes_on_from_another_folder(
    kraken: Kraken, little: LittleMarket, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(little.folder)
    with monkeypatch.context() as patched:
        before(patched, "record_files", 1, interrupt)
        kraken(*asked(Path(), *BTC_ONLY), code=3)
    monkeypatch.chdir(tmp_path)
    done = kraken("ingest", "--resume", 1, "--yes", "--json").json
    assert done["files"] == {"total": 4, "ingested": 4, "skipped": 0, "failed": 0}


def test_a_second_ingest_is_refused_while_one_runs_and_names_it(
    kraken: Kraken, little: LittleMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[subprocess.CompletedProcess[str]] = []
    others = (BTC_ONLY, ("--pairs", "UNI/USD"))  # the same request, and another one
    with monkeypatch.context() as patched:
        before(
            patched,
            "record_files",
            1,
            lambda: refused.extend(process(*asked(little.folder, *words), code=1) for words in others),
        )
        done = kraken.ingest(little.folder, *BTC_ONLY)
    assert all("job 1 is running" in said.stderr for said in refused)
    assert len(refused) == 2
    assert done["status"] == "COMPLETED"
    assert [(job["job_id"], job["status"]) for job in kraken.rows("jobs")] == [(1, "COMPLETED")]
    assert {row["pair"] for row in kraken.rows("coverage")} == {"BTC/USD"}


def test_a_job_that_ends_while_one_looks_for_lost_ones_is_not_lost(
    kraken: Kraken, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Workbench.open(kraken.home) as workbench:
        job = workbench.runner._taken_up(workbench.ledger.create_job(Request(), 0, [], JobMetrics()))

        def ends(_worker: str) -> bool:
            workbench.ledger.move(job, job.mark_paused())
            return True  # its process is gone by now

        monkeypatch.setattr("kraken_core.workbench.jobs.stalled.is_lost", ends)
        assert workbench.runner.fail_stalled_jobs() == []
        assert workbench.ledger.job(job.id).status is JobStatus.PAUSED
