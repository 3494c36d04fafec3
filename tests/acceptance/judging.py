"""Holds homes against the oracle: what is held, what is covered, what is missing, whatever the order of the jobs."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
from polars.testing import assert_frame_equal

from kraken_core import Workbench
from kraken_core.domain.market import INTERVALS, Series
from kraken_core.domain.timerange import TimeRanges
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import Release
from tests.acceptance.oracle import Oracle
from tests.support.helping import folder, ingest, table, written

COMPARED = ("pair", "interval_minutes", "time", "open", "high", "low", "close", "trades", "volume")


def assert_true_in_any_order(market: SimulatedMarket, made: Sequence[Release], order: Sequence[int]) -> Oracle:
    """One job over all releases, and a job a release in the given order: both equal the oracle, and one another."""
    oracle = Oracle(market, made)
    with folder() as here:
        paths = written(market, made, here / "archives")
        ingest(here / "together", market, *paths)
        for number in order:
            ingest(here / "apart", market, paths[number])
        with Workbench.open(here / "together") as together, Workbench.open(here / "apart") as apart:
            assert_true(together, market, oracle)
            assert_true(apart, market, oracle)
            assert_frame_equal(table(together), table(apart))
            assert together.ledger.coverage() == apart.ledger.coverage()
            described = [
                [(g.series, g.start, g.end, g.candles, g.route, g.reason) for g in bench.ledger.gaps()]
                for bench in (together, apart)
            ]
            assert described[0] == described[1]
            if together.ledger.coverage():
                assert together.certificates.certify().root == apart.certificates.certify().root
    return oracle


def slots(ranges: TimeRanges, series: Series) -> set[int]:
    return {slot for start, end in ranges for slot in range(start, end, series.width)}


def assert_true(workbench: Workbench, market: SimulatedMarket, oracle: Oracle) -> None:
    """Coverage, gaps and candles are those of the oracle, for every series of every pair it knows."""
    held = table(workbench)
    assert not held.select("pair", "interval_minutes", "time").is_duplicated().any()
    coverage = workbench.ledger.coverage()
    gaps = workbench.ledger.gaps()
    for pair in oracle.listings:
        expected = oracle.covered(pair)
        for interval in INTERVALS:
            series = Series(pair, interval)
            wanted = set(oracle.wanted(series))
            covered = TimeRanges.of((c.start, c.end) for c in coverage if c.series == series)
            missing = TimeRanges.of((g.start, g.end) for g in gaps if g.series == series)
            assert slots(covered, series) & wanted == expected[interval], series
            assert slots(missing, series) == wanted - expected[interval], series
        truth = oracle.candles(pair)
        of_pair = held.filter(pl.col("pair") == str(pair))
        known = of_pair.join(truth.select("interval_minutes", "time"), on=["interval_minutes", "time"], how="semi")
        exact = [name for name in COMPARED if name != "volume"]
        assert_frame_equal(known.select(exact), truth.select(exact), check_row_order=False)
        assert_frame_equal(
            known.select(COMPARED).sort(COMPARED[:3]),
            truth.select(COMPARED).sort(COMPARED[:3]),
            rel_tol=0,
            abs_tol=1e-8 * 1440,
        )
        # No candle is made up: what is held in covered slots traded.
        for interval, known_slots in expected.items():
            here = of_pair.filter(pl.col("interval_minutes") == interval)["time"].dt.epoch("s")
            traded = set(market.truth(pair, interval)["time"].dt.epoch("s"))
            assert set(here) & known_slots <= traded
