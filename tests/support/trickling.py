"""Servers whose answers trickle: a byte now and then, so that no time-out between two bytes ever runs out."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
EVERY_S = 0.02


@contextmanager
def trickling(at_once: bytes, slowly: bytes, certificate: Path | None = None) -> Iterator[str]:
    """The address of a server that answers with the first at once, and then trickles the second, again and again.

    With a certificate and its key it speaks TLS.
    """
    ended = threading.Event()

    class Answer(BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(1 << 16)
            with suppress(OSError):  # whoever asked has gone
                self.request.sendall(at_once)
                while not ended.is_set():
                    for byte in slowly:
                        self.request.sendall(bytes([byte]))
                        time.sleep(EVERY_S)

    class Server(ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Answer) as server:
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_address[1]}"
        finally:
            ended.set()
            server.shutdown()
