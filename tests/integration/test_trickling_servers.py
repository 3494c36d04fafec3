"""Answers that trickle end by the clock, and by a stop: of the exchange and of servers of archives, head and body."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from kraken_core.domain.errors import Interrupted, UnavailableError
from kraken_core.sources import bounded, web
from kraken_core.sources.rest import KrakenExchange
from kraken_core.sources.rest.retries import RetryBudget
from kraken_core.sources.rest.waiting import Waiting
from kraken_core.sources.web import BreakError, Web
from tests.support.steady import SteadyTime
from tests.support.trickling import HEAD, trickling
from tests.support.web_server import self_signed

TIMEOUT_S = 0.8  # between two bytes, of which one comes every 0.02 s, on a busy machine too
ONCE = RetryBudget(repeat=1)
ANSWERS = {
    "the status line": (b"", b"HTTP/1.1 200 "),
    "a header": (HEAD + b"X-More: ", b"x"),
    "a body of a stated length": (HEAD + b"Content-Length: 900000\r\n\r\n", b" "),
    "a body that ends with the connection": (HEAD + b"Connection: close\r\n\r\n", b" "),
    "a body in pieces": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
}
trickles = pytest.mark.parametrize(("at_once", "slowly"), ANSWERS.values(), ids=ANSWERS)


@trickles
def test_an_exchange_that_trickles_is_given_up(at_once: bytes, slowly: bytes) -> None:
    with trickling(at_once, slowly) as url:
        patient = SteadyTime().waiting()
        client = KrakenExchange(url, timeout_s=(5.0, TIMEOUT_S), patience=ONCE, waiting=patient)
        with pytest.raises(UnavailableError, match=r"less than 16 kB of its answer came in 1 s"):
            client.now()
        client.close()


def test_an_exchange_that_trickles_over_tls_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = self_signed(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "certificate.pem"))
    with trickling(*ANSWERS["a body of a stated length"], certificate) as url:
        client = KrakenExchange(url, timeout_s=(5.0, TIMEOUT_S), patience=ONCE, waiting=SteadyTime().waiting())
        with pytest.raises(UnavailableError, match=r"less than 16 kB of its answer came in 1 s"):
            client.now()
        client.close()


@trickles
def test_a_stop_does_not_wait_for_an_answer_that_trickles(
    at_once: bytes, slowly: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded, "GRACE_S", 0.1)
    stop = threading.Event()
    with trickling(at_once, slowly) as url:
        client = KrakenExchange(url, timeout_s=(5.0, 3600.0), waiting=Waiting(stop.is_set))
        timer = threading.Timer(0.2, stop.set)
        timer.start()
        with pytest.raises(Interrupted):
            client.now()
        timer.join()
        client.close()


@trickles
def test_an_answer_of_a_server_of_archives_breaks_off_where_it_trickles(
    at_once: bytes, slowly: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "TIMEOUT_S", (5.0, TIMEOUT_S))
    with (
        trickling(at_once, slowly) as url,
        pytest.raises(BreakError, match=r"less than 16 kB of its answer came in 1 s"),
        Web().get(f"{url}/a.zip") as answer,
    ):
        answer.content  # noqa: B018 - reads it
