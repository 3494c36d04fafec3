"""What can be wrong with the simulated exchange: it cuts off who asks too often, and every fault does what it says."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from http.client import HTTPConnection, IncompleteRead
from urllib.error import HTTPError

import pytest

from kraken_core.domain.errors import UsageError
from kraken_core.domain.market import Pair
from kraken_core.simulator.exchange import PASSING, ExchangeClock, Fault, FaultKind, Faults, Limits, SimulatedExchange
from kraken_core.simulator.exchange.limits import Limiter
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from tests.support.asking import ask, error, result

BTC, ETH = Pair("BTC", "USD"), Pair("ETH", "USD")
END = 1_780_000_020
MARKET = SimulatedMarket.make(
    3, [Listing(BTC, 1.0, 97_000, 1, 0.05), Listing(ETH, 1.0, 3_100, 2, 0.8)], END - 7200, END
)
TOO_MANY = "EGeneral:Too many requests"
NEVER_FORGIVEN = Limits(rate=0.0, burst=5)


def exchange_with(*script: Fault, **more: object) -> SimulatedExchange:
    clock = ExchangeClock(END)
    return SimulatedExchange(MARKET, clock=clock, limits=None, faults=Faults(script, **more))  # type: ignore[arg-type]


def outcome(exchange: SimulatedExchange, endpoint: str = "Time", **query: object) -> str:
    """What became of a request, in a word."""
    try:
        document = ask(exchange.url, endpoint, **query)
    except HTTPError as answer:
        with answer:
            return f"{answer.code} {answer.headers.get_content_subtype()}"
    except (OSError, IncompleteRead, json.JSONDecodeError) as broken:
        return type(broken).__name__
    return ", ".join(document["error"]) or "fine"


# ------------------------------------------------------------------------------------------------------- being cut off


def test_a_burst_is_cut_off_for_each_pair_by_itself_and_for_all_else_together() -> None:
    with SimulatedExchange(MARKET, limits=NEVER_FORGIVEN) as exchange:
        mixed = [outcome(exchange, "OHLC" if n % 2 else "Trades", pair="XBTUSD") for n in range(7)]
        spelled = outcome(exchange, "OHLC", pair="XXBTZUSD")
        other = [outcome(exchange, "OHLC", pair="ETHUSD") for _ in range(6)]
        rest = [outcome(exchange, endpoint) for endpoint in ("Time", "Assets", "AssetPairs", "SystemStatus") * 2]
        assert mixed == ["fine"] * 5 + [TOO_MANY] * 2
        assert spelled == TOO_MANY
        assert other == ["fine"] * 5 + [TOO_MANY]
        assert rest == ["fine"] * 5 + [TOO_MANY] * 3
        assert exchange.cut_off == 7
        assert [asked.cut_off for asked in exchange.requests].count(True) == 7


def test_what_was_asked_is_forgiven_at_the_rate_and_refusals_cost_nothing() -> None:
    now = 0.0
    limiter = Limiter(Limits(rate=2.0, burst=3), lambda: now)
    assert [limiter.allows("me") for _ in range(5)] == [True, True, True, False, False]
    now = 0.4
    assert not limiter.allows("me")
    now = 0.5
    assert [limiter.allows("me") for _ in range(2)] == [True, False]
    now = 1000.0
    assert [limiter.allows("me") for _ in range(4)] == [True, True, True, False]
    assert limiter.allows("somebody else")
    assert limiter.cut_off == 5


def test_one_call_a_second_is_never_cut_off() -> None:
    now = 0.0
    limiter = Limiter(Limits(), lambda: now)
    for second in range(1000):
        now = float(second)
        assert limiter.allows("me")


# -------------------------------------------------------------------------------------------------------------- faults

BROKEN = {
    FaultKind.SERVER_ERROR: "503 html",
    FaultKind.THROTTLED: "429 html",
    FaultKind.RESET: "ConnectionResetError",
    FaultKind.CUT_OFF: "IncompleteRead",
    FaultKind.HALF: "JSONDecodeError",
    FaultKind.ERROR: "EGeneral:Internal error",
    FaultKind.MAINTENANCE: "EService:Unavailable",
    FaultKind.VANISHED: "EQuery:Unknown asset pair",
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_fault_befalls_one_request_and_the_next_one_is_answered(kind: FaultKind) -> None:
    with exchange_with(Fault(kind)) as exchange:
        assert [outcome(exchange, "OHLC", pair="XBTUSD") for _ in range(2)] == [BROKEN[kind], "fine"]
        assert [asked.fault for asked in exchange.requests] == [Fault(kind), None]


def test_a_connection_is_kept_from_answer_to_answer_and_after_an_error() -> None:
    with exchange_with(Fault(FaultKind.SERVER_ERROR, nth=2)) as exchange:
        connection = HTTPConnection("127.0.0.1", int(exchange.url.rpartition(":")[2]), timeout=30)
        statuses, ports = [], set()
        for _ in range(3):
            connection.request("GET", "/0/public/Time")
            ports.add(connection.sock.getsockname())
            answer = connection.getresponse()
            statuses.append(answer.status)
            answer.read()
        connection.close()
    assert statuses == [200, 503, 200]
    assert len(ports) == 1


def test_a_time_out_answers_nothing_until_the_client_leaves() -> None:
    with exchange_with(Fault(FaultKind.TIMEOUT)) as exchange:
        client = socket.create_connection(("127.0.0.1", int(exchange.url.rpartition(":")[2])))
        client.settimeout(0.2)
        client.sendall(b"GET /0/public/Time HTTP/1.1\r\nHost: here\r\n\r\n")
        with pytest.raises(TimeoutError):
            client.recv(1)
        client.close()
        assert outcome(exchange) == "fine"


@pytest.mark.parametrize("fault", [Fault(FaultKind.TIMEOUT), Fault(FaultKind.SLOW, seconds=3600)])
def test_an_exchange_that_closes_hangs_up_on_those_who_wait(fault: Fault) -> None:
    with exchange_with(fault) as exchange:
        ended: list[str] = []
        waiting = threading.Thread(target=lambda: ended.append(outcome(exchange)))
        waiting.start()
        while not exchange.requests:
            time.sleep(0.001)
    waiting.join(30)
    assert ended == ["RemoteDisconnected"]


def test_a_slow_answer_comes_in_the_end() -> None:
    with exchange_with(Fault(FaultKind.SLOW, seconds=1.5)) as exchange:
        client = socket.create_connection(("127.0.0.1", int(exchange.url.rpartition(":")[2])))
        client.settimeout(0.05)
        client.sendall(b"GET /0/public/Time HTTP/1.1\r\nHost: here\r\n\r\n")
        with pytest.raises(TimeoutError):
            client.recv(1)
        client.settimeout(30)
        assert client.recv(1) == b"H"
        client.close()


def test_last_can_be_missing() -> None:
    with exchange_with(Fault(FaultKind.NO_LAST, times=2)) as exchange:
        assert set(result(exchange.url, "OHLC", pair="XBTUSD")) == {"XXBTZUSD"}
        assert set(result(exchange.url, "Trades", pair="XBTUSD")) == {"XXBTZUSD"}
        assert set(result(exchange.url, "Trades", pair="XBTUSD")) == {"XXBTZUSD", "last"}


def test_a_pair_vanishes_from_the_list_and_from_the_answers_and_others_stay() -> None:
    with exchange_with(Fault(FaultKind.VANISHED, pair=BTC, nth=3, times=None)) as exchange:
        assert outcome(exchange, "OHLC", pair="XBTUSD") == "fine"
        assert "XXBTZUSD" in result(exchange.url, "AssetPairs")
        assert set(result(exchange.url, "AssetPairs")) == {"XETHZUSD", "XETHZUSD.d"}
        assert outcome(exchange, "Trades", pair="XBTUSD") == "EQuery:Unknown asset pair"
        assert outcome(exchange, "OHLC", pair="ETHUSD") == "fine"


def test_maintenance_is_told_and_ends_when_the_faults_do() -> None:
    with exchange_with(Fault(FaultKind.MAINTENANCE, times=None)) as exchange:
        assert result(exchange.url, "SystemStatus")["status"] == "maintenance"
        assert outcome(exchange, "AssetPairs") == "EService:Unavailable"
        assert outcome(exchange, "Time") == "fine"
        exchange.faults = Faults()
        assert result(exchange.url, "SystemStatus")["status"] == "online"
        assert outcome(exchange, "AssetPairs") == "fine"


@pytest.mark.parametrize("seconds", [-90.0, 3600.0])
def test_a_skewed_clock_tells_another_time_and_commits_by_it(seconds: float) -> None:
    with exchange_with(Fault(FaultKind.SKEWED, seconds=seconds, times=None)) as exchange:
        assert result(exchange.url, "Time")["unixtime"] == END + seconds
        last = result(exchange.url, "OHLC", pair="XBTUSD", interval=1)["last"]
        assert last == (END + seconds) // 60 * 60 - 60


def test_a_retry_is_asked_for_in_seconds() -> None:
    with exchange_with(Fault(FaultKind.THROTTLED, seconds=7)) as exchange:
        with pytest.raises(HTTPError) as answer:
            ask(exchange.url, "Time")
        with answer.value:
            assert answer.value.headers["Retry-After"] == "7"


def test_a_script_strikes_the_endpoint_the_pair_and_the_turn_it_names() -> None:
    busy = Fault(FaultKind.ERROR, "Trades", BTC, nth=2, times=2, error="EService:Busy")
    with exchange_with(busy, Fault(FaultKind.ERROR, "Trades", ETH, nth=1)) as exchange:
        assert [outcome(exchange, "OHLC", pair="XBTUSD") for _ in range(3)] == ["fine"] * 3
        trades = [outcome(exchange, "Trades", pair="XBTUSD") for _ in range(4)]
        assert trades == ["fine", "EService:Busy", "EService:Busy", "fine"]
        assert outcome(exchange, "Trades", pair="ETHUSD") == "EGeneral:Internal error"


def test_random_faults_are_those_of_their_seed_whatever_else_is_asked() -> None:
    def outcomes(seed: int, among: Callable[[SimulatedExchange], object] = lambda _: None) -> list[str]:
        with exchange_with(share=0.5, seed=seed) as exchange:
            seen = []
            for _ in range(40):
                seen.append(outcome(exchange, "Trades", pair="XBTUSD", count=5))
                among(exchange)
            return seen

    first = outcomes(1)
    assert 5 < first.count("fine") < 35
    assert len(set(first)) > 5
    assert first == outcomes(1, lambda exchange: outcome(exchange, "OHLC", pair="XBTUSD"))
    assert first != outcomes(2)


def test_the_random_faults_are_all_of_the_menu_and_none_without_a_share() -> None:
    with exchange_with(share=1.0) as exchange:
        for _ in range(300):
            outcome(exchange, "Trades", pair="XBTUSD", count=5)
        assert {asked.fault for asked in exchange.requests} == set(PASSING)
        exchange.faults = Faults()
        assert outcome(exchange) == "fine"


# ------------------------------------------------------------------------------------------------------------- serving


def test_what_was_asked_is_remembered_in_order() -> None:
    with exchange_with() as exchange:
        result(exchange.url, "Trades", pair="XXBTZUSD", since=5)
        error(exchange.url, "OHLC", pair="NONSENSE")
        asked = [(each.endpoint, each.pair, each.query) for each in exchange.requests]
    assert asked == [("Trades", BTC, {"pair": "XXBTZUSD", "since": "5"}), ("OHLC", None, {"pair": "NONSENSE"})]


def test_a_path_that_is_no_endpoint_is_not_found() -> None:
    with exchange_with() as exchange:
        with pytest.raises(HTTPError, match="404") as answer:
            ask(f"{exchange.url}/1", "Time")
        answer.value.close()
        assert exchange.requests == []


def test_a_port_that_is_taken_is_refused_with_one_line() -> None:
    with exchange_with() as exchange:
        port = int(exchange.url.rpartition(":")[2])
        with pytest.raises(UsageError, match=rf"Port {port} cannot be served on.*or 0 for any that is free"):
            SimulatedExchange(MARKET, port=port)


def test_many_clients_are_answered_side_by_side() -> None:
    with exchange_with() as exchange:
        numbers: list[int] = []

        def sweep() -> None:
            pages = (result(exchange.url, "Trades", pair="XBTUSD", count=50) for _ in range(20))
            numbers.extend(len(page["XXBTZUSD"]) for page in pages)

        clients = [threading.Thread(target=sweep) for _ in range(8)]
        for client in clients:
            client.start()
        for client in clients:
            client.join(60)
        assert numbers == [50] * 160
        assert len(exchange.requests) == 160
