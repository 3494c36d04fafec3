"""Markets of three days and some of three pairs, and their truth in the columns of a candle file."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import polars as pl
from hypothesis import settings

from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRange, TimeRanges, day_start
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import DAY_S

START = day_start(date(2026, 3, 30))
END = START + 3 * DAY_S
BTC, DOGE, PEPE = Pair("BTC", "USD"), Pair("DOGE", "USD"), Pair("PEPE", "USD")
LISTINGS = {
    BTC: Listing(BTC, 0.3, 97_000, 1, 0.05),
    DOGE: Listing(DOGE, 0.002, 0.16, 7, 900),
    PEPE: Listing(PEPE, 0.1, 1.2e-05, 9, 2e7, 0),  # a day's volume exceeds 2**53 units
}
MAINTENANCE = TimeRanges.single(START + 7 * 3600, START + 9 * 3600)
FILE = {"time": pl.Int64, **dict.fromkeys(("open", "high", "low", "close", "volume"), pl.Float64), "trades": pl.Int32}

unhurried = settings(deadline=None, max_examples=50)  # how long an example takes says nothing about the simulator


def market_of(*pairs: Pair, seed: int = 5, **lives: tuple[TimeRange, ...]) -> SimulatedMarket:
    listings = [replace(LISTINGS[pair], lives=lives.get(pair.base, ())) for pair in pairs]
    return SimulatedMarket.make(seed, listings, START, END, MAINTENANCE)


def truth_of(market: SimulatedMarket, series: Series, start: int, end: int) -> pl.DataFrame:
    """The slots of a series that open in ``[start, end)`` and traded, in the columns of a file."""
    truth = market.truth(series.pair, series.interval).with_columns(pl.col("time").dt.epoch("s"))
    return truth.filter(pl.col("time").is_between(start, end, closed="left")).select(*FILE)
