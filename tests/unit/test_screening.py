"""What is screened off agrees: screening first and comparing what is left says what comparing everything says."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.candles import Source, Vintage, aggregate, rank_of
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.slices import picked
from kraken_core.domain.verification.agreement import Verdict, compared
from kraken_core.domain.verification.screening import PairRows, screened
from tests.support.candle_frames import Row, frame

PAIRS = [Pair("A", "USD"), Pair("BTC", "EUR"), Pair("BTC", "USD")]
CSV, OTHER = (rank_of(Source.CSV, Vintage(day * 86_400, stated=True)) for day in (1, 2))
CHANGES: dict[str, list[float | None]] = {
    "open": [1.001, 0.0, math.nan],
    "high": [1.001, math.nan],
    "low": [0.999, math.nan],
    "close": [1.001, 0.0],
    "volume": [1 + 4e-9, 1 + 9e-9, 1 + 2e-8, 1.5, math.nan],
    "trades": [None, 2, 0],
    "rank": [None],
}

slots = st.lists(st.tuples(st.sampled_from(PAIRS), st.integers(0, 40)), max_size=60, unique=True)
volumes = st.sampled_from([1e-8, 0.1, 3.0, 1e6, 1e11])
changes = st.lists(
    st.sampled_from([(name, factor) for name, factors in CHANGES.items() for factor in factors]), max_size=4
)


def minutes(traded: list[tuple[Pair, int]], volume: float) -> pl.DataFrame:
    rows = [Row(Series(pair, 1), slot, value=1 + slot % 7, rank=CSV) for pair, slot in traded]
    return frame(rows).with_columns(pl.col("volume") * volume)


def changed(candles: pl.DataFrame, name: str, factor: float | None, row: int) -> pl.DataFrame:
    """The candles with another value in a row."""
    value = pl.lit(OTHER) if name == "rank" else pl.lit(None) if factor is None else pl.col(name) * factor
    here = pl.int_range(pl.len()) == row
    return candles.with_columns(pl.when(here).then(value).otherwise(name).cast(candles[name].dtype).alias(name))


def by_pair(candles: pl.DataFrame) -> PairRows:
    return PairRows(candles, candles["pair"].rle().struct.unnest().select("value", "len").rows())


def findings(fine: pl.DataFrame, coarse: pl.DataFrame) -> pl.DataFrame:
    return compared(fine, coarse, (5, 1)).filter(pl.col("verdict") != Verdict.AGREES)


@given(slots, volumes, changes, changes, st.data())
def test_what_is_screened_off_agrees_and_all_else_is_compared(
    traded: list[tuple[Pair, int]],
    volume: float,
    fine_changes: list[tuple[str, float | None]],
    coarse_changes: list[tuple[str, float | None]],
    data: st.DataObject,
) -> None:
    fine = minutes(traded, volume)
    coarse = aggregate(fine, 5)
    keep = data.draw(st.lists(st.booleans(), min_size=fine.height, max_size=fine.height))
    coarse_keep = data.draw(st.lists(st.booleans(), min_size=coarse.height, max_size=coarse.height))
    if data.draw(st.booleans()):
        fine, coarse = (
            fine.filter(pl.Series(keep, dtype=pl.Boolean)),
            coarse.filter(pl.Series(coarse_keep, dtype=pl.Boolean)),
        )
    for change in fine_changes:
        fine = changed(fine, *change, data.draw(st.integers(0, 60)))
    for change in coarse_changes:
        coarse = changed(coarse, *change, data.draw(st.integers(0, 20)))
    agreeing, left = screened(by_pair(fine), by_pair(coarse), (5, 1))
    assert findings(*left).equals(findings(fine, coarse))
    assert agreeing + compared(*left, (5, 1)).height == compared(fine, coarse, (5, 1)).height


def test_of_candles_that_agree_nothing_is_left_to_be_compared() -> None:
    fine = minutes([(pair, slot) for pair in PAIRS for slot in (0, 1, 4, 7, 30)], 0.1)
    agreeing, left = screened(by_pair(fine), by_pair(aggregate(fine, 5)), (5, 1))
    assert agreeing == 9
    assert [side.height for side in left] == [0, 0]


FINE = minutes([(PAIRS[0], slot) for slot in range(10)], 1)
COARSE = aggregate(FINE, 5)


@pytest.mark.parametrize(
    ("fine", "coarse"),
    [
        (FINE, COARSE[[0, 0, 1]]),
        (FINE, COARSE.with_columns(pl.col("time").dt.offset_by("1m"))),
        (FINE[::-1], COARSE),
        (FINE, COARSE[::-1]),
    ],
    ids=["a slot twice", "not on its slot", "finer backwards", "coarse backwards"],
)
def test_where_candles_do_not_lie_as_they_should_everything_is_compared(
    fine: pl.DataFrame, coarse: pl.DataFrame
) -> None:
    agreeing, left = screened(by_pair(fine), by_pair(coarse), (5, 1))
    assert agreeing == 0
    assert left[0].equals(fine)
    assert left[1].equals(coarse)


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 5)), max_size=12), st.booleans())
def test_slices_are_picked_in_the_order_given(lengths: list[tuple[int, int]], many: bool) -> None:
    rows = pl.DataFrame({"number": range(4_000)})
    bounds = np.cumsum([step for pair in lengths for step in pair] + [1, 1] * (1_200 * many), dtype=np.int64)
    begins, ends = bounds[::2], bounds[1::2]
    expected = [number for begin, end in zip(begins, ends, strict=True) for number in range(begin, end)]
    assert picked(rows, begins, ends)["number"].to_list() == expected
