"""The client of the exchange's API when things go wrong: it waits, slows down, gives up on a pair, or on the job."""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kraken_core.domain.errors import ExchangeError, Interrupted, PairRefusedError, UnavailableError
from kraken_core.domain.market import Pair, Series
from kraken_core.simulator.exchange import PASSING, Fault, FaultKind, Faults, Limits
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.sources.rest import KrakenExchange, RetryBudget
from tests.integration.rest_clients import BTC, END, ETH, MARKET, PAIRS, asking, one_line
from tests.support.steady import SteadyTime
from tests.support.strategies import markets

FOR_GOOD = None
WEIRD = "EGeneral:Internal error"
SOON = (30.0, 0.2)  # an answer that does not come is not waited for


# ------------------------------------------------------------------------------------------------------ what passes


@pytest.mark.parametrize("fault", [*PASSING, Fault(FaultKind.TIMEOUT), Fault(FaultKind.THROTTLED, seconds=3)])
def test_what_passes_costs_a_retry_and_changes_no_answer(fault: Fault) -> None:
    with asking() as (client, _):
        hourly, page = client.ohlc(Series(BTC, 60), END), client.trades(BTC, 0)
    for endpoint in ("OHLC", "Trades"):
        script = Fault(fault.kind, endpoint, times=3, seconds=fault.seconds, error=fault.error)
        waiting: dict[str, Any] = {"timeout_s": SOON} if fault.kind is FaultKind.TIMEOUT else {}
        with asking(script, **waiting) as (client, served):
            found = client.ohlc(Series(BTC, 60), END) if endpoint == "OHLC" else client.trades(BTC, 0)
            expected = hourly if endpoint == "OHLC" else page
            assert found[0].equals(expected[0])
            assert found[1:] == expected[1:]
            assert (client.requests, client.retries) == (4, 3)
            assert [asked.query for asked in served.requests] == [served.requests[0].query] * 4


def test_a_slow_answer_is_waited_for() -> None:
    with asking(Fault(FaultKind.SLOW, seconds=0.1)) as (client, _):
        assert client.now() == END
        assert client.retries == 0


def test_waits_grow_and_are_told_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    steady = SteadyTime()
    with asking(Fault(FaultKind.SERVER_ERROR, times=5), steady=steady) as (client, _), caplog.at_level(logging.INFO):
        client.trades(BTC, 0)
    assert 0.5 * 15.5 <= steady.seconds <= 15.5 + 5
    said = [record.getMessage() for record in caplog.records if record.name == "kraken_core"]
    assert len(said) == 5
    assert all(re.fullmatch(r"BTC/USD at 127.0.0.1:\d+: HTTP status 503; retrying", s) for s in said)


@settings(max_examples=20)
@given(markets(), st.integers(0, 2**32), st.floats(0.1, 0.5))
def test_whatever_passes_every_trade_and_candle_is_told_once(market: SimulatedMarket, seed: int, share: float) -> None:
    with asking(market=market, patience=RetryBudget(99, 99, 99)) as (client, served):
        listed = [each.pair for each in client.listed().pairs]
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
        (Fault(FaultKind.SERVER_ERROR, times=FOR_GOOD), "HTTP status 503, 9 times in a row"),
        (Fault(FaultKind.RESET, times=FOR_GOOD), "connection reset by peer, 9 times in a row"),
        (Fault(FaultKind.CUT_OFF, times=FOR_GOOD), "connection lost, 9 times in a row"),
        (Fault(FaultKind.MAINTENANCE, times=FOR_GOOD), "the exchange returned EService:Unavailable, 9 times in a row"),
        (Fault(FaultKind.ERROR, times=FOR_GOOD, error="EService:Busy"), "EService:Busy, 9 times in a row"),
        (Fault(FaultKind.ERROR, times=FOR_GOOD, error="EGeneral:Too many requests"), "12 times in a row"),
        (
            Fault(FaultKind.THROTTLED, times=FOR_GOOD, seconds=60),
            "429, 12 times in a row; no requests for 60 s",
        ),
        (Fault(FaultKind.THROTTLED, times=FOR_GOOD, seconds=3600), "status 429; no requests for 3,600 s"),
        (
            Fault(FaultKind.ERROR, times=FOR_GOOD, error="EGeneral:Permission denied"),
            "the exchange returned EGeneral:Permission den",
        ),
    ],
)
def test_an_exchange_that_cannot_be_asked_ends_the_job_with_one_line(fault: Fault, why: str) -> None:
    with asking(fault) as (client, _), pytest.raises(UnavailableError) as told:
        client.trades(BTC, 0)
    said = one_line(told.value)
    assert re.match(r"request to 127.0.0.1:\d+ failed \(Trades\): |could not reach 127.0.0.1:\d+: ", said)
    assert why in said
    assert "Answers so far are kept; try again later" in said


def test_a_server_that_never_answers_is_given_up() -> None:
    with (
        asking(Fault(FaultKind.TIMEOUT, times=FOR_GOOD), timeout_s=SOON, patience=RetryBudget(repeat=2)) as (client, _),
        pytest.raises(UnavailableError, match="no answer in time, 2 times in a row"),
    ):
        client.now()


def test_where_nobody_listens_the_exchange_is_unavailable() -> None:
    with asking() as (_, served):
        url = served.url
    client = KrakenExchange(url, waiting=SteadyTime().waiting())
    with pytest.raises(UnavailableError, match=r"^could not reach 127.0.0.1:\d+: connection refused, 9 times in a row"):
        client.listed()
    client.close()


@pytest.mark.parametrize("kind", [FaultKind.HALF, FaultKind.ERROR])
def test_a_pair_whose_answers_never_make_sense_is_given_up_and_others_are_not(kind: FaultKind) -> None:
    with asking(Fault(kind, pair=BTC, times=FOR_GOOD, error=WEIRD)) as (client, _):
        with pytest.raises(PairRefusedError) as told:
            client.trades(BTC, 0)
        assert one_line(told.value).startswith("BTC/USD: request to 127.0.0.1:")
        assert "5 times in a row. The job continues without it" in str(told.value)
        assert client.trades(ETH, 0).trades.height == 1_000


@pytest.mark.parametrize(
    "fault", [Fault(FaultKind.SERVER_ERROR), Fault(FaultKind.RESET), Fault(FaultKind.ERROR, error="EService:Busy")]
)
def test_a_pair_that_alone_is_never_answered_does_not_end_the_job(fault: Fault) -> None:
    with asking(replace(fault, endpoint="Trades", times=FOR_GOOD)) as (client, served):
        assert outcomes(client, PAIRS[:3]) == [PairRefusedError, PairRefusedError, UnavailableError]
        assert [asked.endpoint for asked in served.requests].count("SystemStatus") == 3
        served.faults = Faults((replace(fault, pair=BTC, times=FOR_GOOD),))
        assert outcomes(client, [ETH, BTC, *PAIRS[1:]]) == [None, PairRefusedError, None, None, None]


def test_an_error_that_says_it_is_the_pair_is_not_asked_again() -> None:
    with asking(Fault(FaultKind.VANISHED, pair=BTC, times=FOR_GOOD)) as (client, _):
        with pytest.raises(PairRefusedError, match="EQuery:Unknown asset pair"):
            client.ohlc(Series(BTC, 60), END)
        assert BTC not in {listed.pair for listed in client.listed().pairs}
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
    with asking(Fault(FaultKind.HALF, "Trades", times=FOR_GOOD)) as (client, served):
        assert outcomes(client, PAIRS[:3]) == [PairRefusedError, PairRefusedError, UnavailableError]
        assert outcomes(client, [BTC, BTC]) == [UnavailableError, UnavailableError]
        served.faults = Faults()
        assert outcomes(client, PAIRS) == [None] * 4
        served.faults = Faults((Fault(FaultKind.HALF, "Trades", times=FOR_GOOD),))
        assert outcomes(client, [BTC, BTC, BTC]) == [PairRefusedError] * 3


def test_an_answer_about_no_pair_that_never_makes_sense_ends_the_job() -> None:
    with (
        asking(Fault(FaultKind.HALF, times=FOR_GOOD)) as (client, _),
        pytest.raises(UnavailableError, match=r"\(AssetPairs\): invalid answer: .*, 5 times in a row"),
    ):
        client.listed()


# -------------------------------------------------------------------------------------------------------------- pace


def sweep(client: KrakenExchange, pair: Pair) -> int:
    """How many trades there are."""
    cursor, ids = 0, set[int]()
    while True:
        page = client.trades(pair, cursor)
        ids |= set(page.trades["id"])
        if page.is_short:
            return len(ids)
        cursor = page.cursor


def test_a_clean_run_never_trips_the_limiter() -> None:
    steady = SteadyTime()
    with asking(steady=steady, limits=Limits()) as (client, served):
        for _ in range(10):
            client.now()
            client.listed()
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
    with asking(Fault(FaultKind.ERROR, pair=BTC, error="EGeneral:Too many requests"), steady=steady) as (client, _):
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
    with asking(Fault(FaultKind.THROTTLED, "Trades", BTC, seconds=40), steady=steady) as (client, _):
        client.trades(BTC, 0)
        assert 40 <= steady.seconds < 45


def test_stopping_ends_the_wait_after_a_failure_at_once() -> None:
    steady = SteadyTime()
    waiting = steady.waiting(stop=lambda: steady.seconds > 100)
    with asking(Fault(FaultKind.MAINTENANCE, times=FOR_GOOD), waiting=waiting, patience=RetryBudget(repeat=99)) as (
        client,
        _,
    ):
        with pytest.raises(Interrupted):
            client.listed()
        assert 100 < steady.seconds < 100.3
