"""How candles aggregate (rule 7), and which of their differences are revisions (rule 6)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from kraken_core.domain.candles import (
    PRICES,
    SCHEMA,
    TIME,
    VALUES,
    Source,
    Vintage,
    aggregate,
    derived_rank,
    rank_of,
)
from kraken_core.domain.market import INTERVALS
from kraken_core.domain.ohlcvt import parse_any

DAY_S = 86_400
START = 1_704_067_200  # 2024-01-01
EDGE_INSIDE = date(2024, 3, 31)  # XBTUSD lacks this day's last slots at 720 and 1440 minutes
DUMP = Path(__file__).parents[2] / "../shared/data/dump"


# Rule 7: derived from finer ones


def candles(volumes: Sequence[float], interval: int, trades: Sequence[int | None] | None = None) -> pl.DataFrame:
    """Candles slot after slot from START; prices rise and fall with their place."""
    count = len(volumes)
    return pl.DataFrame(
        {
            "pair": ["BTC/USD"] * count,
            "interval_minutes": [interval] * count,
            "time": [(START + n * interval * 60) * 1_000_000 for n in range(count)],
            "open": [100.0 + n for n in range(count)],
            "high": [200.0 + n * 7 % 5 for n in range(count)],
            "low": [50.0 - n * 7 % 5 for n in range(count)],
            "close": [101.0 + n for n in range(count)],
            "volume": list(volumes),
            "trades": [1] * count if trades is None else list(trades),
            "source": ["csv"] * count,
            "rank": [rank_of(Source.CSV, Vintage((100 - n) * DAY_S), "abcdef0") for n in range(count)],
        },
        schema={**SCHEMA, "time": pl.Int64},
    ).cast({"time": TIME})


def test_open_is_the_first_high_the_highest_low_the_lowest_close_the_last() -> None:
    fine = candles([1.0, 2.0, 3.0, 4.0], 15, [5, 6, 7, 8])
    (row,) = aggregate(fine, 60).to_dicts()
    assert [row[name] for name in VALUES] == [100.0, 204.0, 46.0, 104.0, 10.0, 26]
    assert row["pair"] == "BTC/USD"
    assert row["interval_minutes"] == 60
    assert row["time"].timestamp() == START
    assert row["source"] == "derived"


def test_a_derived_candle_ranks_as_its_worst_input_and_loses_the_tie() -> None:
    fine = candles([1.0, 2.0, 3.0], 15)
    assert aggregate(fine, 60)["rank"].to_list() == [derived_rank(rank_of(Source.CSV, Vintage(98 * DAY_S)))]


def test_the_order_of_the_rows_makes_no_difference() -> None:
    fine = candles([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8], 15)
    assert_frame_equal(aggregate(fine.reverse(), 60), aggregate(fine, 60))


def test_pairs_are_never_mixed() -> None:
    dollars = candles([1.0, 2.0], 30)
    euros = candles([10.0], 30).with_columns(pair=pl.lit("BTC/EUR"))
    both = aggregate(pl.concat([dollars, euros]), 60)
    assert both.select("pair", "volume").rows() == [("BTC/EUR", 10.0), ("BTC/USD", 3.0)]


def test_an_unknown_count_of_trades_stays_unknown() -> None:
    fine = candles([1.0] * 8, 15, [1, None, 2, 3, 4, 5, 6, 7])
    assert aggregate(fine, 60)["trades"].to_list() == [None, 22]


def test_slots_in_which_nothing_traded_are_not_made_up() -> None:
    """Rule 8, and the forward fill that turns holes into candles of volume 0."""
    fine = candles([1.0] * 12, 60)[[0, 9]]
    assert aggregate(fine, 240)["time"].dt.epoch("s").to_list() == [START, START + 8 * 3600]


def test_nothing_aggregates_to_nothing() -> None:
    assert_frame_equal(aggregate(pl.DataFrame(schema=SCHEMA), 60), pl.DataFrame(schema=SCHEMA))


def test_slots_are_aligned_to_the_epoch_not_to_the_first_candle() -> None:
    late = candles([1.0] * 10, 60)[7:]
    assert aggregate(late, 240)["time"].dt.epoch("s").to_list() == [START + 4 * 3600, START + 8 * 3600]


def decimals(largest: int, places: int) -> st.SearchStrategy[list[float]]:
    """Volumes as a file gives them, with at most so many places; their sum has at most 15 digits."""
    one = st.integers(1, largest * 10**places).map(lambda units: float(Decimal(units).scaleb(-places)))
    return st.lists(one, min_size=1, max_size=24)


VOLUMES = st.one_of(
    decimals(400_000, 8),  # bitcoin to dogecoin
    decimals(400_000_000, 5),  # shiba inu, whose eight places would not fit a double
    decimals(40_000_000_000_000, 0),  # pepe: whole coins, trillions of them
)


@given(VOLUMES)
def test_volume_is_summed_exactly_as_decimals(volumes: list[float]) -> None:
    exact = sum(Decimal(repr(volume)) for volume in volumes)
    assert aggregate(candles(volumes, 60), 1440)["volume"].to_list() == [float(exact)]


def test_float_noise_in_a_volume_does_not_add_up() -> None:
    assert aggregate(candles([0.1 + 0.2, 3529536.4586280505], 30), 60)["volume"].to_list() == [3529536.75862805]


@given(VOLUMES)
def test_step_by_step_gives_the_same_bits_as_at_once(volumes: list[float]) -> None:
    fine = candles(volumes, 60)
    for path in ([240, 720, 1440], [240, 1440], [720, 1440]):
        coarse = fine
        for interval in path:
            coarse = aggregate(coarse, interval)
        assert_frame_equal(coarse, aggregate(fine, 1440), check_exact=True)


def dump(name: str, interval: int) -> pl.DataFrame:
    """A published file's candles, as the store holds them."""
    path = DUMP / f"{name}_{interval}.csv"
    if not path.exists():
        pytest.skip("no published candles here (../shared/data)")
    parsed = parse_any(path.read_bytes(), interval, now=2_000_000_000)
    assert not parsed.rejects
    return parsed.candles.select(
        pl.lit(name).alias("pair"),
        pl.lit(interval, pl.Int32).alias("interval_minutes"),
        (pl.col("time") * 1_000_000).cast(TIME),
        *VALUES,
        pl.lit("csv").alias("source"),
        pl.lit(rank_of(Source.CSV)).alias("rank"),
    )


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "fine", "coarse", "compared"),
    [
        ("XBTUSD", 60, 720, 6600),
        ("XBTUSD", 60, 1440, 3300),
        ("XBTUSD", 720, 1440, 4000),
        ("XBTCAD", 720, 1440, 3400),
    ],
)
def test_published_candles_aggregate_to_the_published_coarser_ones(
    name: str, fine: int, coarse: int, compared: int
) -> None:
    """But for the last day of either file and a known edge inside, which archives leave unfinished (domain 1.1)."""
    derived, published = aggregate(dump(name, fine), coarse), dump(name, coarse)
    last = min(derived["time"][-1], published["time"][-1]).replace(hour=0)
    known = pl.col("time").dt.date().is_in([EDGE_INSIDE]).not_() & (pl.col("time") < last)
    derived, expected = derived.filter(known), published.filter(known)
    assert derived.height > compared
    exact = ["time", *PRICES, "trades"]
    assert_frame_equal(derived.select(exact), expected.select(exact), check_exact=True)
    assert_frame_equal(
        derived.select("time", "volume"), expected.select("time", "volume"), rel_tol=1e-8, abs_tol=1e-8 * coarse / fine
    )


def test_coarser_intervals_are_whole_numbers_of_some_finer_one() -> None:
    """What aggregating bottom-up relies on."""
    assert all(any(coarse % fine == 0 for fine in INTERVALS if fine < coarse) for coarse in INTERVALS[1:])
