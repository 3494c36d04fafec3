"""Listening: the address and port, who is known by which name, and a regular end."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from typing import TYPE_CHECKING

import uvicorn

from kraken_core.domain.errors import UsageError
from kraken_core.serving.http.application import application
from kraken_core.serving.http.connection import TimedConnection
from kraken_core.serving.http.guard import LOCAL, AccessRules, host_name

if TYPE_CHECKING:
    from kraken_core.workbench import Workbench

MOST_CONNECTIONS = 200  # to be answered; others are refused with status 503
_GRACE_S = 3  # for answers that are on their way when it ends
_ENDING = (signal.SIGINT, signal.SIGTERM)


def access_rules(address: str, allowed: Iterable[str], token: str) -> AccessRules:
    """Who may reach a server at an address. Raises UsageError where it is no address, or others reach it without token.

    On an address of all networks it is known by whatever address it has, and by the names that are ``allowed``.
    """
    try:
        bound = ip_address("127.0.0.1" if address == "localhost" else address)
    except ValueError:
        raise UsageError(
            f"{address!r} is not an address of this machine: use 127.0.0.1, ::1, 0.0.0.0 or one of its own."
        ) from None
    if not bound.is_loopback and not token:
        raise UsageError(
            f"{address} can be reached from other machines, so a token is needed: set KRAKEN_SERVE_TOKEN to a "
            "secret of 16 characters or more, or leave --host out."
        )
    names = {*LOCAL, str(bound), *map(host_name, allowed)}
    return AccessRules(frozenset(names), addresses=bound.is_unspecified, token=token)


def listen(address: str, port: int) -> socket.socket:
    """A socket at an address, port 0 taking a free one. Raises UsageError where it cannot be had."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    # With its protocol named, asyncio has connections send at once: else each answer waits 40 ms for the client
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address, port))
        listening.listen()
    except OSError as error:
        listening.close()
        raise UsageError(
            f"port {port} of {address} cannot be served on: {error.strerror}. Choose another --port, or 0 for any that "
            "is free."
        ) from None
    return listening


def url_of(listening: socket.socket) -> str:
    """The address to give to clients."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def configured(workbench: Workbench, rules: AccessRules) -> uvicorn.Config:
    """How a home is served: with bounds on connections, and on how long their requests may take to come."""
    return uvicorn.Config(
        application(workbench, rules),
        http=TimedConnection,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        ws="none",
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=_GRACE_S,
    )


def serve(workbench: Workbench, listening: socket.socket, rules: AccessRules, began: Callable[[], None]) -> None:
    """Answer until Ctrl-C or SIGTERM, which is its regular end; ``began`` is called once that can stop it."""
    # uvicorn raises the signal again once it has ended, for whoever was to handle it before
    before = {number: signal.signal(number, lambda *_: None) for number in _ENDING}
    try:
        server = uvicorn.Server(configured(workbench, rules))
        with listening:
            began()
            server.run([listening])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
