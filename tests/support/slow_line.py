"""A line to a server on which everything takes a while."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer

CHUNK = 64 << 10


@contextmanager
def slow_line(server: int | Path, seconds: float) -> Iterator[int]:
    """A port of this machine that passes on to a server's port, or socket; each piece either way takes that long."""

    class Passing(BaseRequestHandler):
        def handle(self) -> None:
            with _connected(server) as there:
                to_it = threading.Thread(target=_pass_on, args=(self.request, there, seconds), daemon=True)
                to_it.start()
                _pass_on(there, self.request, seconds)
                to_it.join()

    class Line(ThreadingTCPServer):
        daemon_threads = True

    with Line(("127.0.0.1", 0), Passing) as line:
        threading.Thread(target=line.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield line.server_address[1]
        finally:
            line.shutdown()


def _connected(server: int | Path) -> socket.socket:
    if isinstance(server, int):
        return socket.create_connection(("127.0.0.1", server))
    there = socket.socket(socket.AF_UNIX)
    there.connect(str(server))
    return there


def _pass_on(source: socket.socket, target: socket.socket, seconds: float) -> None:
    """All that comes, until one of the two hangs up; then neither is heard any more."""
    with suppress(OSError):
        while piece := source.recv(CHUNK):
            time.sleep(seconds)
            target.sendall(piece)
    for each in (source, target):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
