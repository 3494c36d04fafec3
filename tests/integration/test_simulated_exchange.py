"""What the simulated exchange answers: its market, in Kraken's words and within Kraken's bounds."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.market import Pair
from kraken_core.domain.timerange import TimeRange, day_start, floor
from kraken_core.simulator.exchange import ExchangeClock, SimulatedExchange
from kraken_core.simulator.exchange.names import code, key, wsname
from kraken_core.simulator.exchange.ohlc import INTERVALS
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.tape import NS, Tape
from tests.support.asking import ask, error, result
from tests.support.expected_rows import expected_rows
from tests.support.strategies import markets

RECORDED = Path(__file__).parents[3] / "shared" / "data" / "rest"
BTC, DOGE, GONE, COMING = (Pair(base, "USD") for base in ("BTC", "DOGE", "OMG", "PEPE"))
START = day_start(date(2026, 3, 30))
HOUR = 3600
END = START + 30 * HOUR + 20 * 60
LISTINGS = [
    Listing(BTC, 2.0, 97_000, 1, 0.05),
    Listing(DOGE, 0.02, 0.16, 7, 900),
    Listing(GONE, 0.5, 0.3, 4, 60, lives=(TimeRange(START, START + 6 * HOUR),)),
    Listing(COMING, 0.5, 1.2e-05, 9, 2e6, 0, lives=(TimeRange(START + 40 * HOUR, START + 50 * HOUR),)),
]
MARKET = SimulatedMarket.make(3, LISTINGS, START, END)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with SimulatedExchange(MARKET, clock=ExchangeClock(END), limits=None) as exchange:
        yield exchange.url


def recorded(name: str) -> Any:
    if not RECORDED.exists():
        pytest.skip("the recorded answers are not here")
    return json.loads((RECORDED / name).read_text(encoding="utf-8"), parse_float=Decimal)


def shape(value: Any) -> Any:
    """The types of an answer; a list is as all its items are, and text as the decimal it may be."""
    match value:
        case dict():
            return {name: shape(item) for name, item in value.items()}
        case [list(), *_]:
            [same] = {tuple(shape(row)) for row in value}
            return [same]
        case list():
            return [shape(item) for item in value]
        case str():
            return "decimal" if value.replace(".", "", 1).isdecimal() else "text"
        case _:
            return type(value).__name__


def busy_instant(trades: int, gap_ns: int) -> SimulatedMarket:
    """A market whose only pair traded that often, the same price and volume, at that distance."""
    times = START * NS + np.arange(trades, dtype=np.int64) * gap_ns
    ones = np.ones(trades, dtype=np.int64)
    tape = Tape(BTC, 1, times, ones, ones, np.ones(trades, dtype=np.bool_))
    return replace(SimulatedMarket.make(1, LISTINGS[:1], START, START + 60), tapes={BTC: tape})


def swept(url: str, pair: Pair, count: int, since: int = 0) -> list[tuple[str, str, Decimal, int]]:
    """All trades after a cursor, page after page, those repeated at boundaries dropped by their id."""
    trades: list[tuple[str, str, Decimal, int]] = []
    cursor, newest = str(since), 0
    while True:
        answer = result(url, "Trades", pair=pair.altname, since=cursor, count=count)
        page = answer[key(pair)]
        assert len(page) <= count
        trades += [(price, volume, time, number) for price, volume, time, *_, number in page if number > newest]
        newest = trades[-1][-1] if trades else 0
        if len(page) < count or answer["last"] == cursor:
            return trades
        cursor = answer["last"]


def told(tape: Tape) -> list[tuple[str, str, Decimal, int]]:
    """The trades of a tape as :func:`swept` has them."""
    times = [Decimal(time_ns).scaleb(-9) for time_ns in tape.time_ns.tolist()]
    return list(zip(tape.prices(), tape.volumes(), times, tape.ids.tolist(), strict=True))


# ------------------------------------------------------------------------------------------------------------- OHLC


@given(markets(), st.sampled_from(INTERVALS), st.integers(0, 5 * 86_400))
def test_rows_are_the_candles_of_the_tape_and_zero_rows_elsewhere(
    market: SimulatedMarket, interval: int, before: int
) -> None:
    now = max(market.start, market.end - before)
    with SimulatedExchange(market, clock=ExchangeClock(now), limits=None) as exchange:
        listed = set(result(exchange.url, "AssetPairs"))
        for pair in market.listings:
            if key(pair) not in listed:
                assert error(exchange.url, "OHLC", pair=pair.altname) == "EQuery:Unknown asset pair"
                continue
            answer = result(exchange.url, "OHLC", pair=pair.altname, interval=interval)
            rows = {row[0]: (*map(float, row[1:5]), float(row[6]), row[7]) for row in answer[key(pair)]}
            wanted = expected_rows(market, pair, interval, now)
            assert rows == dict(list(wanted.items())[-721:])
            assert answer["last"] == floor(now, interval * 60) - interval * 60


def test_at_most_720_committed_rows_come_and_the_forming_one_whatever_since_says(url: str) -> None:
    forming = floor(END, 60)
    for since in (0, START, END - 86_400):
        rows = result(url, "OHLC", pair="XBTUSD", interval=1, since=since)["XXBTZUSD"]
        assert [row[0] for row in rows] == list(range(forming - 720 * 60, forming + 60, 60))


def test_since_is_exclusive_and_never_leaves_out_the_forming_row(url: str) -> None:
    forming = floor(END, 60)

    def times(since: int) -> list[int]:
        return [row[0] for row in result(url, "OHLC", pair="XBTUSD", since=since)["XXBTZUSD"]]

    assert times(forming - 180) == [forming - 120, forming - 60, forming]
    assert times(forming - 181) == [forming - 180, forming - 120, forming - 60, forming]
    assert times(forming) == times(forming + HOUR) == [forming]


def test_a_slot_without_trades_repeats_the_close_before_it_with_nothing_traded(url: str) -> None:
    rows = result(url, "OHLC", pair="XDGUSD", interval=5)["XDGUSD"]
    silent = [(before[4], row) for before, row in pairwise(rows) if row[7] == 0]
    assert silent
    assert all(row[1:] == [close] * 4 + ["0.0000000", "0.00000000", 0] for close, row in silent)


def test_the_mean_price_is_the_turnover_by_the_volume(url: str) -> None:
    tape = MARKET.tapes[BTC].between(floor(END, 1440 * 60) - 86_400, floor(END, 1440 * 60))
    prices, volumes = (list(map(Decimal, texts)) for texts in (tape.prices(), tape.volumes()))
    mean = sum((p * v for p, v in zip(prices, volumes, strict=True)), Decimal()) / sum(volumes, Decimal())
    row = result(url, "OHLC", pair="XBTUSD", interval=1440)["XXBTZUSD"][-2]
    assert abs(Decimal(row[5]) - mean) <= Decimal("0.0501")


@pytest.mark.parametrize("interval", [720, 2, 0, -1, "60.0", "hour", ""])
def test_other_intervals_are_invalid_and_720_is_one_of_them(url: str, interval: object) -> None:
    assert error(url, "OHLC", pair="XBTUSD", interval=interval) == "EGeneral:Invalid arguments"


def test_weeks_begin_on_a_thursday(url: str) -> None:
    [week] = result(url, "OHLC", pair="XBTUSD", interval=10_080)["XXBTZUSD"]
    assert datetime.fromtimestamp(week[0], UTC).strftime("%A") == "Thursday"


def test_the_forming_candle_grows_with_the_clock_and_is_committed_when_its_slot_ends() -> None:
    clock = ExchangeClock(START + HOUR + 30)
    with SimulatedExchange(MARKET, clock=clock, limits=None) as exchange:

        def newest() -> tuple[list[Any], int]:
            answer = result(exchange.url, "OHLC", pair="XBTUSD", interval=60)
            return answer["XXBTZUSD"][-1], answer["last"]

        young, last = newest()
        assert (young[0], last) == (START + HOUR, START)
        clock.advance(1800)
        grown, _ = newest()
        assert grown[7] > young[7]
        clock.advance(1770)
        opening, last = newest()
        assert (opening[0], opening[7], last) == (START + 2 * HOUR, 0, START + HOUR)


def test_a_running_clock_goes_on_and_one_that_was_set_stands() -> None:
    running, standing = ExchangeClock(START, running=True), ExchangeClock(START)
    before = running.now_ns()
    assert before >= START * NS
    while running.now_ns() == before:
        pass
    assert standing.now_ns() == START * NS


# ----------------------------------------------------------------------------------------------------------- Trades


@given(
    markets(),
    st.sampled_from((1, 2, 3, 7, 50, 999, 1000)),
    st.booleans(),
    st.integers(0, 5 * 86_400),
    st.integers(0, NS),
)
def test_pages_of_any_size_together_are_the_tape_up_to_now(
    market: SimulatedMarket, count: int, repeats: bool, before: int, part_ns: int
) -> None:
    clock = ExchangeClock(max(market.start, market.end - before))
    clock.advance(part_ns / NS)
    now_ns = clock.now_ns()
    with SimulatedExchange(market, clock=clock, limits=None, repeats=repeats) as exchange:
        listed = set(result(exchange.url, "AssetPairs"))
        for pair in (each for each in market.listings if key(each) in listed):
            tape = market.tapes[pair]
            seen = tape[: bisect_left(tape.time_ns.tolist(), now_ns)]
            if len(seen) <= 40 * count:
                assert swept(exchange.url, pair, count) == told(seen)
            else:  # in small pages the last trades alone
                part = seen[-40 * count :]
                assert swept(exchange.url, pair, count, int(part.time_ns[0]) - 1)[-len(part) :] == told(part)


def test_a_page_begins_with_the_trades_of_the_instant_at_which_the_one_before_ended(url: str) -> None:
    times = MARKET.tapes[BTC].time_ns
    together = int(np.flatnonzero(np.diff(times) == 0)[0])  # it and the next one filled one order
    first = result(url, "Trades", pair="XBTUSD", since=0, count=together + 1)
    assert [row[6] for row in first["XXBTZUSD"]] == list(range(1, together + 2))
    second = result(url, "Trades", pair="XBTUSD", since=first["last"], count=1000)
    assert second["XXBTZUSD"][:2] == [first["XXBTZUSD"][-1], second["XXBTZUSD"][1]]
    assert [row[6] for row in second["XXBTZUSD"][:2]] == [together + 1, together + 2]


@pytest.mark.parametrize("gap_ns", [0, 1, 100])
@pytest.mark.parametrize("count", [400, 1000])
def test_more_trades_in_a_millisecond_than_a_page_holds_can_be_enumerated(gap_ns: int, count: int) -> None:
    market = busy_instant(2500, gap_ns)
    with SimulatedExchange(market, limits=None) as exchange:
        assert swept(exchange.url, BTC, count) == told(market.tapes[BTC])


def test_equal_trades_without_ids_are_told_from_repeated_ones_by_what_repeats() -> None:
    market = busy_instant(1500, 0)
    market = replace(market, tapes={BTC: replace(market.tapes[BTC], time_ns=START * NS + np.arange(1500) // 3)})
    with SimulatedExchange(market, limits=None, trade_ids=False) as exchange:
        trades: list[list[Any]] = []
        cursor = "0"
        while True:
            answer = result(exchange.url, "Trades", pair="XBTUSD", since=cursor, count=100)
            page = answer["XXBTZUSD"]
            same = [row for row in trades if trades and row[2] == trades[-1][2]]
            repeated = next((n for n in range(len(same), 0, -1) if same[-n:] == page[:n]), 0)
            trades += page[repeated:]
            if len(page) < 100:
                break
            cursor = answer["last"]
    assert len(trades) == 1500


def test_the_end_is_a_cursor_that_stands_still(url: str) -> None:
    last = result(url, "Trades", pair="XDGUSD", since=0)["last"]
    again = result(url, "Trades", pair="XDGUSD", since=last)
    assert again["last"] == last
    assert len(again["XDGUSD"]) < 1000
    future = str((END + 1) * NS)
    assert result(url, "Trades", pair="XDGUSD", since=future) == {"XDGUSD": [], "last": future}


def test_a_trade_is_told_once_its_instant_has_passed() -> None:
    clock = ExchangeClock(START)
    with SimulatedExchange(busy_instant(5, 10), clock=clock, limits=None) as exchange:
        seen = []
        for _ in range(4):
            trades = result(exchange.url, "Trades", pair="XBTUSD")["XXBTZUSD"]
            rows = result(exchange.url, "OHLC", pair="XBTUSD")["XXBTZUSD"]
            assert len(trades) == sum(row[7] for row in rows)
            seen.append(len(trades))
            clock.advance(1e-8)
    assert seen == [0, 1, 2, 3]


def test_one_trade_from_the_beginning_is_the_listing(url: str) -> None:
    [first] = result(url, "Trades", pair="XBTUSD", since=0, count=1)["XXBTZUSD"]
    assert int(first[2].scaleb(9)) == MARKET.tapes[BTC].time_ns[0]


@pytest.mark.parametrize("asked", [{"count": 0}, {"count": 1001}, {"count": "ten"}, {"since": "1e18"}, {"since": -1}])
def test_pages_of_other_sizes_and_cursors_that_are_no_integers_are_invalid(url: str, asked: dict[str, object]) -> None:
    assert error(url, "Trades", pair="XBTUSD", **asked) == "EGeneral:Invalid arguments"


# ------------------------------------------------------------------------------------------------ names and the rest


@pytest.mark.parametrize("spelling", ["XBTUSD", "XXBTZUSD", "XBT/USD", "BTC/USD", "BTCUSD", "xbtusd"])
def test_a_pair_is_known_by_its_spellings_and_answered_under_its_canonical_name(url: str, spelling: str) -> None:
    assert set(result(url, "OHLC", pair=spelling)) == {"XXBTZUSD", "last"}
    assert set(result(url, "Trades", pair=spelling)) == {"XXBTZUSD", "last"}


@pytest.mark.parametrize("name", ["OMGUSD", "PEPEUSD", "XBTEUR", "XBTUSD.d", "NONSENSE"])
@pytest.mark.parametrize("endpoint", ["OHLC", "Trades", "AssetPairs"])
def test_pairs_delisted_not_listed_yet_or_never_are_unknown(url: str, endpoint: str, name: str) -> None:
    assert error(url, endpoint, pair=name) == "EQuery:Unknown asset pair"


def test_a_pair_comes_and_goes_with_the_clock() -> None:
    clock = ExchangeClock(START)
    with SimulatedExchange(MARKET, clock=clock, limits=None) as exchange:
        seen = []
        for _ in range(3):
            seen.append({"OMGUSD", "PEPEUSD"} & set(result(exchange.url, "AssetPairs")))
            clock.advance(20 * HOUR + 1)
    assert seen == [{"OMGUSD"}, set(), {"PEPEUSD"}]


def test_asset_pairs_and_assets_are_named_as_kraken_names_them(url: str) -> None:
    pairs = result(url, "AssetPairs")
    assert set(pairs) == {"XXBTZUSD", "XXBTZUSD.d", "XDGUSD"}
    btc, pool = pairs["XXBTZUSD"], pairs["XXBTZUSD.d"]
    assert [btc[name] for name in ("altname", "wsname", "base", "quote")] == ["XBTUSD", "XBT/USD", "XXBT", "ZUSD"]
    assert [btc[name] for name in ("pair_decimals", "lot_decimals", "status")] == [1, 8, "online"]
    assert (pool["altname"], "wsname" in pool) == ("XBTUSD.d", False)
    assert result(url, "AssetPairs", pair="XDGUSD") == {"XDGUSD": pairs["XDGUSD"]}
    assets = {"XXBT": "XBT", "XXDG": "XDG", "OMG": "OMG", "PEPE": "PEPE", "ZUSD": "USD"}
    assert {name: row["altname"] for name, row in result(url, "Assets").items()} == assets


def test_every_pair_of_2026_has_the_key_and_the_codes_that_asset_pairs_had() -> None:
    for name, row in recorded("asset_pairs_2026.json")["result"].items():
        pair = Pair.parse(row["wsname"])
        assert (key(pair), code(pair.base), code(pair.quote)) == (name, row["base"], row["quote"])
        assert (pair.altname, wsname(pair)) == (row["altname"], row["wsname"])


def test_time_and_status_tell_the_exchanges_present(url: str) -> None:
    assert result(url, "Time") == {"unixtime": END, "rfc1123": "Tue, 31 Mar 26 06:20:00 +0000"}
    assert result(url, "SystemStatus") == {"status": "online", "timestamp": "2026-03-31T06:20:00Z"}


def test_unknown_methods_and_missing_pairs_are_errors_too(url: str) -> None:
    assert error(url, "Depths") == "EGeneral:Unknown method"
    assert error(url, "OHLC") == error(url, "Trades") == "EGeneral:Invalid arguments"


@pytest.mark.parametrize("name", ["ohlc", "trades", "assetpairs", "assets", "servertime"])
def test_answers_have_the_shape_of_the_recorded_ones(name: str) -> None:
    market = SimulatedMarket.make(3, LISTINGS[:1], START, END)
    query = {"pair": "XBTUSD"} if name in {"ohlc", "trades"} else {}
    endpoint = {"ohlc": "OHLC", "trades": "Trades", "assetpairs": "AssetPairs", "assets": "Assets"}.get(name, "Time")
    with SimulatedExchange(market, limits=None, trade_ids=False) as exchange:
        ours = shape(ask(exchange.url, endpoint, **query))
    theirs = shape(recorded(f"xchange_{name}.json"))
    assert ours["error"] == theirs["error"] == []
    for field, value in ours["result"].items():
        if name != "assetpairs":
            assert value == theirs["result"][field]
        else:  # fields came since: those of 2026
            [row] = {tuple(shape(recorded("asset_pairs_2026.json")["result"]["ZUSDZJPY"]).items())}
            assert value.items() <= set(row)
