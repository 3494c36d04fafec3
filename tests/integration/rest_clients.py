"""Clients of the exchange's API whose waits take no time, the servers that they ask, and what they say of failures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kraken_core.domain.market import Pair
from kraken_core.simulator.exchange import ExchangeClock, Fault, Faults, Limits, SimulatedExchange
from kraken_core.simulator.exchange.limits import Limiter
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.sources.rest import KrakenExchange
from tests.support.steady import SteadyTime
from tests.support.web_server import Fault as Sent
from tests.support.web_server import FileServer, serving

END = 1_780_000_020
PAIRS = [Pair(base, "USD") for base in ("BTC", "ETH", "ADA", "SOL")]
BTC, ETH = PAIRS[:2]
MARKET = SimulatedMarket.make(3, [Listing(pair, 5.0, 97_000, 1, 0.05) for pair in PAIRS], END - 86_400, END)


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
    clock = ExchangeClock(market.end)
    with SimulatedExchange(market, clock=clock, faults=Faults(script), limits=limits) as served:
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
