"""A Dask cluster of processes, each of which a test may kill and start again."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60


@dataclass
class DaskCluster:
    """A scheduler at one port, whatever happens to it, and workers of one thread."""

    folder: Path
    port: int
    environment: Mapping[str, str] = field(default_factory=dict)
    scheduler: subprocess.Popen[bytes] | None = None
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    def start_scheduler(self) -> None:
        self.scheduler = self._process(
            "scheduler", "--host", "127.0.0.1", "--port", str(self.port), "--dashboard-address", "127.0.0.1:0"
        )
        until = time.monotonic() + PATIENCE_S
        while not _listens(self.port):
            assert self.scheduler.poll() is None, (self.folder / "scheduler.log").read_text()
            assert time.monotonic() < until, "the scheduler does not come up"
            time.sleep(0.05)

    def start_worker(self, environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """A worker without a nanny: killed, it stays dead."""
        options = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--death-timeout", str(PATIENCE_S)]
        here = ["--host", "127.0.0.1", "--local-directory", str(self.folder)]
        self.workers.append(self._process("worker", self.address, *options, *here, more=environment))
        return self.workers[-1]

    def wait_for_workers(self) -> None:
        """Until all that were started are there."""
        from distributed import Client  # takes a while to load, and few processes of tests have a cluster

        if self.workers:
            with Client(self.address, timeout=PATIENCE_S) as client:
                client.wait_for_workers(len(self.workers), timeout=PATIENCE_S)

    def kill_worker(self) -> None:
        _end(self.workers.pop())

    def stop(self) -> None:
        while self.workers:
            self.kill_worker()
        if self.scheduler:
            _end(self.scheduler)

    def _process(self, *words: str, more: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **self.environment, **(more or {})}
        with (self.folder / f"{words[0]}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "dask", *words], env=environment, cwd=self.folder, stdout=log, stderr=log
            )


@contextmanager
def dask_cluster(folder: Path, workers: int, environment: Mapping[str, str] | None = None) -> Iterator[DaskCluster]:
    cluster = DaskCluster(folder, free_port(), environment or {})
    try:
        cluster.start_scheduler()
        for _ in range(workers):
            cluster.start_worker()
        cluster.wait_for_workers()
        yield cluster
    finally:
        cluster.stop()


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
