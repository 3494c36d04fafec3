"""Ingests whose batches are read by a Dask cluster: the same candles, coverage and reports, whatever happens to it."""

from __future__ import annotations

import json
import pickle
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest

from kraken_core.domain.jobs import IngestionJob
from kraken_core.ports import WorkerPool
from kraken_core.stores.files import object_store
from kraken_core.workbench.jobs.runner import JobRunner
from tests.acceptance.standing_still import PATIENCE_S, until
from tests.support.command_line import Kraken, asked, command, environment, process
from tests.support.dask_cluster import DaskCluster, dask_cluster
from tests.support.databases import new_schema
from tests.support.little_market import LittleMarket
from tests.support.questdb_server import QuestDB
from tests.support.s3_server import BUCKET, S3Server

pytest_plugins = ["tests.support.servers"]

AWAY_S = 1.0
# The points that the job itself passes: batches are staged by the workers.
OURS = {"table.commit.before", "ledger.commit.before", "ledger.commit.after", "report.before"}


def nothing() -> None:
    """Happens."""


@pytest.fixture(scope="module")
def dask(s3: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    with dask_cluster(tmp_path_factory.mktemp("dask"), workers=2) as started:
        yield started


def test_a_cluster_ends_with_what_one_machine_does(
    kraken: Kraken, full_home: Path, little: LittleMarket, dask: DaskCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = Kraken(kraken.capsys, full_home).state()
    monkeypatch.setenv("KRAKEN_DASK", dask.address)
    said = kraken(*asked(little.folder))
    assert re.search(rf"^workers: .*2 Dask workers at {dask.address}, watched at http://", said.err, re.MULTILINE)
    assert kraken.state() == expected
    assert f"2 Dask workers at {dask.address}" in kraken("jobs", said.json["job_id"]).out


def test_a_worker_that_dies_in_the_middle_costs_a_retry_and_never_a_row(
    kraken: Kraken,
    full_home: Path,
    little: LittleMarket,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with dask_cluster(tmp_path, workers=1) as started:
        doomed = started.start_worker({"KRAKEN_FAILPOINT": "table.stage.after:2"})
        started.wait_for_workers()
        monkeypatch.setenv("KRAKEN_DASK", started.address)
        assert kraken.ingest(little.folder)["status"] == "COMPLETED"
        assert doomed.wait(10) != 0
    monkeypatch.delenv("KRAKEN_DASK")
    assert kraken.state() == Kraken(kraken.capsys, full_home).state()


def test_a_job_whose_scheduler_is_lost_fails_in_one_line_and_goes_on_with_another(
    kraken: Kraken, full_home: Path, little: LittleMarket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with dask_cluster(tmp_path, workers=1) as started:
        monkeypatch.setenv("KRAKEN_DASK", started.address)
        assert started.scheduler is not None
        monkeypatch.setattr("kraken_core.pipeline.ingest.Ingest._commit", _commit(after=started.scheduler.kill))
        said = kraken(*asked(little.folder), "--quiet", code=1)
        assert "was lost. What was committed is kept" in said.err
        assert "Resume with: kraken-history ingest --resume 1" in said.err
        monkeypatch.undo()
    assert kraken.ingest(little.folder, "--home", kraken.home)["job_id"] == 1
    assert kraken.state() == Kraken(kraken.capsys, full_home).state()


def test_a_job_without_a_scheduler_says_how_to_go_on_with_it(
    kraken: Kraken, full_home: Path, little: LittleMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kraken_core.executors.dask.PATIENCE_S", 1)
    monkeypatch.setenv("KRAKEN_DASK", "tcp://127.0.0.1:9")
    said = kraken(*asked(little.folder), "--quiet", code=1)
    assert "no Dask scheduler answers at tcp://127.0.0.1:9" in said.err
    assert "Resume with: kraken-history ingest --resume 1" in said.err
    monkeypatch.undo()
    assert kraken.ingest(little.folder, "--home", kraken.home)["job_id"] == 1
    assert kraken.state() == Kraken(kraken.capsys, full_home).state()


def _commit(*, before: Callable[[], object] = nothing, after: Callable[[], object] = nothing) -> Callable[..., Any]:
    """A commit before and after which something happens."""
    from kraken_core.pipeline.ingest import Ingest

    commit = Ingest._commit

    def disturbed_commit(*arguments: Any) -> Any:
        before()
        metrics = commit(*arguments)
        after()
        return metrics

    return disturbed_commit


# ---------------------------------------------------------------------------------------- PostgreSQL, Dask, S3 together


@dataclass(frozen=True)
class Servers:
    """A home whose ledger, candle table and workers are on servers."""

    kraken: Kraken
    environment: dict[str, str]
    expected: dict[str, Any]  # of a home where all is on one machine

    def assert_same(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with monkeypatch.context() as here:
            for name, value in self.environment.items():
                here.setenv(name, value)
            assert self.kraken.state() == self.expected


@pytest.fixture
def servers(
    request: pytest.FixtureRequest, kraken: Kraken, full_home: Path, s3: S3Server, postgres: str, dask: DaskCluster
) -> Servers:
    environment = {
        "KRAKEN_LEDGER": new_schema(postgres),
        "KRAKEN_STORE": f"s3://{BUCKET}/{request.node.name}",
        "KRAKEN_DASK": dask.address,
    }
    return Servers(kraken, environment, Kraken(kraken.capsys, full_home).state())


@pytest.mark.postgres
def test_on_servers_all_is_as_on_one_machine(
    servers: Servers, little: LittleMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in servers.environment.items():
        monkeypatch.setenv(name, value)
    assert servers.kraken.ingest(little.folder)["status"] == "COMPLETED"
    assert servers.kraken.state() == servers.expected
    assert not (servers.kraken.home / "candles").exists()
    assert not (servers.kraken.home / "ledger.db").exists()
    counted = servers.kraken("sql", "--json", "select count(*) as n from candles where interval_minutes = 60").json
    assert counted[0]["n"] == len([row for row in servers.expected["candles"] if row[1] == 60])
    doctor = servers.kraken("doctor", "--json", code=None).json
    checks = {check["name"]: check["status"] for check in doctor["checks"]}
    assert {checks[name] for name in ("ledger", "table", "cluster")} == {"ok"}


@pytest.mark.postgres
@pytest.mark.parametrize(
    "point",
    [
        "table.commit.after:3",
        *(pytest.param(f"{name}:1", marks=pytest.mark.soak) for name in sorted(OURS)),
    ],
)
@pytest.mark.soak
def test_on_servers_a_job_that_is_killed_ends_the_same_when_it_is_run_again(
    point: str, servers: Servers, little: LittleMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [*asked(little.folder), "--home", str(servers.kraken.home)]
    killed = process(*words, env={**servers.environment, "KRAKEN_FAILPOINT": point}, code=None)
    again = process(*words, env=servers.environment)
    assert killed.returncode == -signal.SIGKILL
    assert json.loads(again.stdout)["status"] == "COMPLETED"
    servers.assert_same(monkeypatch)


@pytest.mark.soak
def test_a_job_whose_object_store_stays_away_says_how_to_go_on_with_it(
    kraken: Kraken,
    full_home: Path,
    little: LittleMarket,
    s3: S3Server,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(object_store, "_TRIES", 0)
    monkeypatch.setenv("KRAKEN_STORE", f"s3://{BUCKET}/{request.node.name}")
    with monkeypatch.context() as away:
        away.setattr("kraken_core.pipeline.ingest.Ingest._commit", _commit(before=s3.kill))
        said = kraken(*asked(little.folder), "--json", "--quiet", code=1)
    assert "job 1 failed: " in said.err
    assert said.err.endswith("Resume with: kraken-history ingest --resume 1\n")
    s3.start()
    assert kraken.ingest(little.folder)["job_id"] == 1
    assert kraken.state() == Kraken(kraken.capsys, full_home).state()


def disturbed(
    seed: int, home: Path, little: LittleMarket, more: Mapping[str, str], disturb: Callable[[], None]
) -> None:
    """A job to its end, with something happening at a moment of a seed's choice; resumed where it failed."""
    words = [*asked(little.folder), "--home", str(home)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command(*words), env=environment(more), stdout=pipe, stderr=pipe, text=True) as job:
        until(lambda: (home / "logs" / "1.log").exists() or job.poll() is not None)
        time.sleep(Random(seed).uniform(0, 2))
        disturb()
        _, said = job.communicate(timeout=PATIENCE_S)
    if job.returncode:
        assert "Resume with: kraken-history ingest" in said
        assert "Traceback" not in said
        process(*words, env=more)


@pytest.mark.postgres
@pytest.mark.parametrize("seed", [pytest.param(seed, marks=pytest.mark.soak) for seed in range(40)])
def test_an_object_store_that_is_killed_and_comes_back_loses_nothing(
    seed: int, servers: Servers, little: LittleMarket, s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def restart() -> None:
        s3.kill()
        time.sleep(AWAY_S)
        s3.start()

    disturbed(seed, servers.kraken.home, little, servers.environment, restart)
    servers.assert_same(monkeypatch)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("lost", ["a worker", "the scheduler"])
def test_a_cluster_that_is_killed_at_many_moments_loses_nothing(
    lost: str, seed: int, kraken: Kraken, full_home: Path, little: LittleMarket, tmp_path: Path
) -> None:
    with dask_cluster(tmp_path, workers=2) as started:

        def kill() -> None:
            if lost == "the scheduler":
                started.stop()
                started.start_scheduler()
            else:
                started.kill_worker()
            started.start_worker()
            started.wait_for_workers()

        disturbed(seed, kraken.home, little, {"KRAKEN_DASK": started.address}, kill)
    assert kraken.state() == Kraken(kraken.capsys, full_home).state()


@pytest.mark.questdb
@pytest.mark.postgres
def test_workers_stage_what_the_job_has_questdb_take_in(
    servers: Servers, little: LittleMarket, questdb: QuestDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (servers.environment | {"KRAKEN_STORE": questdb.url}).items():
        monkeypatch.setenv(name, value)
    assert servers.kraken.ingest(little.folder)["status"] == "COMPLETED"
    assert servers.kraken.state() == servers.expected
    [(in_place,)] = questdb.sql("SELECT count() FROM assetprice")
    assert in_place == len(servers.expected["candles"])


# ----------------------------------------------------------------------------------------------- what crosses the wires


class Courier(Executor):
    """Carries tasks and receipts as a network would, and weighs them."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(1)
        self.weights: list[tuple[int, int]] = []  # bytes, and the files they are about

    def submit(self, fn: Any, /, *arguments: Any, **named: Any) -> Future[Any]:
        task, files = pickle.dumps((fn, arguments, named)), len(arguments[0])

        def carried() -> Any:
            do, given, named = pickle.loads(task)  # noqa: S301 - our own
            receipt = pickle.dumps(do(*given, **named))
            self.weights += [(len(task), files), (len(receipt), files)]
            return pickle.loads(receipt)  # noqa: S301 - our own

        return self.pool.submit(carried)


def test_tasks_and_receipts_are_small_and_no_candle_is_in_them(
    kraken: Kraken, full_home: Path, little: LittleMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    courier = Courier()

    @contextmanager
    def pool(_self: JobRunner, _job: IngestionJob, _workers: int) -> Iterator[WorkerPool]:
        yield WorkerPool(courier, 1)

    monkeypatch.setattr(JobRunner, "_worker_pool", pool)
    kraken.ingest(little.folder)
    assert kraken.state() == Kraken(kraken.capsys, full_home).state()
    assert max(weight / files for weight, files in courier.weights) < 2_500  # whatever is in a file
