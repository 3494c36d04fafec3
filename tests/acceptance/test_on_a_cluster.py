"""Ingests whose batches are read by a Dask cluster: the same candles, coverage and reports, whatever happens to it."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kraken_core.ports import Crew
from kraken_core.workbench.work import Work
from tests.acceptance.command_line import Kraken, asked
from tests.acceptance.little_market import LittleMarket
from tests.dask_cluster import DaskCluster, dask_cluster


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
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
        monkeypatch.setattr("kraken_core.pipeline.ingest.Ingest._commit", _killing(started))
        said = kraken(*asked(little.folder), "--quiet", code=1)
        assert "was lost. What was committed is kept" in said.err
        assert "Go on with: kraken ingest --resume 1" in said.err
        monkeypatch.undo()
    assert kraken.ingest(little.folder, "--home", kraken.home)["job_id"] == 1
    assert kraken.state() == Kraken(kraken.capsys, full_home).state()


def _killing(started: DaskCluster) -> Callable[..., Any]:
    """A commit after which the scheduler is gone."""
    from kraken_core.pipeline.ingest import Ingest

    commit = Ingest._commit

    def commit_and_kill(*arguments: Any) -> Any:
        metrics = commit(*arguments)
        assert started.scheduler is not None
        started.scheduler.kill()
        return metrics

    return commit_and_kill


class Courier(Executor):
    """Carries tasks and receipts as a network would, and weighs them."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(1)
        self.weights: list[tuple[int, int]] = []  # bytes, and the files they are about

    def submit(self, fn: Any, /, *arguments: Any, **_: Any) -> Future[Any]:
        task, files = pickle.dumps((fn, arguments)), len(arguments[0])

        def carried() -> Any:
            do, given = pickle.loads(task)  # noqa: S301 - our own
            receipt = pickle.dumps(do(*given))
            self.weights += [(len(task), files), (len(receipt), files)]
            return pickle.loads(receipt)  # noqa: S301 - our own

        return self.pool.submit(carried)


def test_tasks_and_receipts_are_small_and_no_candle_is_in_them(
    kraken: Kraken, full_home: Path, little: LittleMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    courier = Courier()

    @contextmanager
    def crew(_self: Work, _workers: int) -> Iterator[Crew]:
        yield Crew(courier, 1)

    monkeypatch.setattr(Work, "_crew", crew)
    kraken.ingest(little.folder)
    assert kraken.state() == Kraken(kraken.capsys, full_home).state()
    assert max(weight / files for weight, files in courier.weights) < 2_500  # whatever is in a file
