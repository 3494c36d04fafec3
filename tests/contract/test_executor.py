"""What every pool does, whether threads of this process or a Dask cluster: each test runs against both."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, wait
from pathlib import Path

import pytest

from kraken_core.domain.errors import BadFileError, ClusterError, SettingError
from kraken_core.executors.dask import cluster
from kraken_core.executors.local import threads
from kraken_core.ports import WorkerPool
from tests.support.crew_tasks import PATIENCE_S, appeared, append, crash, die, hold, refuse
from tests.support.dask_cluster import DaskCluster, dask_cluster
from tests.support.ports import free_port


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    with dask_cluster(tmp_path_factory.mktemp("dask"), workers=2) as started:
        yield started


@pytest.fixture(params=["local", "dask"])
def pool(request: pytest.FixtureRequest) -> Iterator[WorkerPool]:
    if request.param == "local":
        with threads(2) as found:
            yield found
    else:
        with cluster(request.getfixturevalue("dask").address, 2) as found:
            yield found


def test_what_is_submitted_is_done_and_its_answer_comes_back(pool: WorkerPool) -> None:
    futures = [pool.executor.submit(pow, base, 2) for base in range(20)]
    assert [future.result() for future in futures] == [base**2 for base in range(20)]
    assert pool.size >= 1


def test_equal_tasks_are_each_done(pool: WorkerPool, tmp_path: Path) -> None:
    futures = [pool.executor.submit(append, tmp_path / "lines") for _ in range(6)]
    wait(futures)
    assert len((tmp_path / "lines").read_text().splitlines()) == 6


def test_answers_can_be_taken_as_they_come(pool: WorkerPool, tmp_path: Path) -> None:
    held = pool.executor.submit(hold, tmp_path / "marker", tmp_path / "release")
    quick = pool.executor.submit(abs, -1)
    done, waiting = wait([held, quick], return_when=FIRST_COMPLETED)
    assert (done, waiting) == ({quick}, {held})
    (tmp_path / "release").touch()
    held.result(PATIENCE_S)


def test_our_own_errors_come_back_as_they_are(pool: WorkerPool) -> None:
    with pytest.raises(BadFileError, match=r"x\.zip is broken"):
        pool.executor.submit(refuse, "x.zip").result()


def test_what_waits_can_be_given_up_and_the_rest_goes_on(pool: WorkerPool, tmp_path: Path) -> None:
    release = tmp_path / "release"
    running = [pool.executor.submit(hold, tmp_path / f"marker {n}", release) for n in range(2)]
    waiting = pool.executor.submit(hold, tmp_path / "never", release)
    for n in range(2):
        appeared(tmp_path / f"marker {n}")
    assert waiting.cancel()
    assert not (tmp_path / "never").exists()
    release.touch()
    assert all(future.result(PATIENCE_S) for future in running)
    assert pool.executor.submit(abs, -1).result(PATIENCE_S) == 1


# ------------------------------------------------------------------------------------------------------- Dask by itself


def test_a_cluster_tells_where_it_is_and_where_it_can_be_watched(dask: DaskCluster) -> None:
    with cluster(dask.address, 1) as pool:
        assert pool.description.startswith(f"2 Dask workers at {dask.address}, watched at http://127.0.0.1:")
        assert pool.size == 2


def test_an_unexpected_error_of_a_worker_is_one_line(dask: DaskCluster) -> None:
    with cluster(dask.address, 1) as pool, pytest.raises(ClusterError) as caught:
        pool.executor.submit(crash).result()
    assert "ZeroDivisionError: nothing to divide" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_task_whose_worker_is_killed_is_done_by_another(tmp_path: Path) -> None:
    with dask_cluster(tmp_path, workers=2) as started, cluster(started.address, 1) as pool:
        answer = pool.executor.submit(hold, tmp_path / "marker", tmp_path / "release")
        killed = int(appeared(tmp_path / "marker"))
        (tmp_path / "marker").unlink()
        os.kill(killed, signal.SIGKILL)
        other = int(appeared(tmp_path / "marker"))
        (tmp_path / "release").touch()
        assert answer.result(PATIENCE_S) == other != killed


def test_a_task_that_kills_every_worker_is_given_up_with_its_reason(tmp_path: Path) -> None:
    impatient = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0"}  # three more workers, by itself
    with dask_cluster(tmp_path, 1, impatient) as started, cluster(started.address, 1) as pool:
        answer = pool.executor.submit(die)
        with pytest.raises(ClusterError, match="KilledWorker"):
            answer.result(PATIENCE_S)


def test_a_lost_scheduler_is_an_error_that_says_so(tmp_path: Path) -> None:
    with dask_cluster(tmp_path, workers=1) as started, cluster(started.address, 1) as pool:
        answer = pool.executor.submit(hold, tmp_path / "marker", tmp_path / "release")
        appeared(tmp_path / "marker")
        assert started.scheduler is not None
        started.scheduler.kill()
        with pytest.raises(ClusterError, match=f"the Dask scheduler at {started.address} was lost"):
            answer.result(PATIENCE_S)
        (tmp_path / "release").touch()


def test_a_scheduler_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kraken_core.executors.dask.PATIENCE_S", 1)
    address = f"tcp://127.0.0.1:{free_port()}"
    with pytest.raises(ClusterError, match=f"no Dask scheduler answers at {address}"), cluster(address, 1):
        pass


def test_a_scheduler_without_workers_is_told_how_to_get_some(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kraken_core.executors.dask.PATIENCE_S", 1)
    with (
        dask_cluster(tmp_path, workers=0) as started,
        pytest.raises(ClusterError, match=rf"has no workers: start some \(dask worker {started.address}\)"),
        cluster(started.address, 1),
    ):
        pass


def test_without_the_extra_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(SettingError, match=r"pip install 'kraken-history-workbench\[dask\]'"), cluster("tcp://a:1", 1):
        pass


def test_a_local_cluster_is_processes_of_its_own_that_end_with_the_job() -> None:
    with cluster("local", 1) as pool:
        worker = pool.executor.submit(os.getpid).result()
        assert worker != os.getpid()
        assert pool.size == 1
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)
