"""Answers of the exchange: what the client itself does of each, over HTTP on this machine, in seconds of its CPU."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator

from bench.figures import Figure
from kraken_core.domain.market import Pair, Series
from kraken_core.simulator.exchange import SimulatedExchange
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.sources.rest import KrakenExchange

BTC = Pair("BTC", "USD")
START, END = 1_774_828_800, 1_774_915_200
AS_OFTEN_AS_ONE_LIKES = 1e9


def answers() -> Iterator[Figure]:
    """A whole page of trades, and the 721 rows of an answer of candles."""
    market = SimulatedMarket.make(1, [Listing(BTC, 2.0, 97_000, 1, 0.05)], START, END)
    pace = AS_OFTEN_AS_ONE_LIKES
    with SimulatedExchange(market, limits=None) as served:
        client = KrakenExchange(served.url, requests_per_second=pace, all_per_second=pace)
        yield Figure("an answer of 1,000 trades: our own CPU", cpu_ms(lambda: client.trades(BTC, 0)), 5, "ms")
        yield Figure("an answer of 721 candles: our own CPU", cpu_ms(lambda: client.ohlc(Series(BTC, 1), END)), 5, "ms")
        client.close()


def cpu_ms(work: Callable[[], object], times: int = 200) -> float:
    """Of this thread, the median; the server works in others, and polars' threads hardly at all."""
    spent = []
    for _ in range(times):
        began = time.thread_time()
        work()
        spent.append(time.thread_time() - began)
    return 1_000 * statistics.median(spent)
