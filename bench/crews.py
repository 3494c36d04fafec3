"""Two Dask workers beside two threads, and what the scheduler costs a batch."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

from bench.archives import made
from bench.figures import Figure
from kraken_core.executors.dask import cluster
from tests.support.dask_cluster import DaskCluster, dask_cluster

PAIRS, MINUTES, FULL_MINUTES = 8, 500_000, 2_000_000
TASKS = 200


class Cost(NamedTuple):
    """Seconds of an ingest: of its stage of that name by the clock, and of the processors, whoever used them."""

    clock: float
    processors: float


def crews(*, full: bool, runs: int) -> Iterator[Figure]:
    """The same archive, read by either; each in turn, so that both see the same machine. The cluster is in use."""
    with tempfile.TemporaryDirectory(prefix="kraken-bench-") as name:
        folder = Path(name)
        archive = made(folder / "archive.zip", PAIRS, FULL_MINUTES if full else MINUTES)
        with dask_cluster(folder, workers=2) as started:
            _ingested(archive, folder / "first", started)
            costs = [
                (_ingested(archive, folder / f"threads{run}"), _ingested(archive, folder / f"workers{run}", started))
                for run in range(runs)
            ]
            for kind, by in zip(Cost._fields, ("", ", in processors' time"), strict=True):
                ratio = statistics.median(getattr(threads, kind) / getattr(dask, kind) for threads, dask in costs)
                yield Figure(f"ingest by two Dask workers, of two threads' speed{by}", ratio, 0.8, least=True)
            with cluster(started.address, 2) as pool:
                pool.executor.submit(abs, 1).result()
                began = time.perf_counter()
                for _ in range(TASKS):
                    pool.executor.submit(abs, 1).result()
                yield Figure("Dask: there and back, a batch", (time.perf_counter() - began) / TASKS * 1000, 50, "ms")


def _ingested(archive: Path, home: Path, dask: DaskCluster | None = None) -> Cost:
    command = [sys.executable, "-m", "kraken_core", "ingest", "--json", "--quiet", "--yes", "--tier", "ALL"]
    where = ["--home", str(home), "--csv-source-dir", str(archive), "--start-date", "2020-01-01"]
    environment = {**os.environ, "KRAKEN_DASK": dask.address if dask else ""}
    others = [process for process in (*dask.workers, dask.scheduler) if process] if dask else []
    before = _used(others)
    told = subprocess.run(
        [*command, *where, "--workers", "2", "--no-api-backfill"], check=True, stdout=subprocess.PIPE, env=environment
    )
    return Cost(json.loads(told.stdout)["seconds"]["ingest"], _used(others) - before)


def _used(others: Sequence[subprocess.Popen[bytes]]) -> float:
    """Seconds of the processors that these processes, and all that this one started and that ended, have taken."""
    ended = os.times()
    running = [psutil.Process(process.pid).cpu_times() for process in others]
    return ended.children_user + ended.children_system + sum(each.user + each.system for each in running)
