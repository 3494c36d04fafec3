"""Candles of many pairs at once: what reading them one by one gives, as one frame, as time × pair, or lazily."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from kraken_core import Workbench
from kraken_core.domain.errors import IncompleteError, UsageError
from kraken_core.domain.market import Pair, Series
from tests.support.little_market import FIRST_DAY, PRESENT

PAIRS = ["UNI/USD", "BTC/USD", "BTC/EUR"]
WINDOW = ("2024-03-25", "2024-03-29")
WAYS: list[dict[str, Any]] = [
    {"interval": 60},
    {"interval": "2h"},
    {"interval": "2d", "partial": True},
    {"interval": 60, "fill": "previous"},
    {"interval": 60, "follow_renames": True},
    {"interval": 60, "as_known_at": "2024-06-01"},
    {"interval": 1440, "version": 1},
]


def apart(wb: Workbench, **how: Any) -> pl.DataFrame:
    """The same pairs read one by one."""
    read = [wb.candles(pair, **how, to="polars").select(pl.lit(pair).alias("pair"), pl.all()) for pair in sorted(PAIRS)]
    return pl.concat(read)


@pytest.mark.parametrize("how", WAYS, ids=str)
def test_many_pairs_are_what_one_by_one_are_sorted_by_pair_and_time(full_home: Path, how: dict[str, Any]) -> None:
    with Workbench.open(full_home) as wb:
        if "as_known_at" in how:
            how = {**how, "as_known_at": wb.clock.now()}
        assert_frame_equal(wb.candles(PAIRS, **how, to="polars"), apart(wb, **how))


def test_pandas_polars_and_arrow_have_the_same(full_home: Path) -> None:
    with Workbench.open(full_home) as wb:
        in_polars = wb.candles(pairs=PAIRS, interval=60, start=FIRST_DAY, end=PRESENT, to="polars")
        in_arrow = wb.candles(pairs=PAIRS, interval=60, start=FIRST_DAY, end=PRESENT, to="arrow")
        in_pandas = wb.candles(pairs=PAIRS, interval=60, start=FIRST_DAY, end=PRESENT)
    assert in_polars.columns[:2] == ["pair", "time"]
    assert in_arrow.equals(in_polars.to_arrow())
    pd.testing.assert_frame_equal(in_pandas, by_way_of_arrow(in_polars))


@pytest.mark.parametrize("how", [{}, {"fill": "previous"}, {"follow_renames": True}], ids=str)
def test_pandas_has_to_the_bit_what_comes_by_way_of_arrow(full_home: Path, how: dict[str, Any]) -> None:
    with Workbench.open(full_home) as wb:
        in_pandas = wb.candles("UNI/USD", 60, **how)
        expected = by_way_of_arrow(wb.candles("UNI/USD", 60, **how, to="polars"))
        nothing = wb.candles("UNI/USD", 60, "1999-01-01", "1999-01-02", **how)
    pd.testing.assert_frame_equal(in_pandas, expected)
    assert list(nothing.dtypes) == list(in_pandas.dtypes)
    assert nothing.index.dtype == in_pandas.index.dtype
    in_pandas.loc[in_pandas.index[0], "close"] = 1.0  # it is the caller's own
    assert in_pandas["close"].iloc[0] == 1.0


def by_way_of_arrow(candles: pl.DataFrame) -> pd.DataFrame:
    found: pd.DataFrame = candles.to_arrow().to_pandas()
    return found.astype({"trades": "Int32"}).set_index("time")


@pytest.mark.parametrize("column", ["close", "trades"])
def test_pivoted_they_are_time_by_pair_in_the_order_given(full_home: Path, column: str) -> None:
    named = [*PAIRS, "BNT/USDT"]  # of which nothing is stored
    with Workbench.open(full_home) as wb:
        wide = wb.candles(named, 60, *WINDOW, pivot=column)
        alone = {pair: wb.candles(pair, 60, *WINDOW)[column] for pair in named}
        in_polars = wb.candles(named, 60, *WINDOW, pivot=column, to="polars")
        empty = wb.candles(named, 60, "1999-01-01", "1999-01-02", pivot=column)
    assert list(wide.columns) == in_polars.columns[1:] == list(empty.columns) == named
    assert wide.index.is_monotonic_increasing
    assert wide.index.equals(pd.Index(sorted(set().union(*(found.index for found in alone.values())))))
    for pair, found in alone.items():
        pd.testing.assert_series_equal(wide[pair].dropna(), found, check_names=False, check_freq=False)


def test_every_pair_has_to_be_complete_and_the_refusal_lists_all_ranges(full_home: Path) -> None:
    with Workbench.open(full_home) as wb:
        with pytest.raises(IncompleteError) as one:
            wb.candles("BTC/EUR", 60, FIRST_DAY, PRESENT, require_complete=True)
        with pytest.raises(IncompleteError) as two:
            wb.candles("UNI/USD", 60, FIRST_DAY, PRESENT, require_complete=True)
        with pytest.raises(IncompleteError, match=r"^2 of 2 pairs are not complete") as both:
            wb.candles(["BTC/EUR", "UNI/USD"], 60, FIRST_DAY, PRESENT, require_complete=True)
        with pytest.raises(IncompleteError):
            wb.scan(["BTC/EUR"], 60, FIRST_DAY, PRESENT, require_complete=True)
    assert both.value.gaps == one.value.gaps + two.value.gaps


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"pair": "BTC/USD", "pairs": ["BTC/USD"]}, "name one pair"),
        ({}, "name one pair"),
        ({"pairs": []}, "name pairs as a list"),
        ({"pairs": "BTC/USD"}, "pairs is .*it takes a list of pairs"),
        ({"pairs": PAIRS, "interval": None}, "name an interval"),
        ({"pairs": PAIRS, "pivot": "source"}, "pivot is 'source'"),
        ({"pairs": PAIRS, "certificate": "some.json"}, "one pair at a time"),
        ({"pairs": PAIRS, "partial": True}, "partial is for resampled"),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason(full_home: Path, wrong: dict[str, Any], message: str) -> None:
    with Workbench.open(full_home) as wb, pytest.raises(UsageError, match=message):
        wb.candles(**{"interval": 60, **wrong})


def test_a_pair_that_is_named_twice_is_read_once(full_home: Path) -> None:
    with Workbench.open(full_home) as wb:
        found = wb.candles(["XBT/USD", "BTC/USD", Pair("BTC", "USD")], 1440, to="polars")
        assert_frame_equal(found.drop("pair"), wb.candles("BTC/USD", 1440, to="polars"))
        assert found["pair"].unique().to_list() == ["BTC/USD"]


@pytest.mark.parametrize("how", [{}, {"version": 1}, {"as_known_at": 0}], ids=str)
def test_a_scan_has_the_same_candles_once_it_is_collected(full_home: Path, how: dict[str, Any]) -> None:
    with Workbench.open(full_home) as wb:
        if "as_known_at" in how:
            how = {"as_known_at": wb.clock.now()}
        lazy = wb.scan(PAIRS, 60, *WINDOW, **how)
        expected = wb.candles(PAIRS, 60, *WINDOW, **how, to="polars")
    assert isinstance(lazy, pl.LazyFrame)
    assert_frame_equal(lazy.drop("interval_minutes").sort("pair", "time").collect(), expected)


def test_a_scan_of_everything_counts_what_sql_counts(full_home: Path) -> None:
    with Workbench.open(full_home) as wb:
        counted = wb.scan().group_by("pair", "interval_minutes").len().sort("pair", "interval_minutes").collect()
        expected = wb.sql(
            "select pair, interval_minutes, count(*) as n from candles group by all order by all", to="polars"
        )
    assert counted.rows() == expected.rows()


def test_filters_after_a_scan_reach_the_files(full_home: Path) -> None:
    with Workbench.open(full_home) as wb:
        plan = wb.scan("BTC/USD", 60).filter(pl.col("close") > 1).select("time", "close").explain()
    assert plan.count("Parquet SCAN") == 1
    [selection] = [line for line in plan.splitlines() if "SELECTION" in line]
    assert 'col("close")' in selection


def test_completeness_of_a_scan_needs_pairs_and_an_interval(full_home: Path) -> None:
    with Workbench.open(full_home) as wb, pytest.raises(UsageError, match="name them"):
        wb.scan(require_complete=True)


def test_what_another_process_changes_is_seen_by_the_next_read(full_home: Path, tmp_path: Path) -> None:
    """What is known is remembered between reads only for as long as nobody changes it."""
    home = tmp_path / "home"
    shutil.copytree(full_home, home)
    with Workbench.open(home) as reader, Workbench.open(home) as writer:
        day = ("BTC/USD", 1440, "2024-03-28", "2024-03-30")
        assert len(reader.candles(*day, require_complete=True)) == 2
        writer.ledger.replace_coverage({Series(Pair("BTC", "USD"), 1440): []})
        with pytest.raises(IncompleteError):
            reader.candles(*day, require_complete=True)
