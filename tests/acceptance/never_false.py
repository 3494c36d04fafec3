"""Holds a home against the tape: nothing false complete, nothing invented, nothing wrong (domain rules 3, 4 and 15)."""

from __future__ import annotations

import polars as pl
from polars.testing import assert_frame_equal

from kraken_core import Workbench
from kraken_core.domain.candles import is_settled
from kraken_core.domain.grades import Grade
from kraken_core.domain.market import INTERVALS, Series
from kraken_core.domain.timerange import TimeRanges
from kraken_core.simulator.market import SimulatedMarket
from tests.support.helping import table

EXACT = ("pair", "interval_minutes", "time", "open", "high", "low", "close", "trades")
VOLUME_TOLERANCE = 1e-8 * 1440


def assert_nothing_false(workbench: Workbench, market: SimulatedMarket) -> None:
    """Whatever is covered and not doubtful is as the tape has it, and so is every settled candle anywhere."""
    stored = table(workbench)
    assert not stored.select("pair", "interval_minutes", "time").is_duplicated().any()
    coverage = [covered for covered in workbench.ledger.coverage() if covered.grade is not Grade.DOUBTFUL]
    for pair in market.listings:
        for interval in INTERVALS:
            series = Series(pair, interval)
            mine = stored.filter(pl.col("pair") == str(pair), pl.col("interval_minutes") == interval).sort("time")
            truth = market.truth(pair, interval)
            complete = TimeRanges.of((c.start, c.end) for c in coverage if c.series == series)
            assert_same(mine.filter(within(complete)), truth.filter(within(complete)), f"{series}: false complete")
            settled = mine.filter(is_settled())
            really = truth.join(settled, on="time", how="semi")
            assert_same(settled, really, f"{series}: invented or wrong")


def assert_same(mine: pl.DataFrame, truth: pl.DataFrame, what: str) -> None:
    """The same candles: prices and counts exactly, volumes but for what adding up doubles costs."""
    try:
        assert_frame_equal(mine.select(EXACT), truth.select(EXACT))
        assert_frame_equal(mine.select("volume"), truth.select("volume"), rel_tol=0, abs_tol=VOLUME_TOLERANCE)
    except AssertionError as error:
        raise AssertionError(f"{what}: {error}") from error


def within(ranges: TimeRanges) -> pl.Expr:
    """Whether a candle opens in the ranges."""
    bounds = pl.Series(ranges.bounds, dtype=pl.Int64)
    return (
        pl.col("time")
        .dt.epoch("s")
        .map_batches(lambda opens: bounds.search_sorted(opens, side="right") % 2 == 1, return_dtype=pl.Boolean)
    )
