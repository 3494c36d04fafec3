"""The client of the exchange's API and HTTP: statuses, rests, bodies and certificates, and what it tells of itself."""

from __future__ import annotations

import json
import time
from email.utils import formatdate
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from kraken_core.domain.errors import UnavailableError
from kraken_core.sources.rest import KrakenExchange, RetryBudget
from kraken_core.sources.rest import transport as http
from tests.integration.rest_clients import BTC, END, one_line, sending
from tests.support.steady import SteadyTime
from tests.support.web_server import Fault as Sent
from tests.support.web_server import self_signed, serving


@pytest.mark.parametrize("status", [403, 401, 451])
def test_a_server_that_refuses_us_is_not_asked_again(tmp_path: Path, status: int) -> None:
    with (
        sending(tmp_path, Sent(status)) as (client, files, _),
        pytest.raises(UnavailableError, match=f"HTTP status {status}: access refused"),
    ):
        client.now()
    assert len(files.log) == 1


@pytest.mark.parametrize("status", [301, 302, 404, 400])
def test_an_address_that_is_none_of_an_exchange_is_the_settings_fault(tmp_path: Path, status: int) -> None:
    elsewhere = {"Location": "/0/public/Time"}
    with (
        sending(tmp_path, Sent(status, headers=elsewhere)) as (client, files, _),
        pytest.raises(UnavailableError, match=f"HTTP status {status}: check the setting api_url"),
    ):
        client.trades(BTC, 0)
    assert len(files.log) == 1


@pytest.mark.parametrize("status", [408, 425, 500, 502, 504, 520, 525])
def test_a_front_end_that_stumbles_is_asked_again(tmp_path: Path, status: int) -> None:
    with sending(tmp_path, Sent(status), Sent(status)) as (client, files, _):
        assert client.now() == END
        assert [asked.status for asked in files.log] == [status, status, 200]


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"Retry-After": "17"}, 17, 18),
        ({"Retry-After": "soon"}, 5, 6),
        ({"Retry-After": "-9"}, 5, 6),
        ({}, 5, 6),
    ],
)
def test_retry_after_is_kept_where_it_says_for_how_long(
    tmp_path: Path, headers: dict[str, str], least: float, most: float
) -> None:
    with sending(tmp_path, Sent(429, headers=headers)) as (client, _, steady):
        client.now()
        assert least <= steady.seconds <= most


@pytest.mark.parametrize(("seconds", "least", "most"), [(550, 100, 551), (-60, 5, 6)])
def test_retry_after_may_be_a_date(tmp_path: Path, seconds: int, least: float, most: float) -> None:
    then = {"Retry-After": formatdate(time.time() + seconds, usegmt=True)}  # by the clock that the server tells too
    with sending(tmp_path, Sent(429, headers=then)) as (client, _, steady):
        client.now()
        assert least <= steady.seconds <= most


def test_a_server_that_is_down_for_so_long_is_believed(tmp_path: Path) -> None:
    with sending(tmp_path, Sent(503, headers={"Retry-After": "90"})) as (client, _, steady):
        client.now()
        assert 90 <= steady.seconds < 91


def test_a_server_that_is_down_for_longer_than_we_wait_is_asked_nothing_more(tmp_path: Path) -> None:
    with sending(tmp_path, Sent(503, headers={"Retry-After": "3600"})) as (client, files, _):
        with pytest.raises(UnavailableError, match=r"503; no requests for 3,600 s\. Answers so far"):
            client.trades(BTC, 0)
        assert len(files.log) == 1


def test_an_answer_without_end_is_not_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MOST_BYTES", 1_000)
    with sending(tmp_path) as (client, files, _):
        (tmp_path / "0/public/Time").write_bytes(b" " * 1_000_000)
        with pytest.raises(UnavailableError, match=r"it sends more than .* MB, 9 times in a row"):
            client.now()
        assert len(files.log) == 9


def test_a_certificate_that_nobody_trusts_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "0/public").mkdir(parents=True)
    (tmp_path / "0/public/Time").write_text(json.dumps({"error": [], "result": {"unixtime": END}}))
    with serving(tmp_path, certificate=self_signed(tmp_path)) as files:
        client = KrakenExchange(files.url(), waiting=SteadyTime().waiting())
        with pytest.raises(UnavailableError, match="TLS certificate is not valid"):
            client.now()
        assert (client.requests, files.log) == (1, [])
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "certificate.pem"))
        assert client.now() == END
        client.close()


def test_it_says_who_asks_and_nothing_that_is_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password s3cret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with sending(tmp_path / "served") as (client, _, _):
        sent = client._transport._session.prepare_request
        headers: list[dict[str, str]] = []
        client._transport._session.prepare_request = lambda request: _noted(sent(request), headers)  # type: ignore[method-assign]
        client.now()
    [told] = headers
    assert told["User-Agent"] == f"kraken-history-workbench/{version('kraken-history-workbench')}"
    assert not {"Authorization", "Cookie", "API-Key", "API-Sign"} & told.keys()


def _noted(request: Any, headers: list[dict[str, str]]) -> Any:
    headers.append(dict(request.headers))
    return request


@pytest.mark.parametrize(
    "url", ["http://me:s3cret@127.0.0.1:1/", "http://me:s3cret/s3cret@127.0.0.1:1/", "http://127.0.0.1:1/?key=s3cret"]
)
def test_no_password_of_an_address_is_told(url: str) -> None:
    client = KrakenExchange(url, waiting=SteadyTime().waiting(), patience=RetryBudget(1, 1, 1))
    with pytest.raises(UnavailableError) as told:
        client.now()
    client.close()
    assert "s3cret" not in one_line(told.value)
