"""A dashboard's server to point a real browser at, and what the journeys through it wait for."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import requests

from tests.acceptance.command_line import environment

NAMES = ("chromium", "chromium-browser", "google-chrome")
PATIENCE_S = 90  # how long a page or a job may take on a busy machine; nothing here waits when it is quicker
LOOK_EVERY_S = 0.02


@dataclass
class Dashboard:
    """A server of a home's dashboard on a port of its own, that can be ended and started again there."""

    home: Path
    settings: dict[str, str] = field(default_factory=dict)  # as variables
    port: int = 0
    _server: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.port = self.port or free_port()
        mine = {name: value for name, value in environment().items() if not name.startswith("KRAKEN_")}
        command = [sys.executable, "-m", "kraken_core", "app", "--home", str(self.home), "--port", str(self.port)]
        self._server = subprocess.Popen(
            [*command, "--no-browser", "--quiet"], env={**mine, **self.settings}, stderr=subprocess.DEVNULL
        )
        until(self._answers)

    def stop(self) -> None:
        if self._server:
            self._server.terminate()
            self._server.wait(PATIENCE_S)
            self._server = None

    def _answers(self) -> bool:
        assert self._server, "the server was not started"
        assert self._server.poll() is None, "the server ended"
        try:
            return requests.get(f"{self.url}/_stcore/health", timeout=5).ok
        except requests.ConnectionError:
            return False


def installed() -> str | None:
    """The system's Chromium, where there is one."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(LOOK_EVERY_S)
