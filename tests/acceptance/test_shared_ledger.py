"""Several hosts share a ledger on PostgreSQL: one job at a time, seen and controlled by all, whatever their clocks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from kraken_core import Workbench
from kraken_core.domain.errors import JobRunningError
from kraken_core.domain.jobs import Control, IngestionJob, JobMetrics, JobStatus
from kraken_core.domain.request import Request
from kraken_core.settings import Settings
from kraken_core.workbench.jobs import lease, stalled
from kraken_core.workbench.jobs.clock import SystemClock
from kraken_core.workbench.jobs.lease import LEASE_S, Lease
from tests.acceptance.standing_still import PATIENCE_S, heard, standing_still, started, until
from tests.support.command_line import Kraken, asked, command, process
from tests.support.databases import new_schema
from tests.support.little_market import LittleMarket
from tests.support.postgres_server import PostgreSQL

pytest_plugins = ["tests.support.servers"]
pytestmark = pytest.mark.postgres

HOUR_S = 3600


@dataclass
class Skewed(SystemClock):
    """A host's clock that is set wrong."""

    by: int

    def now(self) -> int:
        return super().now() + self.by


@pytest.fixture
def expected(kraken: Kraken, full_home: Path) -> dict[str, Any]:
    """What one host alone ends with."""
    return Kraken(kraken.capsys, full_home).state()


@pytest.fixture
def shared(
    kraken: Kraken, expected: dict[str, Any], postgres: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Kraken:
    """The command line with a ledger and a candle table that all hosts name."""
    monkeypatch.setenv("KRAKEN_LEDGER", new_schema(postgres))
    monkeypatch.setenv("KRAKEN_STORE", str(tmp_path / "candles"))
    return kraken


def host(home: Path, skew: int = 0) -> Workbench:
    return Workbench(Settings.load(home), Skewed(skew))


@contextmanager
def named(name: str) -> Iterator[None]:
    """This process is on a host of that name."""
    with pytest.MonkeyPatch.context() as there:
        there.setattr("kraken_core.workbench.jobs.worker_process.socket.gethostname", lambda: name)
        yield


def taken_up(workbench: Workbench) -> IngestionJob:
    workbench.create_home()
    job = workbench.ledger.create_job(Request(), 0, [], JobMetrics())
    with named("one"):
        return workbench.runner._taken_up(job)


# --------------------------------------------------------------------------------------------------------- wrong clocks


@pytest.mark.parametrize("skew", [-HOUR_S, HOUR_S])
def test_a_job_that_is_heard_of_is_not_stolen_whatever_the_clocks_say(
    skew: int, shared: Kraken, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stalled, "HEARTBEAT_S", 0.05)
    with host(tmp_path / "a", skew) as one, host(tmp_path / "b", -skew) as other:
        job = taken_up(one)
        with named("other"):
            assert other.runner.fail_stalled_jobs() == []
            one.ledger.renew(job, LEASE_S)
            assert other.runner.fail_stalled_jobs() == []
        assert one.ledger.job(job.id).status is JobStatus.RUNNING


@pytest.mark.parametrize("skew", [-HOUR_S, HOUR_S])
def test_a_job_that_is_heard_of_no_more_is_not_kept_whatever_the_clocks_say(
    skew: int, shared: Kraken, tmp_path: Path
) -> None:
    with host(tmp_path / "a", skew) as one, host(tmp_path / "b", -skew) as other:
        job = taken_up(one)
        one.ledger.renew(job, 1)
        with named("other"):
            until(other.runner.stalled_jobs)
            [failed] = other.runner.fail_stalled_jobs()
        assert failed.error == "worker lost: no sign of life"


def test_who_cannot_reach_the_ledger_stops_before_others_may_take_the_job(
    shared: Kraken, postgres_server: PostgreSQL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "LEASE_S", 1)
    monkeypatch.setattr(lease, "HEARTBEAT_S", 0.05)
    with host(tmp_path / "a") as workbench:
        with Lease(workbench.ledger, taken_up(workbench)) as held:
            postgres_server.kill()
            until(lambda: held.over)
        postgres_server.start()
        assert "did not answer for 1 s" in held.lost


# --------------------------------------------------------------------------------------------------------- only looking


@pytest.mark.parametrize(
    "words",
    [
        ["ingest", "--tier", "ALL", "--no-api-backfill", "--dry-run"],
        *([name] for name in ("report", "coverage", "gaps", "jobs", "pairs", "doctor")),
    ],
    ids=lambda words: words[0],
)
def test_who_only_looks_writes_nothing_into_an_empty_database(
    words: list[str], kraken: Kraken, postgres: str, monkeypatch: pytest.MonkeyPatch, little: LittleMarket
) -> None:
    address = new_schema(postgres)
    monkeypatch.setenv("KRAKEN_LEDGER", address)
    monkeypatch.setenv("KRAKEN_API_URL", "http://127.0.0.1:9")  # where nobody answers
    sources = ["--csv-source-dir", str(little.folder)] if words[0] == "ingest" else []
    kraken(*words, *sources, code=None)
    schema = address.rpartition("search_path%3D")[2]
    with psycopg.connect(postgres) as connection:
        made = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = %s", (schema,)).fetchone()
    assert made == (0,)
    assert not kraken.home.exists()


# ------------------------------------------------------------------------------------------------------------ two hosts


def test_while_a_host_runs_a_job_another_is_told_which(
    shared: Kraken, expected: dict[str, Any], little: LittleMarket, tmp_path: Path
) -> None:
    here, there = ("--home", tmp_path / "a"), ("--home", tmp_path / "b")
    with standing_still(little.folder, *here) as running:
        refused = process(*asked(little.folder, "--pairs", "UNI/USD", *there), code=1)
        _, said = running.communicate("\n", timeout=PATIENCE_S)
    assert running.returncode == 0, said
    assert "job 1 is running" in refused.stderr
    assert Kraken(shared.capsys, tmp_path / "b").state() == expected


def test_two_hosts_that_start_at_once_lose_nothing_and_do_nothing_twice(
    shared: Kraken, expected: dict[str, Any], little: LittleMarket, tmp_path: Path
) -> None:
    both = [started(command(*asked(little.folder, "--home", tmp_path / name))) for name in "ab"]
    said = [each.communicate(timeout=PATIENCE_S)[1] for each in both]
    codes = [each.returncode for each in both]
    assert 0 in codes, said
    late = [told.splitlines()[-1] for code, told in zip(codes, said, strict=True) if code]
    assert all("is running" in line for line in late), late
    assert set(codes) <= {0, 1}
    for name in "ab":
        assert Kraken(shared.capsys, tmp_path / name).state() == expected


def test_who_takes_up_a_job_a_moment_too_late_leaves_it_alone(shared: Kraken, tmp_path: Path) -> None:
    with host(tmp_path / "a") as one, host(tmp_path / "b") as other:
        one.create_home()
        job = one.ledger.create_job(Request(), 0, [], JobMetrics())
        with named("one"):
            one.runner._taken_up(job)
        with named("other"), pytest.raises(JobRunningError, match=f"job {job.id} is running"):
            other.runner._taken_up(job)
        assert one.ledger.job(job.id).status is JobStatus.RUNNING


@pytest.mark.soak
def test_everybody_sees_how_far_a_job_is_and_may_pause_it_and_go_on_with_it(
    shared: Kraken, expected: dict[str, Any], little: LittleMarket, tmp_path: Path
) -> None:
    there = ("--home", tmp_path / "b")
    with standing_still(little.folder, "--home", tmp_path / "a") as running, host(tmp_path / "b") as other:
        [seen] = other.jobs()
        assert (seen.status, seen.stage) == (JobStatus.RUNNING, "ingest")
        with started(command("pause", 1, *there)) as pausing:
            until(heard(tmp_path / "b", Control.PAUSE))
            _, said = running.communicate("\n", timeout=PATIENCE_S)
            pausing.communicate(timeout=PATIENCE_S)
    assert (running.returncode, pausing.returncode) == (3, 0), said
    assert shared("ingest", "--resume", 1, "--yes", "--json", *there).json["status"] == "COMPLETED"
    assert Kraken(shared.capsys, tmp_path / "b").state() == expected


def test_the_job_of_a_host_that_is_gone_is_taken_up_by_another(
    shared: Kraken, expected: dict[str, Any], little: LittleMarket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stalled, "HEARTBEAT_S", 0.05)
    with standing_still(little.folder, "--home", tmp_path / "a") as running:
        running.kill()
    with named("elsewhere"), host(tmp_path / "b", HOUR_S) as other:
        assert other.runner.stalled_jobs() == [], "its lease has not run out, though this clock says so"
        other.ledger.renew(other.ledger.job(1), 1)  # the last that was heard of it
        until(other.runner.stalled_jobs)
        resumed = shared("ingest", "--resume", 1, "--yes", "--json", "--home", tmp_path / "b").json
    assert resumed["status"] == "COMPLETED"
    assert Kraken(shared.capsys, tmp_path / "b").state() == expected
