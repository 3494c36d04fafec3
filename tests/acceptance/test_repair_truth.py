"""After any sequence of ingests, backfills, faults and interruptions, what can be had is had, and equals the truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from kraken_core import Workbench
from kraken_core.domain.errors import Interrupted, PairRefusedError, UnavailableError
from kraken_core.domain.exchange import SETTLING_S
from kraken_core.domain.gaps import GapStatus
from kraken_core.domain.jobs import IngestionJob, JobStatus
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.request import Request
from kraken_core.domain.timerange import TimeRanges
from kraken_core.simulator.market import SimulatedMarket
from tests.acceptance.oracle import Oracle
from tests.support.averages import assert_true_averages
from tests.support.helping import folder, table, written
from tests.support.pocket_exchange import PocketExchange, at_pocket
from tests.support.strategies import FIRST_DAY, HOUR_S, START, markets, releases

whole_jobs = settings(
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
EXACT = ("pair", "interval_minutes", "time", "open", "high", "low", "close", "trades")


@dataclass
class User:
    """Somebody who runs jobs against an exchange that now and then fails, or is interrupted."""

    home: Path
    exchange: PocketExchange
    sources: list[Path]
    stopped: Callable[[], bool] = field(default=lambda: False)

    def ingest(self, *sources: Path, **more: Any) -> IngestionJob | None:
        asked: dict[str, Any] = {
            "tier": "ALL",
            "start_date": FIRST_DAY,
            "max_requests": None,
            "complete": True,
            "download": False,
        }
        with at_pocket(self.home, self.exchange) as bench:
            return self._run(bench, bench.request(sources=sources, **{**asked, **more}))

    def ingest_to_the_present(self, *sources: Path) -> None:
        """A job that was paused is taken up first, and speaks of the instant at which it began."""
        while (job := self.ingest(*sources)) is None or job.as_of != self.exchange.present - SETTLING_S:
            pass

    def backfill(self, **more: Any) -> None:
        with at_pocket(self.home, self.exchange) as bench:
            if bench.ledger.gaps():
                self._run(bench, bench.backfill_request(complete=True, **more))

    def fill_what_failed(self) -> None:
        """Gaps that are named are tried at once, whenever they failed."""
        with at_pocket(self.home, self.exchange) as bench:
            named = [gap.id for gap in bench.ledger.gaps() if gap.id is not None]
        if named:
            self.backfill(gap_ids=named)

    def _run(self, bench: Workbench, request: Request) -> IngestionJob | None:
        try:
            return bench.run(bench.runner.build_plan(request), stop=self.stopped)
        except (Interrupted, UnavailableError):
            assert all(job.status is not JobStatus.RUNNING for job in bench.jobs())
            return None


class After:
    """A fault that befalls some requests, after so many."""

    def __init__(self, count: int, error: Callable[[Pair | None], Exception]) -> None:
        self.left = count
        self.error = error

    def __call__(self, kind: str, pair: Pair | None) -> None:
        if kind in {"OHLC", "Trades", "First"}:
            self.left -= 1
            if self.left < 0:
                raise self.error(pair)


def unavailable(_pair: Pair | None) -> Exception:
    return UnavailableError("the exchange does not answer")


def refused(pair: Pair | None) -> Exception:
    return PairRefusedError(f"{pair}: its answers make no sense")


def check(data: st.DataObject, market: SimulatedMarket) -> None:
    drawn = data.draw(releases(market))
    files = Oracle(market, drawn).files
    made = [release for number, release in enumerate(drawn) if any(of == number for of, _ in files)]
    with folder() as here:
        exchange = PocketExchange(market, START + 24 * HOUR_S)
        user = User(here / "home", exchange, written(market, made, here / "archives"))
        for _ in range(data.draw(st.integers(1, 4))):
            _step(data, user)
        exchange.present = market.end + SETTLING_S
        exchange.fails = lambda _kind, _pair: None
        user.ingest_to_the_present(*user.sources)
        user.fill_what_failed()
        exchange.stop = lambda: False  # of a job that has ended
        with at_pocket(user.home, exchange) as bench:
            assert_all_is_had(bench, market, exchange)
        before = exchange.of_kind("OHLC", "Trades")
        user.ingest(*user.sources)
        with at_pocket(user.home, exchange) as bench:
            assert bench.jobs()[0].metrics.records_ingested == 0
        assert exchange.of_kind("OHLC", "Trades") == before


def _step(data: st.DataObject, user: User) -> None:
    """Time passes, something may be about to go wrong, and a job runs."""
    exchange = user.exchange
    hours = data.draw(st.integers(0, 60), label="hours pass")
    exchange.present = min(exchange.present + hours * HOUR_S, exchange.market.end)
    fault = data.draw(st.sampled_from([None, unavailable, refused, "stop"]), label="fault")
    count = data.draw(st.integers(0, 5), label="after requests")
    exchange.fails = After(count, fault) if callable(fault) else lambda _kind, _pair: None
    until = exchange.requests + count + 3
    user.stopped = (lambda: exchange.requests >= until) if fault == "stop" else (lambda: False)
    match data.draw(st.sampled_from(["ingest", "incremental", "backfill", "no trades", "few"]), label="job"):
        case "ingest":
            user.ingest(*data.draw(st.lists(st.sampled_from(user.sources), unique=True)) if user.sources else ())
        case "incremental":
            user.ingest(incremental=True)
        case "backfill":
            user.backfill()
        case "no trades":
            user.ingest(trades=False)
        case _:
            user.ingest(complete=False, max_requests=3)
    user.stopped = exchange.stop = lambda: False


def assert_all_is_had(bench: Workbench, market: SimulatedMarket, exchange: PocketExchange) -> None:
    """Of pairs that are listed nothing is missing; of the others, what is held is true, and the rest has its reason."""
    held = table(bench)
    assert not held.select("pair", "interval_minutes", "time").is_duplicated().any()
    listed = {each.pair for each in exchange.listed().pairs}
    gaps = bench.ledger.gaps()
    assert [gap for gap in gaps if gap.series.pair in listed] == []
    assert {gap.status for gap in gaps} <= {GapStatus.UNFILLABLE}
    assert all(gap.reason for gap in gaps)
    coverage = bench.ledger.coverage()
    for pair in market.listings:
        for interval in INTERVALS:
            series = Series(pair, interval)
            covered = TimeRanges.of((c.start, c.end) for c in coverage if c.series == series)
            if pair in listed:
                assert not market.lived(pair, interval) - covered, series
            assert_true(held, market, series, covered)


def assert_true(held: pl.DataFrame, market: SimulatedMarket, series: Series, covered: TimeRanges) -> None:
    """In covered slots there is every candle that was traded, and no other."""
    of_series = held.filter(
        (pl.col("pair") == str(series.pair)) & (pl.col("interval_minutes") == series.interval)
    ).filter(_in(covered))
    truth = market.truth(series.pair, series.interval).filter(_in(covered))
    assert_frame_equal(of_series.select(EXACT), truth.select(EXACT), check_row_order=False)
    assert_frame_equal(of_series.select("volume"), truth.select("volume"), rel_tol=0, abs_tol=1e-8 * 1440)
    assert_true_averages(of_series, market.tapes[series.pair], series.interval)


def _in(ranges: TimeRanges) -> pl.Expr:
    bounds = pl.Series(ranges.bounds, dtype=pl.Int64)
    return pl.col("time").dt.epoch("s").map_batches(lambda opens: bounds.search_sorted(opens, side="right") % 2 == 1)


@given(data=st.data(), market=markets())
@settings(whole_jobs, max_examples=2)
def test_what_can_be_had_is_had_whatever_happened_before(data: st.DataObject, market: SimulatedMarket) -> None:
    check(data, market)


@pytest.mark.soak
@given(data=st.data(), market=markets())
@settings(whole_jobs, max_examples=2000)
def test_what_can_be_had_is_had_in_thousands_of_markets(data: st.DataObject, market: SimulatedMarket) -> None:
    check(data, market)
