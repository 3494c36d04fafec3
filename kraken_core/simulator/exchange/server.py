"""HTTP for the simulated exchange: connections that are kept alive, and those to which something happens."""

from __future__ import annotations

import os
import select
import socket
import struct
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qsl, urlsplit

from kraken_core.domain.errors import UsageError
from kraken_core.simulator.exchange.faults import Fault, FaultKind

PUBLIC = "/0/public/"
JSON = "application/json; charset=utf-8"
HTML = "text/html; charset=UTF-8"
PAGES = {  # of HTML, by what went wrong
    FaultKind.SERVER_ERROR: HTTPStatus.SERVICE_UNAVAILABLE,
    FaultKind.FORBIDDEN: HTTPStatus.FORBIDDEN,
    FaultKind.PORTAL: HTTPStatus.OK,
}
SORRY = b"<!DOCTYPE html>\n<html><head><title>Kraken</title></head><body><h1>We'll be right back.</h1></body></html>\n"
AT_ONCE = struct.pack("ii", 1, 0)  # of SO_LINGER: a socket closes with a reset


class Reply(NamedTuple):
    """A body of JSON to send, what goes wrong with it, and with which HTTP status it comes otherwise."""

    body: bytes
    fault: Fault | None = None
    status: int = HTTPStatus.OK


Answering = Callable[[str, str, Mapping[str, str]], Reply]  # of a client's address, an endpoint and its parameters


def port_refused(port: int, error: OSError) -> str:
    """Why a port cannot be had, and what to do."""
    reason = os.strerror(error.errno or 0)
    return f"Port {port} cannot be served on: {reason}. Choose another one, or 0 for any that is free."


class ExchangeServer(ThreadingTCPServer):
    """Listens on 127.0.0.1, with a thread for each connection; port 0 takes a free one. ``prefix``: of its endpoints.

    Raises UsageError where the port cannot be had.
    """

    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, port: int, reply: Answering, prefix: str = PUBLIC) -> None:
        self.reply = reply
        self.prefix = prefix
        self.closing = threading.Event()
        self._connections: set[socket.socket] = set()
        try:
            super().__init__(("127.0.0.1", port), Handler)
        except OSError as error:
            raise UsageError(port_refused(port, error)) from error

    @property
    def port(self) -> int:
        """On which it listens."""
        return int(self.socket.getsockname()[1])

    def run(self) -> None:
        """Serve until it is closed."""
        self.serve_forever(poll_interval=0.02)

    def close(self) -> None:
        """Hang up on everybody, and end all threads."""
        self.shutdown()
        self.closing.set()
        for connection in tuple(self._connections):
            with suppress(OSError):  # left already
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - socketserver's signature
        """Remember whom to hang up on."""
        self._connections.add(request)
        super().process_request(request, client_address)

    def close_request(self, request: Any) -> None:  # noqa: ANN401 - socketserver's signature
        """Forget them."""
        self._connections.discard(request)
        super().close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - socketserver's signature
        """A client that leaves in the middle is no error of ours; anything else is shown."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """Answers the requests of one connection."""

    server: ExchangeServer  # type: ignore[mutable-override] # socketserver's own way
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body leave together

    def do_GET(self) -> None:
        """Answer a request, or do its fault to it."""
        url = urlsplit(self.path)
        if not url.path.startswith(self.server.prefix):
            self._send(HTTPStatus.NOT_FOUND, SORRY, HTML)
            return
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        endpoint = url.path.removeprefix(self.server.prefix)
        body, fault, status = self.server.reply(self.client_address[0], endpoint, query)
        match fault and fault.kind:
            case (FaultKind.SERVER_ERROR | FaultKind.FORBIDDEN | FaultKind.PORTAL) as kind:
                self._send(PAGES[kind], SORRY, HTML)
            case FaultKind.THROTTLED if fault:
                self._send(HTTPStatus.TOO_MANY_REQUESTS, SORRY, HTML, {"Retry-After": f"{fault.seconds:.0f}"})
            case FaultKind.REFUSED if fault:
                self._send(HTTPStatus(fault.status), body, JSON)
            case FaultKind.TIMEOUT:
                self._wait_until_left()
            case FaultKind.RESET:
                self._reset()
            case FaultKind.CUT_OFF:
                self._send(HTTPStatus.OK, body[: len(body) // 2], JSON, {"Content-Length": str(len(body))})
                self.close_connection = True
            case FaultKind.HALF:
                self._send(HTTPStatus.OK, body[: len(body) // 2], JSON)
            case FaultKind.SLOW if fault:
                self._send_late(body, fault.seconds)
            case _:
                self._send(HTTPStatus(status), body, JSON)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401 - http.server's signature
        """The exchange's ``requests`` are those received."""

    def _send(self, status: HTTPStatus, body: bytes, kind: str, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        headers_sent = {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}
        for name, value in headers_sent.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def _send_late(self, body: bytes, seconds: float) -> None:
        if self.server.closing.wait(seconds):
            self.close_connection = True  # open requests are cut off, not answered
        else:
            self._send(HTTPStatus.OK, body, JSON)

    def _wait_until_left(self) -> None:
        select.select([self.connection], [], [])  # readable when the client closes, or we hang up
        self.close_connection = True

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        os.close(self.connection.detach())  # not by close, which ends the connection properly
        self.close_connection = True


class AtAddress:
    """What serves at ``url`` from entering its context to leaving it."""

    url: str
    _server: ExchangeServer

    def _listen(self, port: int, reply: Answering, prefix: str) -> None:
        """Take the port; 0 is a free one. Raises UsageError where it cannot be had."""
        self._server = ExchangeServer(port, reply, prefix)
        self.url = f"http://127.0.0.1:{self._server.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.run, name=f"{type(self).__name__} at {self.url}", daemon=True).start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._server.close()
