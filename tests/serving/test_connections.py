"""Clients that keep a server waiting are not waited for, and those beyond what it can serve are refused."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
import uvicorn

from kraken_core import Workbench
from kraken_core.serving.http.connection import TimedConnection
from kraken_core.serving.http.guard import AccessRules
from kraken_core.serving.http.server import configured, listen

WHOLE = b"GET /jobs HTTP/1.1\r\nHost: localhost\r\n\r\n"
BEGUN = b"GET /jobs HTTP/1.1\r\nHost: loc"
AN_ANSWER = b'"next":null}\n'
AT_MOST_S = 60  # until a test gives up
WAITS_S = 2.0


@contextmanager
def server_of(config: uvicorn.Config) -> Iterator[tuple[str, int]]:
    """The address of a server in this process."""
    server = uvicorn.Server(config)
    with listen("127.0.0.1", 0) as listening:
        serving = threading.Thread(target=server.run, args=([listening],))
        serving.start()
        try:
            yield listening.getsockname()
        finally:
            server.should_exit = True
            serving.join()


@contextmanager
def connected(address: tuple[str, int]) -> Iterator[socket.socket]:
    """A connection, on which no wait is for ever."""
    with socket.create_connection(address, AT_MOST_S) as connection:
        yield connection


def answered(connection: socket.socket) -> bytes:
    """A whole answer."""
    found = b""
    while not found.endswith(AN_ANSWER):
        received = connection.recv(65_536)
        assert received, found
        found += received
    return found


def ended(connection: socket.socket) -> bool:
    """Whether the server closed a connection, on which a byte after the other is sent until then."""
    connection.settimeout(0.02)
    for _ in range(AT_MOST_S * 50):
        try:
            with suppress(TimeoutError):
                return not connection.recv(1)
            connection.sendall(b"a")
        except ConnectionError:  # closed with bytes that nobody read
            return True
    return False


@pytest.fixture
def impatient(reader: Workbench, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
    """A server that waits a little for each request: longer than a busy machine needs to send one."""
    monkeypatch.setattr(TimedConnection, "request_s", WAITS_S)
    with server_of(configured(reader, AccessRules())) as address:
        yield address


@pytest.mark.parametrize("first", [b"", BEGUN])
def test_a_request_that_trickles_in_is_not_waited_for(impatient: tuple[str, int], first: bytes) -> None:
    with connected(impatient) as connection:
        connection.sendall(first)
        assert ended(connection)


def test_nor_is_the_next_one_on_a_connection_that_was_answered(impatient: tuple[str, int]) -> None:
    with connected(impatient) as connection:
        connection.sendall(WHOLE)
        assert answered(connection).startswith(b"HTTP/1.1 200")
        connection.sendall(BEGUN)
        assert ended(connection)


def test_an_answer_takes_as_long_as_it_takes(
    impatient: tuple[str, int], reader: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, waited = reader.jobs, threading.Event()
    monkeypatch.setattr(Workbench, "jobs", lambda _: waited.wait(WAITS_S * 1.2) or read())
    with connected(impatient) as connection:
        connection.sendall(WHOLE)
        assert answered(connection).startswith(b"HTTP/1.1 200")


def test_a_server_answers_so_many_connections_and_refuses_more(
    reader: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kraken_core.serving.http.server.MOST_CONNECTIONS", 2)
    with server_of(configured(reader, AccessRules())) as address, connected(address) as first:
        first.sendall(WHOLE)
        assert answered(first).startswith(b"HTTP/1.1 200")
        with connected(address) as second:
            second.sendall(WHOLE)
            assert second.recv(65_536).startswith(b"HTTP/1.1 503")
