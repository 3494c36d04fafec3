"""How web servers are asked, whatever for: TLS verified, no cookies, and by one name."""

from __future__ import annotations

from http.cookiejar import DefaultCookiePolicy
from importlib.metadata import version

import requests
from requests.adapters import HTTPAdapter

_PROJECT = "kraken-history-workbench"
AGENT = f"{_PROJECT}/{version(_PROJECT)}"
_SIDE_BY_SIDE = 64  # connections kept open for threads that ask at once


def prepare(session: requests.Session) -> None:
    """Make a new session polite, and fit for many threads."""
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=_SIDE_BY_SIDE))
    session.headers["User-Agent"] = AGENT
