"""After any sequence of ingests, faults and interruptions at two exchanges, what can be had is had, and is true."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from kraken_core.domain.exchange import SETTLING_S
from kraken_core.domain.gaps import GapStatus
from kraken_core.domain.jobs import IngestionJob
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.simulator.exchange.futures import ChartFaults
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from tests.acceptance.test_repair_truth import After, User, assert_true, refused, unavailable
from tests.support.helping import folder, table
from tests.support.pocket_exchange import at_pocket
from tests.support.pocket_futures import PF_XBTUSD, PI_ETHUSD, PocketExchanges
from tests.support.strategies import HOUR_S, START, markets

whole_jobs = settings(
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
BTC = Pair("BTC", "USD")


@dataclass
class Trader(User):
    """Somebody who wants contracts beside pairs: those have to be named, as no tier brings any."""

    pairs: tuple[str, ...] = field(default=())

    def ingest(self, *sources: Any, **more: Any) -> IngestionJob | None:
        return super().ingest(*sources, **{"tier": None, "pairs": self.pairs, **more})


@st.composite
def contracts(draw: st.DrawFn, spot: SimulatedMarket) -> SimulatedMarket:
    """The spot market with one or two contracts beside it, some of which begin later."""
    chosen = draw(st.lists(st.sampled_from((PF_XBTUSD, PI_ETHUSD)), min_size=1, max_size=2, unique=True))
    hours = st.integers(0, (spot.end - START) // HOUR_S - 1)
    listings = [
        Listing(
            *(pair, draw(st.sampled_from((0.5, 0.05, 0.005))), 3_100, 1, 0.8),
            lives=(TimeRange(START + draw(hours) * HOUR_S, spot.end),) if draw(st.booleans()) else (),
            charted=True,
        )
        for pair in chosen
    ]
    futures = SimulatedMarket.make(draw(st.integers(0, 2**32 - 1)), listings, START, spot.end, spot.silences)
    return replace(spot, listings={**spot.listings, **futures.listings}, tapes={**spot.tapes, **futures.tapes})


def check(data: st.DataObject, spot: SimulatedMarket) -> None:
    market = data.draw(contracts(spot))
    named = tuple(str(pair) for pair in market.listings if pair.market)
    if data.draw(st.booleans(), label="pairs of both exchanges"):
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
        assert [gap for gap in gaps if market.lives(gap.series.pair) and gap.status is not GapStatus.UNFILLABLE] == []
        for pair in (each for each in market.listings if str(each) in named):
            for interval in INTERVALS:
                series = Series(pair, interval)
                covered = TimeRanges.of((c.start, c.end) for c in coverage if c.series == series)
                if pair.market and market.lives(pair):
                    assert not market.lived(pair, interval) - covered, series
                assert_true(held, market, series, covered)
        before = exchange.of_kind("OHLC")
        user.ingest()
        assert exchange.of_kind("OHLC") == before


def step(data: st.DataObject, user: Trader, exchange: PocketExchanges) -> None:
    """Time passes, something may be about to go wrong, or charts are cut, and a job runs."""
    hours = data.draw(st.integers(0, 60), label="hours pass")
    exchange.present = min(exchange.present + hours * HOUR_S, exchange.market.end)
    fault = data.draw(st.sampled_from([None, unavailable, refused, "stop"]), label="fault")
    count = data.draw(st.integers(0, 5), label="after requests")
    exchange.fails = After(count, fault) if callable(fault) else lambda _kind, _pair: None
    exchange.futures.chart_faults = ChartFaults(
        most=data.draw(st.sampled_from((2_000, 500, 7)), label="candles an answer"),
        newest=data.draw(st.booleans(), label="the newest"),
        stale_s=data.draw(st.sampled_from((0, 90, 900)), label="as old"),
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


@given(data=st.data(), spot=markets())
@settings(whole_jobs, max_examples=2)
def test_what_two_exchanges_answer_is_had_whatever_happened_before(data: st.DataObject, spot: SimulatedMarket) -> None:
    check(data, spot)


@pytest.mark.soak
@given(data=st.data(), spot=markets())
@settings(whole_jobs, max_examples=2000)
def test_what_two_exchanges_answer_is_had_in_thousands_of_markets(data: st.DataObject, spot: SimulatedMarket) -> None:
    check(data, spot)
