"""A market whose exchange sleeps for two hours, as a fixture."""

from __future__ import annotations

import pytest

from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from tests.acceptance.lying_archives import ADA, ASLEEP, BTC, DAYS, ETH, XRP
from tests.support.closing_trades import trading_to


@pytest.fixture(scope="module")
def market() -> SimulatedMarket:
    """Eight days; the exchange sleeps two hours of them. ADA/USD leaves on the third day and returns on the sixth."""
    lives = (TimeRange(DAYS[0], DAYS[2] + 3600), TimeRange(DAYS[5] + 7200, DAYS[8]))
    listings = [
        Listing(BTC, 0.5, 97_000, 1, 0.05),
        Listing(ETH, 0.3, 3_100, 2, 0.8),
        Listing(XRP, 0.3, 0.6, 5, 300),
        Listing(ADA, 0.1, 0.45, 6, 400, lives=lives),
    ]
    return trading_to([DAYS[8]], SimulatedMarket.make(11, listings, DAYS[0], DAYS[8], TimeRanges.single(*ASLEEP)))
