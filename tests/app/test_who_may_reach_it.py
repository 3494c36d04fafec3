"""The dashboard is for this machine: a page from elsewhere cannot reach it under a name of its own (DNS rebinding)."""

from __future__ import annotations

import http.client
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets import Origin
from websockets.sync.client import connect

from app.shared import origins
from tests.support.browsing import answered_by, serving
from tests.support.command_line import ROOT
from tests.support.ports import free_port

SWITCHING, FORBIDDEN = 101, 403
REFUSED = origins.REFUSED.partition(",")[0]


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


def drawn(url: str, origin: str) -> str:
    """What a page of an origin is sent once it has the dashboard drawn, as text."""
    address = urlsplit(url)
    with connect(f"ws://{address.netloc}/_stcore/stream", origin=Origin(origin), max_size=None) as dashboard:
        dashboard.send(BackMsg(rerun_script=ClientState(query_string="")).SerializeToString())
        sent = ""
        for message in dashboard:
            assert isinstance(message, bytes)
            forwarded = ForwardMsg.FromString(message)
            sent += str(forwarded)
            if forwarded.WhichOneof("type") == "script_finished":
                return sent
    raise AssertionError(sent)


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
    assert handshake(url, host) == FORBIDDEN


def test_its_own_page_is_drawn(url: str) -> None:
    own = drawn(url, url)
    assert "Overview" in own
    assert REFUSED not in own


@pytest.mark.parametrize("origin", ["http://127.0.0.1:9", "http://localhost:3000", "https://127.0.0.1"])
def test_a_page_of_another_server_on_this_machine_is_shown_nothing(url: str, origin: str) -> None:
    shown = drawn(url, origin)
    assert REFUSED in shown
    assert "Overview" not in shown
