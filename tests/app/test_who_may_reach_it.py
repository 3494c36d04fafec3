"""The dashboard is for this machine: a page from elsewhere cannot reach it under a name of its own (DNS rebinding)."""

from __future__ import annotations

import http.client
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.support.browsing import answered_by, serving
from tests.support.command_line import ROOT
from tests.support.ports import free_port

SWITCHING, REFUSED = 101, 403


def handshake(url: str, host: str) -> int:
    """The status that a browser gets which opens the dashboard's websocket for a page at ``http://HOST``."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=30)
    headers = {
        "Host": f"{host}:{address.port}",
        "Origin": f"http://{host}:{address.port}",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg==",
        "Sec-WebSocket-Version": "13",
    }
    try:
        connection.request("GET", "/_stcore/stream", headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.fixture(scope="module", params=["kraken-history app, in any folder", "streamlit run, in the checkout"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("served") / "home"
    if request.param.startswith("kraken-history"):
        with serving(home) as address:
            yield address
        return
    port = free_port()
    words = [sys.executable, "-m", "streamlit", "run", "app/main.py", f"--server.port={port}", "--server.headless=true"]
    with answered_by(words, port, ROOT, KRAKEN_HOME=str(home)) as address:
        yield address


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_page_of_this_machine_is_answered(url: str, host: str) -> None:
    assert handshake(url, host) == SWITCHING


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example"])
def test_a_page_under_another_name_is_refused(url: str, host: str) -> None:
    assert handshake(url, host) == REFUSED
