"""A small market for demos: eight pairs, nine months and a week, and an archive with known holes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.timerange import TimeRange, TimeRanges, day_start
from kraken_core.simulator.archive import write_release
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import Release, known_holes

HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class Simulation:
    """A written archive, the market it came from, and what is missing from the archive, a sentence a hole."""

    market: SimulatedMarket
    paths: list[Path]
    holes: list[str]


def simulate(directory: Path, seed: int = 7) -> Simulation:
    """Write the demo's releases into a directory."""
    market = demo_market(seed)
    releases = demo_releases()
    paths = [write_release(market, release, directory) for release in releases]
    return Simulation(market, paths, known_holes(market, releases))


def demo_market(seed: int = 7) -> SimulatedMarket:
    """2025Q4 to 2026Q2 and a week more, with an upgrade and a short maintenance in which nothing traded."""
    start, end = day_start(date(2025, 10, 1)), day_start(date(2026, 7, 8))
    listed, delisted = day_start(date(2026, 2, 10)) + 15 * HOUR_S, day_start(date(2026, 5, 20)) + 14 * HOUR_S
    left, returned = day_start(date(2025, 12, 5)), day_start(date(2026, 4, 14)) + 8 * HOUR_S
    listings = [
        Listing(Pair("BTC", "USD"), 1.0, 97_000, 1, 0.05),
        Listing(Pair("BTC", "EUR"), 0.2, 83_000, 1, 0.03),
        Listing(Pair("ETH", "USD"), 0.4, 3_100, 2, 0.8),
        Listing(Pair("DOGE", "USD"), 0.15, 0.16, 7, 900),
        Listing(Pair("ADA", "USD"), 0.1, 0.45, 6, 400),
        Listing(Pair("PEPE", "USD"), 0.1, 1.2e-05, 9, 2e6, 0, lives=(TimeRange(listed, end),)),
        Listing(Pair("BNT", "EUR"), 0.0004, 0.5, 4, 120),  # four trades a week
        Listing(Pair("OMG", "USD"), 0.05, 0.3, 4, 60, lives=(TimeRange(start, left), TimeRange(returned, delisted))),
    ]
    upgrade, maintenance = day_start(date(2025, 11, 1)) + 15 * HOUR_S, day_start(date(2026, 6, 9)) + 7 * HOUR_S
    silences = TimeRanges.of([(upgrade, upgrade + 404 * 60), (maintenance, maintenance + 12 * 60)])
    return SimulatedMarket.make(seed, listings, start, end, silences)


def demo_contracts(seed: int = 7) -> SimulatedMarket:
    """Two perpetuals of Kraken Futures and two products of Coinbase over the same months; some began later."""
    start, end = day_start(date(2025, 10, 1)), day_start(date(2026, 7, 8))
    began = day_start(date(2026, 5, 4)) + 13 * HOUR_S
    listings = [
        Listing(Pair("BTC", "USD", "kraken-futures:PF_XBTUSD"), 0.5, 97_000, 0, 0.05, 4, charted=True),
        Listing(
            *(Pair("ETH", "USD", "kraken-futures:PI_ETHUSD"), 0.02, 3_100, 2, 400, 0),
            lives=(TimeRange(began, end),),
            charted=True,
        ),
        Listing(Pair("BTC", "USD", "coinbase:BTC-USD"), 0.5, 97_000, 2, 0.05),
        Listing(Pair("ETH", "EUR", "coinbase:ETH-EUR"), 0.01, 2_700, 2, 0.8, lives=(TimeRange(began, end),)),
    ]
    return SimulatedMarket.make(seed, listings, start, end)


def demo_releases() -> list[Release]:
    """A full release and a quarterly one; the quarter between them and the week after them are in neither.

    The quarterly one has no 30-minute files, which the finer ones make up for, and lost the hours of ETH/USD, likewise,
    and the minutes of ADA/USD, which nothing in it can replace.
    """
    lost = [Series(Pair("ETH", "USD"), 60), Series(Pair("ADA", "USD"), 1)]
    last = Series(Pair("BTC", "USD"), 1440)
    return [
        Release.full(2025, 4, junk=True, edge={last: 90}),
        Release.quarterly(2026, 2, intervals=tuple(i for i in INTERVALS if i != 30), lost=lost),  # noqa: PLR2004 - minutes
    ]
