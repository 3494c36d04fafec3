"""A market small enough to be ingested in about a second: five pairs, eleven days, two releases with holes."""

from __future__ import annotations

import zipfile
from datetime import date
from pathlib import Path
from typing import NamedTuple

from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import day_start
from kraken_core.simulator.archive import write_release
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import Release
from tests.support.closing_trades import trading_to

BTC_USD, BTC_EUR, UNI_USD, EUR_USD, PEPE_USD = (
    *(Pair("BTC", "USD"), Pair("BTC", "EUR")),  # TIER1
    *(Pair("UNI", "USD"), Pair("EUR", "USD"), Pair("PEPE", "USD")),  # TIER2, none (fiat), TIER4
)
FIRST_DAY, PRESENT = "2024-03-27", "2024-04-07T00:00:00Z"
FIRST_HOLE = ("2024-04-01T00:00:00Z", "2024-04-03T00:00:00Z")
LAST_HOLE = ("2024-04-06T00:00:00Z", PRESENT)
LOST = Series(BTC_EUR, 60)  # of the second release, which the finer ones make up for


class LittleMarket(NamedTuple):
    """What was traded, and where the releases lie. Read only: many tests share it."""

    market: SimulatedMarket
    folder: Path
    first: Path  # Q1, whose name states its dates
    second: Path  # three days of Q2, as its manifest states

    def unpacked(self, folder: Path) -> Path:
        """The first release as a folder, for a test that spoils some of it; its name states its dates too."""
        archive = folder / "2024Q1"
        with zipfile.ZipFile(self.first) as release:
            release.extractall(archive)
        return archive


def written_to(folder: Path) -> LittleMarket:
    start, hole, later, end, present = (
        day_start(date(2024, *day)) for day in ((3, 27), (4, 1), (4, 3), (4, 6), (4, 7))
    )
    listings = [
        Listing(BTC_USD, 0.3, 68_000, 1, 0.05),
        Listing(BTC_EUR, 0.1, 63_000, 1, 0.03),
        Listing(UNI_USD, 0.05, 12, 3, 40),
        Listing(EUR_USD, 0.1, 1.08, 5, 900),
        Listing(PEPE_USD, 0.05, 1.2e-05, 9, 2e6, 0),
    ]
    market = trading_to((hole, end), SimulatedMarket.make(7, listings, start, present))
    first = write_release(market, Release("Kraken_OHLCVT_Q1_2024.zip", start, hole), folder)
    second = Release("Kraken_OHLCVT_2024Q2.zip", later, end, manifest=True, lost=[LOST])
    return LittleMarket(market, folder, first, write_release(market, second, folder))
