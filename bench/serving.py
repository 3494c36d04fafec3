"""Servers whose pages are timed, each in a process of its own that ends with the measurement."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import psutil

from bench.browser import PATIENCE_MS
from tests.support.ports import free_port

Served = tuple[str, psutil.Process]  # its address, and the process


def dashboard_of(home: Path) -> AbstractContextManager[Served]:
    """The dashboard over a home, where no exchange answers."""
    words = [sys.executable, "-m", "kraken_core", "app", "--home", str(home), "--no-browser", "--port"]
    return served(words, {"KRAKEN_API_URL": "http://127.0.0.1:9"})


@contextmanager
def served(words: Sequence[str], settings: Mapping[str, str]) -> Iterator[Served]:
    """The server that these words start, with the port behind them, once it accepts connections."""
    port = free_port()
    environment = {**os.environ, **settings}
    with subprocess.Popen(
        [*words, str(port)], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        process = psutil.Process(server.pid)
        try:
            until = time.monotonic() + PATIENCE_MS / 1000
            while time.monotonic() < until and server.poll() is None and not _listens(process, port):
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}", process
        finally:
            for each in [*process.children(recursive=True), process]:
                with suppress(psutil.NoSuchProcess):
                    each.terminate()


def _listens(process: psutil.Process, port: int) -> bool:
    family = [process, *process.children(recursive=True)]
    return any(at.laddr.port == port and at.status == psutil.CONN_LISTEN for p in family for at in p.net_connections())
