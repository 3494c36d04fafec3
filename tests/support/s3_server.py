"""A local server of objects that speaks S3, in a process of its own: killed and started anew."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.support.dask_cluster import PATIENCE_S, ROOT
from tests.support.ports import free_port

BUCKET = "candles"


@dataclass
class S3Server:
    """The server at one port. What it acknowledged is there again when it is started anew."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs to use it."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": "anybody",
            "AWS_SECRET_ACCESS_KEY": "unasked",
            "AWS_REGION": "us-east-1",
        }

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            command = [sys.executable, "-m", "tests.support.durable_s3", str(self.port), str(self.folder / "done")]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=ROOT)
        until = time.monotonic() + PATIENCE_S
        while not self._listens():
            assert self.process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < until, "the S3 server does not come up"
            time.sleep(0.05)
        requests.put(f"{self.environment['AWS_ENDPOINT_URL']}/{BUCKET}", timeout=PATIENCE_S).raise_for_status()

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@contextmanager
def s3_server(folder: Path) -> Iterator[S3Server]:
    server = S3Server(folder, free_port())
    try:
        server.start()
        yield server
    finally:
        server.kill()
