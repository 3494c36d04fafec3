"""Sessions with web servers: TLS verified, no cookies, one User-Agent; and why one was not reached."""

from __future__ import annotations

import socket
from http.cookiejar import DefaultCookiePolicy
from importlib.metadata import version

import requests

from kraken_core.sources.bounded import BoundedAdapter

_PROJECT = "kraken-history-workbench"
AGENT = f"{_PROJECT}/{version(_PROJECT)}"
_SIDE_BY_SIDE = 64  # connections kept open for threads that send at once


def prepare(session: requests.Session) -> None:
    """Make a new session polite, and fit for many threads."""
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    for scheme in ("http://", "https://"):
        session.mount(scheme, BoundedAdapter(pool_maxsize=_SIDE_BY_SIDE))
    session.headers["User-Agent"] = AGENT


def unreached(error: BaseException) -> str:
    """Why a connection failed or broke, in a few words: connection refused, host name not found."""
    left: list[object] = [error]
    seen: list[object] = []
    while left:
        found = left.pop(0)
        if not isinstance(found, BaseException) or found in seen:
            continue
        if isinstance(found, socket.gaierror):
            return "host name not found"
        if isinstance(found, OSError) and found.errno and found.strerror:
            return found.strerror.lower()
        seen.append(found)
        left += [found.__cause__, found.__context__, getattr(found, "reason", None), *found.args]
    return "connection lost"
