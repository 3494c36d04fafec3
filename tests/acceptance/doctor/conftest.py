"""The exchange that every test of ``doctor`` asks: one whose clock is right."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from kraken_core.domain.market import Pair
from kraken_core.simulator.exchange import ExchangeClock, Faults, SimulatedExchange
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from tests.support.command_line import Kraken

MARKET = SimulatedMarket.make(1, [Listing(Pair("BTC", "USD"), 0.1, 97_000, 1, 0.05)], 1_774_828_800, 1_774_832_400)


@pytest.fixture(scope="module")
def served() -> Iterator[SimulatedExchange]:
    """An exchange whose clock is right."""
    with SimulatedExchange(MARKET, clock=ExchangeClock(int(time.time()), running=True), limits=None) as exchange:
        yield exchange


@pytest.fixture(autouse=True)
def exchange(kraken: Kraken, served: SimulatedExchange, monkeypatch: pytest.MonkeyPatch) -> SimulatedExchange:
    """The one that is asked."""
    monkeypatch.setenv("KRAKEN_API_URL", served.url)
    monkeypatch.setattr(served, "faults", Faults())
    return served
