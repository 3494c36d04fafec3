"""Who is answered: this machine by its own names; others with the token, and by names that were allowed."""

from __future__ import annotations

import hmac
import socket

import pytest
from starlette.testclient import TestClient

from kraken_core import Workbench
from kraken_core.domain.errors import UsageError
from kraken_core.serving.http.application import application
from kraken_core.serving.http.endpoints import ENDPOINTS
from kraken_core.serving.http.guard import AccessRules, host_name
from kraken_core.serving.http.server import access_rules, listen, url_of

TOKEN = "correct-horse-battery"
PATHS = ["/", "/openapi.json", *(endpoint.path for endpoint in ENDPOINTS)]


@pytest.mark.parametrize("host", ["127.0.0.1:8600", "localhost:8600", "localhost", "LOCALHOST.", "[::1]:8600", "[::1]"])
def test_this_machine_is_answered_by_each_of_its_names(client: TestClient, host: str) -> None:
    assert client.get("/jobs", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8600", "10.0.0.1", ""]
)
def test_a_page_that_reaches_it_under_a_name_of_its_own_is_refused(client: TestClient, path: str, host: str) -> None:
    refused = client.get(path, headers={"Host": host})
    assert refused.status_code == 403
    assert "--allow-host NAME" in refused.json()["error"]


def test_other_origins_may_neither_read_nor_embed_nor_keep_an_answer(client: TestClient) -> None:
    headers = client.get("/jobs", headers={"Origin": "http://evil.example"}).headers
    assert "access-control-allow-origin" not in headers
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE"])
@pytest.mark.parametrize("path", PATHS)
def test_nothing_but_reading_is_offered(client: TestClient, path: str, method: str) -> None:
    refused = client.request(method, path)
    assert refused.status_code == 405
    assert refused.headers["allow"] in {"GET, HEAD", "HEAD, GET"}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "given", [None, "", "Bearer", "Bearer wrong-horse-battery", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x"]
)
def test_without_the_token_nothing_is_answered(reader: Workbench, path: str, given: str | None) -> None:
    client = TestClient(application(reader, AccessRules(token=TOKEN)), "http://127.0.0.1")
    refused = client.get(path, headers={} if given is None else {"Authorization": given})
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"] == "Bearer"
    assert TOKEN not in refused.text


def test_with_the_token_all_is_answered_and_the_document_says_so(reader: Workbench) -> None:
    client = TestClient(application(reader, AccessRules(token=TOKEN)), "http://127.0.0.1")
    client.headers["Authorization"] = f"Bearer {TOKEN}"
    assert client.get("/jobs").status_code == 200
    document = client.get("/openapi.json").json()
    assert document["security"] == [{"token": []}]
    assert document["components"]["securitySchemes"]["token"] == {"type": "http", "scheme": "bearer"}
    assert TOKEN not in str(document)


def test_tokens_are_compared_in_a_time_that_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(given: bytes, right: bytes) -> bool:
        compared.append((given, right))
        return given == right

    monkeypatch.setattr(hmac, "compare_digest", compare)
    assert not AccessRules(token=TOKEN).admits("Bearer guess")
    assert compared == [(b"guess", TOKEN.encode())]


def test_what_shows_the_rules_does_not_show_the_token() -> None:
    assert TOKEN not in repr(AccessRules(token=TOKEN))


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.7"])
def test_other_machines_need_a_token(address: str) -> None:
    with pytest.raises(UsageError, match="KRAKEN_SERVE_TOKEN"):
        access_rules(address, [], "")
    assert access_rules(address, [], TOKEN).token == TOKEN


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2", "localhost", "::1"])
def test_this_machine_needs_none(address: str) -> None:
    assert access_rules(address, [], "").token == ""


def test_on_all_networks_it_is_known_by_any_address_and_by_names_that_were_allowed() -> None:
    rules = access_rules("0.0.0.0", ["History.Example.org"], TOKEN)
    assert all(map(rules.knows, ["192.0.2.7:8600", "[2001:db8::7]:8600", "history.example.org", "localhost"]))
    assert not rules.knows("evil.example")
    assert not access_rules("127.0.0.1", [], "").knows("192.0.2.7:8600")


def test_what_is_no_address_of_this_machine_is_refused() -> None:
    with pytest.raises(UsageError, match="is not an address of this machine"):
        access_rules("history.example.org", [], TOKEN)


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("a.b:80", "a.b"),
        ("A.B", "a.b"),
        ("[::1]:80", "::1"),
        ("[::1]", "::1"),
        ("a.b.:80", "a.b"),
        ("::1", "::1"),
        ("", ""),
    ],
)
def test_a_host_is_its_name_without_port_and_brackets(host: str, name: str) -> None:
    assert host_name(host) == name


def test_connections_send_at_once() -> None:
    """Without that, each answer waits for the client to acknowledge its head: 40 ms."""
    with listen("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname()):
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.proto == socket.IPPROTO_TCP, "what asyncio looks at before it sets TCP_NODELAY"


def test_an_address_of_ipv6_is_shown_in_brackets() -> None:
    with listen("::1", 0) as listening:
        assert url_of(listening) == f"http://[::1]:{listening.getsockname()[1]}"


def test_an_address_that_is_not_of_this_machine_is_one_line() -> None:
    with pytest.raises(UsageError, match=r"port 0 of 192\.0\.2\.7 cannot be served on: Cannot assign"):
        listen("192.0.2.7", 0)
