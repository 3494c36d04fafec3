"""A sweep of a pocket exchange whose tape may lie, and whether what it brought is true."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl
from polars.testing import assert_frame_equal

from kraken_core.domain.exchange import SETTLING_S, AsOf
from kraken_core.domain.market import Pair
from kraken_core.domain.missing import Repair
from kraken_core.domain.sweep_plan import Sweep
from kraken_core.domain.timerange import TimeRanges, day_start, floor
from kraken_core.pipeline.ask import Answer, Before, answers
from kraken_core.pipeline.request_budget import Budget
from kraken_core.simulator.exchange import HONEST, TapeFaults
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from tests.support.pocket_exchange import PocketExchange

BTC = Pair("BTC", "USD")
START = day_start(date(2026, 3, 30))
HOUR_S, DAY_S = 3600, 86_400
FROZEN_S = 95 * 60
VALUES = ("time", "open", "high", "low", "close", "trades")


def market_of(trades_per_minute: float, length_s: int, seed: int = 5) -> SimulatedMarket:
    return SimulatedMarket.make(seed, [Listing(BTC, trades_per_minute, 97_000, 1, 0.05)], START, START + length_s)


@dataclass
class Swept:
    """What a sweep brought, and how it went."""

    market: SimulatedMarket
    interval: int
    end: int
    found: list[Answer]
    requests: int

    @property
    def known(self) -> TimeRanges:
        return self.known_of(self.interval)

    def known_of(self, interval: int) -> TimeRanges:
        return TimeRanges.of(
            span for answer in self.found if answer.series.interval == interval for span in answer.known
        )

    @property
    def proved(self) -> TimeRanges:
        return TimeRanges.of(span for answer in self.found for span in answer.proved)

    @property
    def missing(self) -> TimeRanges:
        """What is not known, nor follows from finer candles."""
        finer = TimeRanges.of(span for answer in self.found for span in answer.known)
        return TimeRanges.single(START, self.end) - finer.inner(self.interval * 60)

    @property
    def problems(self) -> list[str]:
        return [answer.problem for answer in self.found if answer.problem]

    def assert_true(self) -> None:
        """In known slots there is every candle that was traded, and no other, nor one anywhere else."""
        for interval in {answer.series.interval for answer in self.found}:
            frames = [answer.candles for answer in self.found if answer.series.interval == interval]
            best = pl.concat(frames).sort("time", "rank").unique("time", keep="last", maintain_order=True)
            truth = self.market.truth(BTC, interval).filter(_within(self.known_of(interval)))
            assert_frame_equal(
                best.select(VALUES).sort("time"), truth.select(VALUES), check_dtypes=False, check_exact=True
            )


def _within(ranges: TimeRanges) -> pl.Expr:
    bounds = pl.Series(ranges.bounds, dtype=pl.Int64)
    return pl.col("time").dt.epoch("s").map_batches(lambda at: bounds.search_sorted(at, side="right") % 2 == 1)


def sweep(
    market: SimulatedMarket,
    faults: TapeFaults = HONEST,
    *,
    interval: int = 1,
    present: int | None = None,
    budget: int | None = None,
    start: int = START,
    before: Before = Before(),  # noqa: B008 - a constant
) -> Swept:
    """A sweep, from the market's start unless said otherwise, to what had settled at a present: its end, likewise."""
    exchange = PocketExchange(market, market.end if present is None else present)
    exchange.tape_faults = faults
    as_of = exchange.present - SETTLING_S
    end = floor(as_of, interval * 60)
    repair = Repair(BTC, interval, sweeps=(Sweep(start, end, 1),))
    found = list(answers(exchange, repair, AsOf(as_of), before, Budget(budget)))
    return Swept(market, interval, end, found, exchange.of_kind("OHLC", "Trades"))
