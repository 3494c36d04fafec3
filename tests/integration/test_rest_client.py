"""The client of the exchange's API when things go wrong: it waits, slows down, gives up on a pair, or on the job."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from email.utils import formatdate
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kraken_core.domain.errors import ExchangeError, Interrupted, PairRefusedError, UnavailableError
from kraken_core.domain.market import Pair, Series
from kraken_core.simulator.exchange import PASSING, Fault, Faults, Kind, Limits, SimulatedExchange
from kraken_core.simulator.exchange.limits import Limiter
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.sources.rest import KrakenExchange, Patience
from kraken_core.sources.rest import transport as http
from tests.steady import SteadyTime
from tests.strategies import markets
from tests.web_server import Fault as Sent
from tests.web_server import FileServer, self_signed, serving

END = 1_780_000_020
PAIRS = [Pair(base, "USD") for base in ("BTC", "ETH", "ADA", "SOL")]
BTC, ETH = PAIRS[:2]
MARKET = SimulatedMarket.make(3, [Listing(pair, 5.0, 97_000, 1, 0.05) for pair in PAIRS], END - 86_400, END)
FOR_GOOD = None
WEIRD = "EGeneral:Internal error"
SOON = (30.0, 0.2)  # an answer that does not come is not waited for


@contextmanager
def asking(
    *script: Fault,
    market: SimulatedMarket = MARKET,
    steady: SteadyTime | None = None,
    limits: Limits | None = None,
    **how: Any,
) -> Iterator[tuple[KrakenExchange, SimulatedExchange]]:
    """A client, and the exchange it asks; waits take no time but the simulated exchange's and the client's own."""
    steady = steady or SteadyTime()
    with SimulatedExchange(market, faults=Faults(script), limits=limits) as served:
        served._limiter = Limiter(limits, steady.now) if limits else None
        client = KrakenExchange(served.url, **{"waiting": steady.waiting(), **how})
        yield client, served
        client.close()


@contextmanager
def sending(folder: Path, *sent: Sent | None, **how: Any) -> Iterator[tuple[KrakenExchange, FileServer, SteadyTime]]:
    """A client of a server whose first answers are others."""
    public = folder / "0" / "public"
    public.mkdir(parents=True)
    (public / "Time").write_text(json.dumps({"error": [], "result": {"unixtime": END}}))
    (public / "Trades").write_text(json.dumps({"error": [], "result": {"XXBTZUSD": [], "last": "0"}}))
    steady = SteadyTime()
    with serving(folder, faults=list(sent)) as files:
        client = KrakenExchange(files.url(), waiting=steady.waiting(), **how)
        yield client, files, steady
        client.close()


def one_line(error: BaseException) -> str:
    assert "\n" not in str(error)
    assert str(error).endswith((".", ")"))
    return str(error)


# ------------------------------------------------------------------------------------------------------ what passes


@pytest.mark.parametrize("fault", [*PASSING, Fault(Kind.TIMEOUT), Fault(Kind.THROTTLED, seconds=3)])
def test_what_passes_costs_a_retry_and_changes_no_answer(fault: Fault) -> None:
    with asking() as (client, _):
        hourly, page = client.ohlc(Series(BTC, 60), END), client.trades(BTC, 0)
    for endpoint in ("OHLC", "Trades"):
        script = Fault(fault.kind, endpoint, times=3, seconds=fault.seconds, error=fault.error)
        with asking(script, timeout_s=SOON) as (client, served):
            found = client.ohlc(Series(BTC, 60), END) if endpoint == "OHLC" else client.trades(BTC, 0)
            expected = hourly if endpoint == "OHLC" else page
            assert found[0].equals(expected[0])
            assert found[1:] == expected[1:]
            assert (client.requests, client.retries) == (4, 3)
            assert [asked.query for asked in served.requests] == [served.requests[0].query] * 4


def test_a_slow_answer_is_waited_for() -> None:
    with asking(Fault(Kind.SLOW, seconds=0.1)) as (client, _):
        assert client.now() == END
        assert client.retries == 0


def test_waits_grow_and_are_told_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    steady = SteadyTime()
    with asking(Fault(Kind.SERVER_ERROR, times=5), steady=steady) as (client, _), caplog.at_level(logging.INFO):
        client.trades(BTC, 0)
    assert 0.5 * 15.5 <= steady.seconds <= 15.5 + 5
    said = [record.getMessage() for record in caplog.records if record.name == "kraken_core"]
    assert len(said) == 5
    assert all(
        re.fullmatch(r"BTC/USD at 127.0.0.1:\d+: it answers with HTTP status 503; asking again", s) for s in said
    )


@settings(max_examples=20)
@given(markets(), st.integers(0, 2**32), st.floats(0.1, 0.5))
def test_whatever_passes_every_trade_and_candle_is_told_once(market: SimulatedMarket, seed: int, share: float) -> None:
    with asking(market=market, patience=Patience(99, 99, 99)) as (client, served):
        listed = [pair for pair, _ in client.pairs()]
        plain = {pair: client.ohlc(Series(pair, 60), market.end) for pair in listed}
        served.faults = Faults(share=share, seed=seed)
        for pair in listed:
            found = client.ohlc(Series(pair, 60), market.end)
            assert found.candles.equals(plain[pair].candles)
            assert found.known == plain[pair].known
            assert sweep(client, pair) == len(market.tapes[pair])


# ------------------------------------------------------------------------------------------------------- what does not


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (Fault(Kind.SERVER_ERROR, times=FOR_GOOD), "it answers with HTTP status 503, 9 times in a row"),
        (Fault(Kind.RESET, times=FOR_GOOD), "it cannot be reached, or breaks off, 9 times in a row"),
        (Fault(Kind.CUT_OFF, times=FOR_GOOD), "it cannot be reached, or breaks off, 9 times in a row"),
        (Fault(Kind.MAINTENANCE, times=FOR_GOOD), "it answers EService:Unavailable, 9 times in a row"),
        (Fault(Kind.ERROR, times=FOR_GOOD, error="EService:Busy"), "EService:Busy, 9 times in a row"),
        (Fault(Kind.ERROR, times=FOR_GOOD, error="EGeneral:Too many requests"), "12 times in a row"),
        (Fault(Kind.THROTTLED, times=FOR_GOOD, seconds=60), "429, 12 times in a row, and wants no question for 60 s"),
        (Fault(Kind.THROTTLED, times=FOR_GOOD, seconds=3600), "status 429, and wants no question for 3,600 s"),
        (Fault(Kind.ERROR, times=FOR_GOOD, error="EGeneral:Permission denied"), "it answers EGeneral:Permission den"),
    ],
)
def test_an_exchange_that_cannot_be_asked_ends_the_job_with_one_line(fault: Fault, why: str) -> None:
    with asking(fault) as (client, _), pytest.raises(UnavailableError) as told:
        client.trades(BTC, 0)
    said = one_line(told.value)
    assert re.match(r"127.0.0.1:\d+ was asked for Trades, and ", said)
    assert why in said
    assert "What was answered before is kept; try again later" in said


def test_a_server_that_never_answers_is_given_up() -> None:
    with (
        asking(Fault(Kind.TIMEOUT, times=FOR_GOOD), timeout_s=SOON, patience=Patience(repeat=2)) as (client, _),
        pytest.raises(UnavailableError, match="it does not answer in time, 2 times in a row"),
    ):
        client.now()


def test_where_nobody_listens_the_exchange_is_unavailable() -> None:
    with asking() as (_, served):
        url = served.url
    client = KrakenExchange(url, waiting=SteadyTime().waiting())
    with pytest.raises(UnavailableError, match="it cannot be reached"):
        client.pairs()
    client.close()


@pytest.mark.parametrize("kind", [Kind.HALF, Kind.NO_LAST, Kind.ERROR])
def test_a_pair_whose_answers_never_make_sense_is_given_up_and_others_are_not(kind: Kind) -> None:
    with asking(Fault(kind, pair=BTC, times=FOR_GOOD, error=WEIRD)) as (client, _):
        with pytest.raises(PairRefusedError) as told:
            client.trades(BTC, 0)
        assert one_line(told.value).startswith("BTC/USD: 127.0.0.1:")
        assert "5 times in a row. The job goes on without it" in str(told.value)
        assert client.trades(ETH, 0).trades.height == 1_000


@pytest.mark.parametrize(
    "fault", [Fault(Kind.SERVER_ERROR), Fault(Kind.RESET), Fault(Kind.ERROR, error="EService:Busy")]
)
def test_a_pair_that_alone_is_never_answered_does_not_end_the_job(fault: Fault) -> None:
    with asking(replace(fault, endpoint="Trades", times=FOR_GOOD)) as (client, served):
        assert outcomes(client, PAIRS[:3]) == [PairRefusedError, PairRefusedError, UnavailableError]
        assert [asked.endpoint for asked in served.requests].count("SystemStatus") == 3
        served.faults = Faults((replace(fault, pair=BTC, times=FOR_GOOD),))
        assert outcomes(client, [ETH, BTC, *PAIRS[1:]]) == [None, PairRefusedError, None, None, None]


def test_an_error_that_says_it_is_the_pair_is_not_asked_again() -> None:
    with asking(Fault(Kind.VANISHED, pair=BTC, times=FOR_GOOD)) as (client, _):
        with pytest.raises(PairRefusedError, match="EQuery:Unknown asset pair"):
            client.ohlc(Series(BTC, 60), END)
        assert BTC not in {listed.pair for listed in client.pairs()}
        assert client.retries == 0


def outcomes(client: KrakenExchange, pairs: list[Pair]) -> list[type[ExchangeError] | None]:
    found: list[type[ExchangeError] | None] = []
    for pair in pairs:
        try:
            client.trades(pair, 0)
            found.append(None)
        except ExchangeError as error:
            found.append(type(error))
    return found


def test_where_several_pairs_in_a_row_make_no_sense_it_is_not_the_pairs() -> None:
    with asking(Fault(Kind.HALF, "Trades", times=FOR_GOOD)) as (client, served):
        assert outcomes(client, PAIRS[:3]) == [PairRefusedError, PairRefusedError, UnavailableError]
        assert outcomes(client, [BTC, BTC]) == [UnavailableError, UnavailableError]
        served.faults = Faults()
        assert outcomes(client, PAIRS) == [None] * 4
        served.faults = Faults((Fault(Kind.HALF, "Trades", times=FOR_GOOD),))
        assert outcomes(client, [BTC, BTC, BTC]) == [PairRefusedError] * 3


def test_an_answer_about_no_pair_that_never_makes_sense_ends_the_job() -> None:
    with (
        asking(Fault(Kind.HALF, times=FOR_GOOD)) as (client, _),
        pytest.raises(UnavailableError, match=r"AssetPairs, and its answer makes no sense: .*, 5 times in a row"),
    ):
        client.pairs()


# -------------------------------------------------------------------------------------------------------------- pace


def sweep(client: KrakenExchange, pair: Pair) -> int:
    """How many trades there are."""
    cursor, ids = 0, set[int]()
    while True:
        page = client.trades(pair, cursor)
        ids |= set(page.trades["id"])
        if page.is_last:
            return len(ids)
        cursor = page.cursor


def test_a_clean_run_never_trips_the_limiter() -> None:
    steady = SteadyTime()
    with asking(steady=steady, limits=Limits()) as (client, served):
        for _ in range(10):
            client.now()
            client.pairs()
            client.ohlc(Series(BTC, 60), END)
            assert sweep(client, BTC) == len(MARKET.tapes[BTC])
        assert len(served.requests) > 100
        assert (served.cut_off, client.retries) == (0, 0)


def test_when_another_client_uses_up_our_turns_we_slow_down_and_end_well() -> None:
    steady = SteadyTime()
    with asking(steady=steady, limits=Limits()) as (client, served):
        limiter = served._limiter
        assert limiter is not None
        steady.meanwhile = lambda: steady.seconds < 100 and limiter.allows(("127.0.0.1", BTC))  # many times a second
        for _ in range(10):
            assert sweep(client, BTC) == len(MARKET.tapes[BTC])
        assert served.cut_off > 0
        assert client.retries > 0
        refused = [asked.cut_off for asked in served.requests]
        assert refused.count(True) < 0.3 * len(refused)
        steady.sleep(1_000)
        before = client.retries
        assert sweep(client, BTC) == len(MARKET.tapes[BTC])
        assert client.retries == before


def test_a_pair_that_was_cut_off_is_asked_less_often_and_others_are_not() -> None:
    steady = SteadyTime()
    with asking(Fault(Kind.ERROR, pair=BTC, error="EGeneral:Too many requests"), steady=steady) as (client, _):
        needed = []
        for pair in (BTC, ETH):
            client.trades(pair, 0)
            begun = steady.seconds
            client.trades(pair, 0)
            needed.append(steady.seconds - begun)
        assert needed[0] > 1.5
        assert needed[1] < 1.1


def test_a_rest_that_is_asked_for_is_kept_by_all() -> None:
    steady = SteadyTime()
    with asking(Fault(Kind.THROTTLED, "Trades", BTC, seconds=40), steady=steady) as (client, _):
        client.trades(BTC, 0)
        assert 40 <= steady.seconds < 45


def test_stopping_ends_the_wait_after_a_failure_at_once() -> None:
    steady = SteadyTime()
    waiting = steady.waiting(stop=lambda: steady.seconds > 100)
    with asking(Fault(Kind.MAINTENANCE, times=FOR_GOOD), waiting=waiting, patience=Patience(repeat=99)) as (client, _):
        with pytest.raises(Interrupted):
            client.pairs()
        assert 100 < steady.seconds < 100.3


# -------------------------------------------------------------------------------------------------------------- HTTP


@pytest.mark.parametrize("status", [403, 401, 451])
def test_a_server_that_refuses_us_is_not_asked_again(tmp_path: Path, status: int) -> None:
    with (
        sending(tmp_path, Sent(status)) as (client, files, _),
        pytest.raises(UnavailableError, match=f"HTTP status {status}: it refuses us"),
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
        with pytest.raises(UnavailableError, match=r"503, and wants no question for 3,600 s\. What was answered"):
            client.trades(BTC, 0)
        assert len(files.log) == 1


def test_an_answer_without_end_is_not_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MOST_BYTES", 1_000)
    with sending(tmp_path) as (client, files, _):
        (tmp_path / "0/public/Time").write_bytes(b" " * 1_000_000)
        with pytest.raises(UnavailableError, match=r"it sends more than .* MB, 9 times in a row"):
            client.now()
        assert len(files.log) == 9


def test_an_answer_that_trickles_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "WHOLE_S", -1.0)
    with sending(tmp_path) as (client, _, _), pytest.raises(UnavailableError, match="it does not answer in time"):
        client.now()


def test_a_certificate_that_nobody_trusts_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "0/public").mkdir(parents=True)
    (tmp_path / "0/public/Time").write_text(json.dumps({"error": [], "result": {"unixtime": END}}))
    with serving(tmp_path, certificate=self_signed(tmp_path)) as files:
        client = KrakenExchange(files.url(), waiting=SteadyTime().waiting())
        with pytest.raises(UnavailableError, match=r"its server cannot prove who it is \(TLS\)"):
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
    client = KrakenExchange(url, waiting=SteadyTime().waiting(), patience=Patience(1, 1, 1))
    with pytest.raises(UnavailableError) as told:
        client.now()
    client.close()
    assert "s3cret" not in one_line(told.value)
