"""The contract of :class:`kraken_core.ports.TradeFeed`: trades come as they happened, whatever befalls connections."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date

import pytest
from websockets.sync.client import connect

from kraken_core.domain.live_tape import LiveTrade
from kraken_core.domain.market import Pair
from kraken_core.domain.timerange import TimeRange, day_start
from kraken_core.ports import TradeFeed
from kraken_core.simulator.exchange import ExchangeClock
from kraken_core.simulator.exchange.stream import SNAPSHOT, SimulatedStream
from kraken_core.simulator.exchange.stream_faults import FAULTLESS, StreamFaults
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.sources.stream import FeedPace, KrakenFeed
from kraken_core.sources.stream.messages import subscription
from tests.support.live_trades import live_trades_of

BTC, DOGE, NOWHERE = (Pair(base, "USD") for base in ("BTC", "DOGE", "FOO"))
START = day_start(date(2026, 3, 30))
MARKET = SimulatedMarket.make(
    3, [Listing(BTC, 6, 97_000, 1, 0.05), Listing(DOGE, 1, 0.16, 7, 900)], START, START + 3600
)
STEADY = FeedPace(pause_s=lambda _: 0.01)  # a busy machine is no silence
IMPATIENT = FeedPace(silent_s=0.3, pause_s=lambda _: 0.01)
PATIENCE_S = 60


@contextmanager
def streaming(
    faults: StreamFaults = FAULTLESS,
    *pairs: Pair,
    most_kept: int = 100_000,
    pace: FeedPace = STEADY,
    market: SimulatedMarket = MARKET,
) -> Iterator[tuple[SimulatedStream, TradeFeed]]:
    """The exchange half an hour after the market began, and a feed of it, two pairs a connection."""
    clock = ExchangeClock(START + 1800)
    with SimulatedStream(market, clock, faults=faults, heartbeat_s=0.05) as stream:
        chosen = pairs or (BTC, DOGE)
        with KrakenFeed(stream.url, chosen, pairs_a_connection=2, pace=pace, most_kept=most_kept) as feed:
            yield stream, feed


def received(feed: TradeFeed, pair: Pair, last: int) -> list[LiveTrade]:
    """What comes of a pair up to the trade with an id, in that order; what comes of others is left out."""
    found: list[LiveTrade] = []
    until = time.monotonic() + PATIENCE_S
    while not any(trade.id == last for trade in found):
        assert time.monotonic() < until, f"{len(found)} trades came, and none with id {last}"
        found += feed.take(0.1).get(pair, [])
    return found


def passed(pair: Pair, second: int) -> int:
    """The id of the pair's last trade before a second of the market."""
    return int(MARKET.tapes[pair].between(START, START + second).ids[-1])


@pytest.mark.parametrize("pair", [BTC, DOGE], ids=str)
def test_the_last_trades_come_first_and_then_all_that_happen(pair: Pair) -> None:
    with streaming(FAULTLESS, pair) as (stream, feed):
        tape = MARKET.tapes[pair].between(START, START + 1800)[-SNAPSHOT:]
        assert received(feed, pair, passed(pair, 1800)) == live_trades_of(tape)
        stream.clock.advance(600)
        tape = MARKET.tapes[pair].between(START + 1800, START + 2400)
        assert received(feed, pair, passed(pair, 2400)) == live_trades_of(tape)
        assert feed.disconnects == 0


def test_a_pair_that_is_not_streamed_is_named_and_hinders_no_other() -> None:
    with streaming(FAULTLESS, NOWHERE, BTC) as (_, feed):
        received(feed, BTC, passed(BTC, 1800))
        assert feed.refused == {NOWHERE: "Currency pair not supported FOO/USD"}


def test_pairs_are_spread_over_connections() -> None:
    with streaming(FAULTLESS, NOWHERE, Pair("BAR", "USD"), BTC) as (stream, feed):
        received(feed, BTC, passed(BTC, 1800))
        until = time.monotonic() + PATIENCE_S
        while len(feed.refused) < 2:
            assert time.monotonic() < until
            time.sleep(0.01)
        assert stream.connections == 2


@pytest.mark.parametrize(
    "faults",
    [
        StreamFaults(cut_after=20),
        StreamFaults(silent_after=20),
        StreamFaults(repeated=0.5),
        StreamFaults(swapped=0.5),
    ],
    ids=["cut", "silent", "repeated", "swapped"],
)
def test_no_trade_is_lost_by_connections_that_end_or_fall_silent_and_none_by_disorder(faults: StreamFaults) -> None:
    """As far as the snapshot of the next connection reaches: one ends after fewer trades than that."""
    with streaming(faults, pace=IMPATIENT if faults.silent_after else STEADY) as (stream, feed):
        first, last = passed(BTC, 1800), passed(BTC, 3540)
        found = received(feed, BTC, first)
        for _ in range(29):
            stream.clock.advance(60)
            found += received(feed, BTC, passed(BTC, stream.clock.now() - START))
        wanted = live_trades_of(MARKET.tapes[BTC].between(START + 1800, START + 3540))
        assert sorted({trade for trade in found if first < trade.id <= last}) == wanted
        ended = bool(faults.cut_after or faults.silent_after)
        assert (feed.disconnects > 0) is ended


def test_what_was_traded_in_maintenance_is_not_streamed() -> None:
    with streaming() as (stream, feed):
        received(feed, BTC, passed(BTC, 1800))
        stream.system = "maintenance"
        stream.clock.advance(60)
        until = time.monotonic() + PATIENCE_S
        while stream.behind(stream.clock.now_ns()):
            assert time.monotonic() < until
            time.sleep(0.01)
        stream.system = "online"
        stream.clock.advance(60)
        found = {trade.id for trade in received(feed, BTC, passed(BTC, 1920))}
        assert found.isdisjoint(MARKET.tapes[BTC].between(START + 1800, START + 1860).ids.tolist())


def test_a_slow_consumer_misses_the_oldest_trades_and_memory_stays_bounded() -> None:
    with streaming(FAULTLESS, BTC, most_kept=10) as (stream, feed):
        received(feed, BTC, passed(BTC, 1800))
        stream.clock.advance(1700)
        last = passed(BTC, 3500)
        until = time.monotonic() + PATIENCE_S
        while stream.behind(stream.clock.now_ns()):
            assert time.monotonic() < until
            time.sleep(0.01)
        found = received(feed, BTC, last)
        assert [trade.id for trade in found][-1] == last
        assert len(found) < last - passed(BTC, 1800)


def test_an_exchange_that_is_not_there_is_tried_again() -> None:
    with KrakenFeed("ws://127.0.0.1:9/v2", [BTC], pace=STEADY) as feed:
        until = time.monotonic() + PATIENCE_S
        while feed.disconnects < 3:
            assert time.monotonic() < until
            assert not feed.take(0.01)


def seen(true: Callable[[], bool]) -> None:
    """Return once it is so."""
    until = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_whatever_changes_of_pairs_is_told_of_those_not_subscribed_to_as_well() -> None:
    """A pair is halted and trades again, another one comes, a third one goes."""
    first = (TimeRange(START, START + 2400),)
    later = (TimeRange(START + 2400, START + 3600),)
    listings = [
        Listing(BTC, 6, 97_000, 1, 0.05, statuses=((START + 2000, "cancel_only"), (START + 2100, "online"))),
        Listing(DOGE, 1, 0.16, 7, 900, lives=first),
        Listing(NOWHERE, 1, 3, 4, 50, lives=later),
    ]
    market = SimulatedMarket.make(3, listings, START, START + 3600)
    with streaming(FAULTLESS, BTC, market=market) as (stream, feed):
        seen(lambda: feed.statuses == {BTC: "online", DOGE: "online"})
        stream.clock.advance(250)
        seen(lambda: feed.statuses[BTC] == "cancel_only")
        stream.clock.advance(100)
        seen(lambda: feed.statuses[BTC] == "online")
        stream.clock.advance(250)
        seen(lambda: feed.statuses == {BTC: "online", DOGE: "delisted", NOWHERE: "online"})


def test_the_state_of_the_exchange_and_of_connections_is_seen() -> None:
    with streaming(FAULTLESS, NOWHERE, Pair("BAR", "USD"), BTC) as (stream, feed):
        seen(lambda: feed.open_connections == feed.connections == 2)
        seen(lambda: feed.system == "online")
        stream.system = "maintenance"
        seen(lambda: feed.system == "maintenance")
    assert feed.open_connections == 0


def test_a_client_that_does_not_read_is_cut_off_and_hinders_no_other() -> None:
    clock = ExchangeClock(START)
    busy = SimulatedMarket.make(3, [Listing(BTC, 600, 97_000, 1, 0.05)], START, START + 3600)
    with (
        SimulatedStream(busy, clock, heartbeat_s=0.05, slow_s=0.1) as stream,
        socket.socket() as line,
    ):
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.connect(("127.0.0.1", int(stream.url.rpartition(":")[2].removesuffix("/v2"))))
        with connect(stream.url, sock=line, max_queue=1, ping_interval=None, close_timeout=0) as client:
            client.send(subscription([str(BTC)]))
            with KrakenFeed(stream.url, [BTC], pace=STEADY) as feed:
                seen(lambda: stream.connections == 2 and not stream.behind(clock.now_ns()))
                clock.advance(3600)
                last = int(busy.tapes[BTC].ids[-1])
                found = received(feed, BTC, last)
                seen(lambda: stream.slow == 1)
                assert {trade.id for trade in found} == set(busy.tapes[BTC].ids.tolist())
                assert feed.disconnects == 0
            client.socket.close()
