"""Holds a home against the tape: nothing false complete, nothing invented, nothing wrong (domain rules 3, 4 and 15)."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import polars as pl
from polars.testing import assert_frame_equal

from kraken_core import Workbench
from kraken_core.domain.candles import Source, is_settled
from kraken_core.domain.grades import Grade
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.timerange import TimeRanges
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.misfiled import MOST_VOLUME_OFF
from tests.support.helping import table

EXACT = ("pair", "interval_minutes", "time", "open", "high", "low", "close", "trades")
VOLUME_TOLERANCE = 1e-8 * 1440


def assert_nothing_false(
    workbench: Workbench, market: SimulatedMarket, other_vintages: Collection[Pair] = frozenset()
) -> None:
    """Whatever is covered and not doubtful is as the tape has it, and so is every settled candle anywhere.

    Of pairs some of whose files are of another vintage, counts and volumes of what archives said are about those of
    the tape.
    """
    for series, mine, truth, complete in against_the_tape(workbench, market):
        ours = as_in_force(mine, truth) if series.pair in other_vintages else mine
        assert_same(ours.filter(within(complete)), truth.filter(within(complete)), f"{series}: false complete")
        settled = ours.filter(is_settled())
        really = truth.join(settled, on="time", how="semi")
        assert_same(settled, really, f"{series}: invented or wrong")


def assert_nothing_false_complete(workbench: Workbench, market: SimulatedMarket) -> None:
    """Whatever is covered and not doubtful is as the tape has it; what sources have wrong may be stored as doubtful."""
    for series, mine, truth, complete in against_the_tape(workbench, market):
        assert_same(mine.filter(within(complete)), truth.filter(within(complete)), f"{series}: false complete")


def against_the_tape(
    workbench: Workbench, market: SimulatedMarket
) -> Iterator[tuple[Series, pl.DataFrame, pl.DataFrame, TimeRanges]]:
    """Each series with its candles, those of the tape, and what is covered and not doubtful."""
    stored = table(workbench)
    assert not stored.select("pair", "interval_minutes", "time").is_duplicated().any()
    coverage = [covered for covered in workbench.ledger.coverage() if covered.grade is not Grade.DOUBTFUL]
    for pair in market.listings:
        for interval in INTERVALS:
            series = Series(pair, interval)
            mine = stored.filter(pl.col("pair") == str(pair), pl.col("interval_minutes") == interval).sort("time")
            complete = TimeRanges.of((c.start, c.end) for c in coverage if c.series == series)
            yield series, mine, market.truth(pair, interval), complete


def as_in_force(mine: pl.DataFrame, truth: pl.DataFrame) -> pl.DataFrame:
    """The candles, with the tape's counts and volumes where an archive's are as near to them as vintages are."""
    true = pl.col("trades_true")
    from_archives = pl.col("source").is_in([Source.CSV.value, Source.DERIVED.value])
    counts = (pl.col("trades") - true).abs() <= pl.min_horizontal(
        "interval_minutes", true
    )  # by one in each finest slot
    volumes = (pl.col("volume") - pl.col("volume_true")).abs() <= MOST_VOLUME_OFF * pl.col("volume_true") * 1.001
    near = (from_archives & counts & volumes).fill_null(value=False)
    return (
        mine.join(truth, on="time", how="left", suffix="_true", maintain_order="left")
        .with_columns(pl.when(near).then(f"{name}_true").otherwise(name).alias(name) for name in ("trades", "volume"))
        .select(mine.columns)
    )


def assert_same(mine: pl.DataFrame, truth: pl.DataFrame, what: str) -> None:
    """The same candles: prices and counts exactly, volumes but for what adding up doubles costs."""
    try:
        assert_frame_equal(mine.select(EXACT), truth.select(EXACT))
        assert_frame_equal(mine.select("volume"), truth.select("volume"), rel_tol=0, abs_tol=VOLUME_TOLERANCE)
    except AssertionError as error:
        ours, theirs = (
            f.select(EXACT[2:]).with_columns(pl.col("open", "high", "low", "close").round(12)) for f in (mine, truth)
        )
        odd = {
            name: one.join(other, on=EXACT[2:], how="anti", maintain_order="left").head(3).rows()
            for name, one, other in (("ours", ours, theirs), ("the tape's", theirs, ours))
        }
        raise AssertionError(f"{what}: {odd}; {error}") from error


def within(ranges: TimeRanges) -> pl.Expr:
    """Whether a candle opens in the ranges."""
    bounds = pl.Series(ranges.bounds, dtype=pl.Int64)
    return (
        pl.col("time")
        .dt.epoch("s")
        .map_batches(lambda opens: bounds.search_sorted(opens, side="right") % 2 == 1, return_dtype=pl.Boolean)
    )
