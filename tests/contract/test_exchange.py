"""The contract of :class:`kraken_core.ports.Exchange`: every adapter tells of a market what is true of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import date
from threading import Thread
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from kraken_core.domain.candles import FULL_SCHEMA, SCHEMA, VALUES, Source, rank_of
from kraken_core.domain.errors import Interrupted, PairRefusedError, UnavailableError
from kraken_core.domain.exchange import NS, OHLC_INTERVALS, FirstTrade
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRange, TimeRanges, day_start, floor
from kraken_core.domain.trades import PAGE, TRADES
from kraken_core.ports import Exchange, never_stop
from kraken_core.simulator.exchange import ExchangeClock, Fault, FaultKind, Faults, SimulatedExchange
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.tape import Tape
from kraken_core.sources.rest import KrakenExchange
from tests.support.expected_rows import expected_rows
from tests.support.pocket_exchange import PocketExchange
from tests.support.steady import SteadyTime
from tests.support.strategies import markets
from tests.support.trade_frames import trades_of

BTC, DOGE, GONE, COMING, QUIET = (Pair(base, "USD") for base in ("BTC", "DOGE", "OMG", "PEPE", "ZEC"))
START = day_start(date(2026, 3, 30))
HOUR = 3600
END = START + 30 * HOUR + 20 * 60
LISTINGS = [
    Listing(BTC, 2.0, 97_000, 1, 0.05),
    Listing(DOGE, 0.02, 0.16, 7, 900),
    Listing(GONE, 0.5, 0.3, 4, 60, lives=(TimeRange(START, START + 6 * HOUR),)),
    Listing(COMING, 0.5, 1.2e-05, 9, 2e6, 0, lives=(TimeRange(START + 40 * HOUR, START + 50 * HOUR),)),
    Listing(QUIET, 1e-9, 40, 2, 3),
]
MARKET = SimulatedMarket.make(3, LISTINGS, START, END)

Opening = Callable[..., AbstractContextManager[Exchange]]


@contextmanager
def over_http(
    market: SimulatedMarket,
    now: int | None = None,
    stop: Callable[[], bool] = never_stop,
    script: tuple[Fault, ...] = (),
    **how: Any,
) -> Iterator[Exchange]:
    clock = ExchangeClock(market.end if now is None else now)
    with SimulatedExchange(market, clock=clock, faults=Faults(script), limits=None, **how) as served:
        client = KrakenExchange(served.url, waiting=SteadyTime().waiting(stop))
        yield client
        client.close()


@contextmanager
def in_the_pocket(
    market: SimulatedMarket, now: int | None = None, stop: Callable[[], bool] = never_stop
) -> Iterator[Exchange]:
    """Without a wire, as tests of whole journeys ask it."""
    yield PocketExchange(market, market.end if now is None else now)(stop)


@pytest.fixture(params=[over_http, in_the_pocket])
def opened(request: pytest.FixtureRequest) -> Opening:
    """Opens an exchange with a market, at its end or the moment given, and lets go of it."""
    opening: Opening = request.param
    return opening


def busy_instant(trades: int, gap_ns: int) -> SimulatedMarket:
    """A market whose only pair traded that often, the same price and volume, at that distance."""
    times = START * NS + np.arange(trades, dtype=np.int64) * gap_ns
    ones = np.ones(trades, dtype=np.int64)
    tape = Tape(BTC, 1, times, ones, ones, np.ones(trades, dtype=np.bool_))
    return replace(SimulatedMarket.make(1, LISTINGS[:1], START, START + 60), tapes={BTC: tape})


def swept(exchange: Exchange, pair: Pair, cursor: int = 0) -> pl.DataFrame:
    """All trades after a cursor, page after page, repeats told by their ids."""
    pages = [pl.DataFrame(schema=TRADES)]
    while True:
        page = exchange.trades(pair, cursor)
        assert page.trades.schema == PAGE
        assert page.trades["time"].is_sorted()
        assert page.cursor >= cursor
        pages.append(page.trades.select(*TRADES))
        if page.is_short:
            return pl.concat(pages).unique("id", keep="first", maintain_order=True)
        cursor = page.cursor


# ----------------------------------------------------------------------------------------------- what the market tells


def test_its_clock_its_state_and_what_is_listed(opened: Opening) -> None:
    with opened(MARKET) as exchange:
        assert exchange.now() == END
        assert exchange.status() == "online"
        listed = exchange.listed()
        assert [(each.pair, each.status) for each in listed.pairs] == [(p, "online") for p in (BTC, DOGE, QUIET)]
        assert [(each.name.key, each.name.altname) for each in listed.pairs][:2] == [
            ("XXBTZUSD", "XBTUSD"),
            ("XDGUSD", "XDGUSD"),
        ]
        assert (listed.skipped, listed.tokenized, exchange.retries) == ({}, True, 0)


@given(markets(), st.sampled_from(OHLC_INTERVALS), st.integers(0, 5 * 86_400), st.integers(-7200, 7200))
def test_candles_are_the_true_ones_of_the_slots_that_are_known(
    market: SimulatedMarket, interval: int, before: int, behind: int
) -> None:
    now = max(market.start, market.end - before)
    as_of, width = now - behind, interval * 60
    with over_http(market, now) as exchange:
        for pair in (each.pair for each in exchange.listed().pairs):
            answer = exchange.ohlc(Series(pair, interval), as_of)
            told = list(expected_rows(market, pair, interval, now).items())[-721:]
            assert answer.rows == len(told)
            if len(told) == 2 and told[1][0] - told[0][0] > width:  # a hole, or candles of another interval
                told = told[1:]
            # The last row is taken for forming, which it is not where a pair that came back has not traded.
            committed = dict(row for row in told[:-1] if row[0] + width <= min(as_of, now))
            assert answer.known == TimeRanges.of((slot, slot + width) for slot in committed)
            assert answer.candles.schema in (SCHEMA, FULL_SCHEMA)
            assert set(answer.candles["rank"]) <= {rank_of(Source.OHLC)}
            found = answer.candles.select(pl.col("time").dt.epoch("s"), *VALUES)
            assert found.rows() == [(slot, *row) for slot, row in committed.items() if row[-1]]


def test_at_most_720_slots_are_told_and_silent_ones_are_known_without_a_candle(opened: Opening) -> None:
    with opened(MARKET) as exchange:
        answer = exchange.ohlc(Series(DOGE, 1), END)
        end = floor(END, 60)
        assert answer.known == TimeRanges.single(end - 720 * 60, end)
        assert answer.rows == 721
        assert 0 < answer.candles.height < 100
        assert set(answer.candles["source"]) == {"ohlc"}


def test_what_closed_after_the_moment_asked_about_is_left_out(opened: Opening) -> None:
    with opened(MARKET) as exchange:
        as_of = END - 3 * HOUR
        answer = exchange.ohlc(Series(BTC, 60), as_of)
        assert answer.known.hull.end == floor(as_of, HOUR)
        assert answer.candles["time"].dt.epoch("s").max() == floor(as_of, HOUR) - HOUR


def test_there_are_no_candles_of_720_minutes(opened: Opening) -> None:
    with opened(MARKET) as exchange, pytest.raises(ValueError, match="no 12h candles"):
        exchange.ohlc(Series(BTC, 720), END)


def test_a_pair_that_never_traded_has_no_candles_no_trades_and_no_first_one(opened: Opening) -> None:
    with opened(MARKET) as exchange:
        answer = exchange.ohlc(Series(QUIET, 60), END)
        assert (answer.candles.height, answer.known) == (0, TimeRanges())
        page = exchange.trades(QUIET, 5)
        assert (page.trades.height, page.cursor, page.is_short) == (0, 5, True)
        assert exchange.first_trade(QUIET) is None


def test_pages_of_trades_hold_the_whole_tape(opened: Opening) -> None:
    with opened(MARKET) as exchange:
        for pair in (BTC, DOGE):
            tape = MARKET.tapes[pair]
            assert_frame_equal(swept(exchange, pair), trades_of(tape), check_exact=True)
            assert exchange.first_trade(pair) == FirstTrade(tape.time_ns[0] // NS, 1)


def test_a_cursor_is_exclusive_and_exact_to_the_nanosecond(opened: Opening) -> None:
    tape = MARKET.tapes[BTC]
    first = int(tape.time_ns[0])
    with opened(MARKET) as exchange:
        assert exchange.trades(BTC, first - 1).trades["id"][0] == 1
        assert exchange.trades(BTC, first + 1).trades["id"][0] == 2
        assert exchange.trades(BTC, -1).trades["id"][0] == 1


@pytest.mark.parametrize("gap_ns", [0, 1, 300])
def test_more_trades_than_a_page_in_one_instant_are_all_told(opened: Opening, gap_ns: int) -> None:
    market = busy_instant(3_500, gap_ns)
    with opened(market) as exchange:
        assert_frame_equal(swept(exchange, BTC), trades_of(market.tapes[BTC]), check_exact=True)


def test_pages_that_repeat_nothing_hold_the_whole_tape_too() -> None:
    with over_http(MARKET, repeats=False) as exchange:
        assert_frame_equal(swept(exchange, BTC), trades_of(MARKET.tapes[BTC]), check_exact=True)


def test_trades_without_ids_are_told_without() -> None:
    with over_http(MARKET, trade_ids=False) as exchange:
        page = exchange.trades(DOGE, 0)
        assert page.trades["id"].to_list() == [None] * len(MARKET.tapes[DOGE])
        assert_frame_equal(page.trades.drop("id", "kind"), trades_of(MARKET.tapes[DOGE]).drop("id"), check_exact=True)


def test_at_the_end_of_the_data_a_page_is_short_however_often_it_is_asked_for(opened: Opening) -> None:
    with opened(MARKET) as exchange:
        page = exchange.trades(DOGE, 0)
        assert page.is_short
        again = exchange.trades(DOGE, page.cursor)
        assert again.is_short
        assert again.cursor == page.cursor


# ---------------------------------------------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize("pair", [GONE, COMING, Pair("NONE", "EUR")])
def test_a_pair_that_is_not_listed_is_refused_at_once(opened: Opening, pair: Pair) -> None:
    with opened(MARKET) as exchange:
        asked: list[Callable[[], object]] = [
            lambda: exchange.ohlc(Series(pair, 60), END),
            lambda: exchange.trades(pair, 0),
            lambda: exchange.first_trade(pair),
        ]
        for ask in asked:
            with pytest.raises(PairRefusedError, match=rf"^{pair}: .*Unknown asset pair") as told:
                ask()
            assert "\n" not in str(told.value)
        assert (exchange.requests, exchange.retries) == (3, 0)


def test_an_exchange_in_maintenance_says_so_and_can_be_asked_nothing_else() -> None:
    with over_http(MARKET, script=(Fault(FaultKind.MAINTENANCE, times=None),)) as exchange:
        assert exchange.status() == "maintenance"
        for ask in (exchange.listed, lambda: exchange.ohlc(Series(BTC, 60), END), lambda: exchange.trades(BTC, 0)):
            with pytest.raises(UnavailableError, match=r"EService:Unavailable, \d times in a row.*try again later"):
                ask()
        assert 0 < exchange.retries < exchange.requests


def test_what_is_asked_again_is_counted() -> None:
    with over_http(MARKET, script=(Fault(FaultKind.RESET, "Trades", times=3),)) as exchange:
        assert exchange.first_trade(BTC) == FirstTrade(MARKET.tapes[BTC].time_ns[0] // NS, 1)
        assert (exchange.requests, exchange.retries) == (4, 3)


def test_who_asks_to_stop_is_heard_before_the_next_request(opened: Opening) -> None:
    stopped = False
    with opened(MARKET, stop=lambda: stopped) as exchange:
        exchange.now()
        stopped = True
        with pytest.raises(Interrupted):
            exchange.now()
        assert exchange.requests == 1


def test_several_threads_ask_for_several_pairs(opened: Opening) -> None:
    found: dict[int, pl.DataFrame] = {}
    with opened(MARKET) as exchange:

        def sweep(number: int) -> None:
            found[number] = swept(exchange, (BTC, DOGE)[number % 2])

        threads = [Thread(target=sweep, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        pages = {pair: -(-len(MARKET.tapes[pair]) // 1_000) for pair in (BTC, DOGE)}
        assert exchange.requests >= 4 * sum(pages.values())
    for number in range(8):
        assert_frame_equal(found[number], trades_of(MARKET.tapes[(BTC, DOGE)[number % 2]]), check_exact=True)
