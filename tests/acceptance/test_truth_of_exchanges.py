"""After any sequence of ingests, faults and interruptions at several exchanges, what can be had is had, and is true."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from kraken_core.domain.exchange import NS, SETTLING_S
from kraken_core.domain.gaps import GapStatus
from kraken_core.domain.jobs import IngestionJob
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.timerange import TimeRange, TimeRanges, floor
from kraken_core.simulator.exchange.coinbase import CoinbaseFaults
from kraken_core.simulator.exchange.futures import ChartFaults
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from tests.acceptance.test_repair_truth import After, User, assert_true, refused, unavailable
from tests.support.helping import folder, table
from tests.support.pocket_coinbase import BTC_USD, ETH_EUR
from tests.support.pocket_exchange import at_pocket
from tests.support.pocket_futures import PF_XBTUSD, PI_ETHUSD, PocketExchanges
from tests.support.strategies import HOUR_S, START, markets

whole_jobs = settings(
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@dataclass
class Trader(User):
    """Somebody who wants markets of another exchange: those have to be named, as no tier brings any."""

    pairs: tuple[str, ...] = field(default=())

    def ingest(self, *sources: Any, **more: Any) -> IngestionJob | None:
        return super().ingest(*sources, **{"tier": None, "pairs": self.pairs, **more})


CONTRACTS, PRODUCTS = (PF_XBTUSD, PI_ETHUSD), (BTC_USD, ETH_EUR)
elsewhere = pytest.mark.parametrize("markets_of", [CONTRACTS, PRODUCTS], ids=["kraken-futures", "coinbase"])


@st.composite
def with_markets_of(draw: st.DrawFn, spot: SimulatedMarket, pairs: tuple[Pair, ...]) -> SimulatedMarket:
    """The spot market with one or two markets of another exchange beside it, some of which begin later."""
    chosen = draw(st.lists(st.sampled_from(pairs), min_size=1, max_size=2, unique=True))
    hours = st.integers(0, (spot.end - START) // HOUR_S - 1)
    listings = [
        Listing(
            *(pair, draw(st.sampled_from((0.5, 0.05, 0.005))), 3_100, 1, 0.8),
            lives=(TimeRange(START + draw(hours) * HOUR_S, spot.end),) if draw(st.booleans()) else (),
            charted=pair in CONTRACTS,
        )
        for pair in chosen
    ]
    made = SimulatedMarket.make(draw(st.integers(0, 2**32 - 1)), listings, START, spot.end, spot.silences)
    return replace(spot, listings={**spot.listings, **made.listings}, tapes={**spot.tapes, **made.tapes})


def owed(market: SimulatedMarket, pair: Pair, interval: int) -> TimeRanges:
    """What can be had of a market of another exchange by the market's end.

    Candles of Coinbase confirm nothing where they have no rows: of what comes a little before the newest trade and
    after it, a later one has to show that nothing is missing.
    """
    lived = market.lived(pair, interval)
    if pair in CONTRACTS or not lived:
        return lived
    newest = int(market.tapes[pair].time_ns[-1]) // NS
    return lived.clip(0, newest - SETTLING_S).inner(interval * 60)


def with_counts(held: pl.DataFrame, market: SimulatedMarket, pair: Pair, interval: int) -> pl.DataFrame:
    """The stored candles with the number of trades where their source counts none."""
    truth = market.truth(pair, interval).select("pair", "interval_minutes", "time", counted="trades")
    found = held.join(truth, on=["pair", "interval_minutes", "time"], how="left")
    return found.with_columns(pl.coalesce("trades", "counted").alias("trades")).drop("counted")


def check(data: st.DataObject, spot: SimulatedMarket, markets_of: tuple[Pair, ...]) -> None:
    market = data.draw(with_markets_of(spot, markets_of))
    named = tuple(str(pair) for pair in market.listings if pair.market)
    if data.draw(st.booleans(), label="pairs of Kraken spot too"):
        named += tuple(str(pair) for pair in spot.listings if spot.lives(pair))
    with folder() as here:
        exchange = PocketExchanges(market, START + 24 * HOUR_S)
        user = Trader(here / "home", exchange, [], pairs=named)
        for _ in range(data.draw(st.integers(1, 4))):
            step(data, user, exchange)
        exchange.present = market.end + SETTLING_S
        exchange.fails = lambda _kind, _pair: None
        user.ingest_to_the_present()
        user.fill_what_failed()
        exchange.stop = lambda: False
        with at_pocket(user.home, exchange) as bench:
            held, coverage, gaps = table(bench), bench.ledger.coverage(), bench.ledger.gaps()
        assert not held.select("pair", "interval_minutes", "time").is_duplicated().any()
        for gap in gaps:
            of = owed(market, gap.series.pair, gap.series.interval) if gap.series.pair in PRODUCTS else TimeRanges()
            is_open = gap.status is not GapStatus.UNFILLABLE and market.lives(gap.series.pair)
            assert not (is_open and gap.series.pair not in PRODUCTS), gap
            assert not of.meets(gap.start, gap.end), gap
        for pair in (each for each in market.listings if str(each) in named):
            for interval in INTERVALS:
                series = Series(pair, interval)
                covered = TimeRanges.of((c.start, c.end) for c in coverage if c.series == series)
                if pair.market and market.lives(pair):
                    assert not owed(market, pair, interval) - covered, series
                assert_true(with_counts(held, market, pair, interval), market, series, covered)
        before = exchange.of_kind("OHLC", "Trades")
        user.ingest()
        if markets_of is CONTRACTS:  # of products the newest hour is asked for again
            assert exchange.of_kind("OHLC", "Trades") == before


def step(data: st.DataObject, user: Trader, exchange: PocketExchanges) -> None:
    """Time passes, something may be about to go wrong, or charts are cut, and a job runs."""
    hours = data.draw(st.integers(0, 60), label="hours pass")
    after = data.draw(st.sampled_from((0, SETTLING_S + 10, 900)), label="seconds after the hour")
    exchange.present = min(floor(exchange.present, HOUR_S) + hours * HOUR_S + after, exchange.market.end)
    fault = data.draw(st.sampled_from([None, unavailable, refused, "stop"]), label="fault")
    count = data.draw(st.integers(0, 5), label="after requests")
    exchange.fails = After(count, fault) if callable(fault) else lambda _kind, _pair: None
    exchange.futures.chart_faults = ChartFaults(
        most=data.draw(st.sampled_from((2_000, 500, 7)), label="candles an answer"),
        newest=data.draw(st.booleans(), label="the newest"),
        stale_s=data.draw(st.sampled_from((0, 90, 900)), label="as old"),
    )
    exchange.coinbase_desk.api.faults = CoinbaseFaults(
        seed=7,
        empty=data.draw(st.sampled_from((0.0, 0.2)), label="empty answers"),
        absent=0.05,
        earlier=data.draw(st.sampled_from((0, 3)), label="earlier candles"),
        stale_s=exchange.futures.chart_faults.stale_s,
    )
    until = exchange.requests + count + 3
    user.stopped = (lambda: exchange.requests >= until) if fault == "stop" else (lambda: False)
    match data.draw(st.sampled_from(["ingest", "incremental", "backfill", "few"]), label="job"):
        case "ingest":
            user.ingest()
        case "incremental":
            user.ingest(incremental=True)
        case "backfill":
            user.backfill()
        case _:
            user.ingest(complete=False, max_requests=3)
    user.stopped = exchange.stop = lambda: False
    exchange.futures.chart_faults = ChartFaults()
    exchange.coinbase_desk.api.faults = CoinbaseFaults(seed=7, absent=0.05)


@elsewhere
@given(data=st.data(), spot=markets())
@settings(whole_jobs, max_examples=2)
def test_what_two_exchanges_answer_is_had_whatever_happened_before(
    data: st.DataObject, spot: SimulatedMarket, markets_of: tuple[Pair, ...]
) -> None:
    check(data, spot, markets_of)


@pytest.mark.soak
@elsewhere
@given(data=st.data(), spot=markets())
@settings(whole_jobs, max_examples=2000)
def test_what_two_exchanges_answer_is_had_in_thousands_of_markets(
    data: st.DataObject, spot: SimulatedMarket, markets_of: tuple[Pair, ...]
) -> None:
    check(data, spot, markets_of)
