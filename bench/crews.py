"""Two Dask workers beside two threads, and what the scheduler costs a batch."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.archives import made
from bench.figures import Figure
from kraken_core.executors.dask import cluster

TASKS = 200


def crews() -> Iterator[Figure]:
    """The same archive, read by either; each in turn, so that both see the same machine."""
    with tempfile.TemporaryDirectory(prefix="kraken-bench-") as folder:
        archive = made(Path(folder) / "archive.zip", 8, 500_000)
        ratios = []
        for run in range(3):
            threads, workers = (_seconds(archive, Path(folder) / f"{dask}{run}", dask) for dask in ("", "local"))
            ratios.append(threads / workers)
    yield Figure("ingest by two Dask workers, of two threads' speed", statistics.median(ratios), 0.8, least=True)
    with cluster("local", 2) as crew:
        crew.executor.submit(abs, 1).result()
        began = time.perf_counter()
        for _ in range(TASKS):
            crew.executor.submit(abs, 1).result()
        yield Figure("Dask: there and back, a batch", (time.perf_counter() - began) / TASKS * 1000, 50, "ms")


def _seconds(archive: Path, home: Path, dask: str) -> float:
    command = [sys.executable, "-m", "kraken_core", "ingest", "--json", "--quiet", "--yes", "--tier", "ALL"]
    where = ["--home", str(home), "--csv-source-dir", str(archive), "--start-date", "2020-01-01"]
    environment = {**os.environ, "KRAKEN_DASK": dask}
    told = subprocess.run(
        [*command, *where, "--workers", "2", "--no-api-backfill"], check=True, stdout=subprocess.PIPE, env=environment
    )
    seconds: float = json.loads(told.stdout)["seconds"]["ingest"]
    return seconds
