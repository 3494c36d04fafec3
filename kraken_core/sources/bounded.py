"""Requests that end: one whose answer trickles is cut off by the clock, and by a call to stop.

The time-outs of sockets are for each byte. A server that sends one now and then, of the head or of the body, would hold
a request for hours, and whoever waits for it.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPResponse, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection

from kraken_core.ports import never_stop

if TYPE_CHECKING:
    from urllib3._base_connection import BaseHTTPConnection, BaseHTTPSConnection

PIECE_BYTES = 16 << 10  # that have to come in each period, unless the answer ends
GRACE_S = 2.0  # for an answer that is on its way when a stop is requested
_STEP_S = 0.2  # how soon the clock is looked at
_requests = threading.local()


class BoundedRequest:
    """What a thread requests meanwhile is cut off once ``reason`` says why; see that after whatever went wrong.

    ``timeout_s``: the socket's, between two bytes. It takes a little more than that for PIECE_BYTES, or the end of the
    answer, not to come, so that a server that sends nothing at all is known as such. ``stop``: ends it too, after a
    grace.
    """

    def __init__(self, timeout_s: float, stop: Callable[[], bool] = never_stop) -> None:
        self.reason = ""
        self.stopped = False
        self.socket: socket.socket | None = None
        self.answer: requests.Response | None = None
        self._period_s = timeout_s * 1.25
        self._stop = stop
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        _requests.current = self
        threading.Thread(target=self._watch, name="request-clock", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ended.set()
        _requests.current = None

    def _watch(self) -> None:
        brought, since, stopping = 0, time.monotonic(), 0.0
        while not self._ended.wait(min(_STEP_S, self._period_s / 4)):
            now = time.monotonic()
            come = self._come()
            if come >= brought + PIECE_BYTES:
                brought, since = come, now
            if self._stop():
                stopping = stopping or now
                self.stopped = now - stopping >= GRACE_S
            if now - since >= self._period_s:
                self.reason = f"less than {PIECE_BYTES >> 10} kB of its answer came in {self._period_s:.3g} s"
            if (self.reason or self.stopped) and self.socket is not None:
                with suppress(OSError):  # it is closed already
                    socket.socket.shutdown(self.socket, socket.SHUT_RDWR)  # also below TLS, which would say farewell

    def _come(self) -> int:
        raw = self.answer.raw if self.answer is not None else None
        return raw.tell() if isinstance(raw, HTTPResponse) else 0


class _Connection(HTTPConnection):
    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3's own
        _report(self.sock)
        return super().getresponse()


class _SecureConnection(HTTPSConnection):
    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3's own
        _report(self.sock)
        return super().getresponse()


def _report(used: socket.socket | None) -> None:
    """Tell the thread's bounded request which socket it uses."""
    current: BoundedRequest | None = getattr(_requests, "current", None)
    if current is not None:
        current.socket = used


class _Pool(HTTPConnectionPool):
    ConnectionCls: type[BaseHTTPConnection] = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls: type[BaseHTTPSConnection] = _SecureConnection


class BoundedAdapter(HTTPAdapter):
    """Sends requests over connections that a :class:`BoundedRequest` can cut off."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - passed on
        """The pools of direct connections."""
        super().init_poolmanager(*args, **kwargs)
        _with_our_pools(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> PoolManager:  # noqa: ANN401 - passed on
        """The pools of connections over a proxy."""
        return _with_our_pools(super().proxy_manager_for(*args, **kwargs))


def _with_our_pools(manager: PoolManager) -> PoolManager:
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
    return manager
