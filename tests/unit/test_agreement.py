"""Domain rule 13: which slots are held against which finer ones, and what that shows."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.candles import SCHEMA, Source, Vintage, aggregate, derived_rank, rank_of
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRanges
from kraken_core.domain.verification.agreement import Comparison, Verdict, compared, comparisons, contradicted
from tests.support.candle_frames import Row, frame

BTC, ETH = Pair("BTC", "USD"), Pair("ETH", "USD")
CSV, UNDATED, OHLC = rank_of(Source.CSV, Vintage(86_400, stated=True)), rank_of(Source.CSV), rank_of(Source.OHLC)
NOTHING = TimeRanges()


def slots(*ranges: tuple[int, int], interval: int = 1) -> TimeRanges:
    return TimeRanges.of((start * interval * 60, end * interval * 60) for start, end in ranges)


def minutes(*numbers: int, rank: int = CSV) -> pl.DataFrame:
    return frame([Row(Series(BTC, 1), number, value=number + 1, rank=rank) for number in numbers])


def verdicts(fine: pl.DataFrame, coarse: pl.DataFrame) -> list[str]:
    return compared(fine, coarse, (5, 1))["verdict"].to_list()


# ------------------------------------------------------------------------------------------------------ what to compare


def test_a_slot_is_held_against_the_coarsest_finer_interval_that_knows_all_of_it() -> None:
    day = slots((0, 1), interval=1440)
    half = slots((0, 12), interval=60)
    known = {1: day, 60: half, 720: day}
    assert comparisons(known, known, NOTHING) == [
        Comparison(60, 1, half),
        Comparison(720, 60, slots((0, 1), interval=720)),
        Comparison(720, 1, slots((1, 2), interval=720)),
    ]


def test_slots_that_no_finer_interval_knows_whole_are_held_against_nothing() -> None:
    known = {1: slots((0, 4), (5, 9)), 5: slots((0, 2), interval=5), 7: NOTHING}
    assert comparisons(known, known, NOTHING) == []


def test_an_interval_that_does_not_divide_another_tells_nothing_of_it() -> None:
    day = slots((0, 1), interval=1440)
    assert comparisons({240: day, 720: day}, {240: day, 720: day}, NOTHING) == [Comparison(720, 240, day)]
    assert comparisons({15: day}, {5: NOTHING, 15: day}, NOTHING) == []


def test_the_slot_of_the_listing_is_compared_though_finer_slots_before_it_are_known_to_nobody() -> None:
    known = {1: slots((3, 10)), 5: slots((0, 2), interval=5)}
    assert comparisons(known, known, slots((0, 3))) == [Comparison(5, 1, slots((0, 2), interval=5))]


def test_what_was_derived_is_held_against_its_origin_and_nothing_against_it() -> None:
    day = slots((0, 1), interval=1440)
    found = comparisons({5: day, 15: day, 30: day}, {5: day, 15: NOTHING, 30: day}, NOTHING)
    assert found == [Comparison(15, 5, day), Comparison(30, 5, day)]


# ------------------------------------------------------------------------------------------------------------- verdicts


@given(
    st.sets(st.integers(0, 120), min_size=1),
    st.sampled_from([5, 15, 60]),
    st.lists(st.floats(1e-8, 1e12), min_size=121, max_size=121),
)
def test_what_is_aggregated_agrees(traded: set[int], interval: int, volumes: Sequence[float]) -> None:
    fine = minutes(*traded).with_columns(volume=pl.Series([round(volumes[n], 8) for n in sorted(traded)]))
    found = compared(fine, aggregate(fine, interval), (interval, 1))
    assert set(found["verdict"]) == {"agrees"}
    assert found.height == len({number // interval for number in traded})


def test_in_one_release_the_side_with_fewer_trades_or_none_lacks_some() -> None:
    fine = minutes(0, 1, 2, 5, 6, 10)
    whole = aggregate(fine, 5)
    assert verdicts(minutes(0, 1), whole[:1]) == [Verdict.FINE_LACKS]
    assert verdicts(minutes(), whole[:1]) == [Verdict.FINE_SILENT]
    assert verdicts(fine, aggregate(minutes(0, 5, 6, 10), 5)) == ["differs", "agrees", "agrees"]
    assert verdicts(fine, whole[1:]) == ["coarse silent", "agrees", "agrees"]


@pytest.mark.parametrize(
    "other", [UNDATED, rank_of(Source.CSV, Vintage(2 * 86_400, stated=True)), OHLC, rank_of(Source.TRADES)]
)
@pytest.mark.parametrize("more", [-1, 1])
@pytest.mark.parametrize("what", ["trades", "volume"])
def test_counts_and_volumes_of_two_sources_or_vintages_may_differ_at_equal_prices(
    other: int, more: int, what: str
) -> None:
    fine = minutes(0, 1, 2)
    coarse = aggregate(fine, 5).with_columns(pl.col(what) + more, rank=pl.lit(derived_rank(other)))
    assert verdicts(fine, coarse) == [Verdict.OTHER_COUNTS]
    assert verdicts(fine, coarse.with_columns(pl.col("high") * 2)) == [Verdict.DIFFERS]
    assert verdicts(fine.with_columns(rank=pl.lit(other)), aggregate(fine, 5).with_columns(pl.col(what) + more)) == [
        Verdict.OTHER_COUNTS
    ]


def test_that_two_undated_archives_are_one_vintage_is_never_taken_for_granted() -> None:
    fine = minutes(0, 1, 2, rank=UNDATED)
    assert verdicts(fine, aggregate(fine, 5).with_columns(pl.col("trades") + 1)) == [Verdict.OTHER_COUNTS]


def test_finer_candles_of_several_releases_are_held_against_none_of_them() -> None:
    fine = pl.concat([minutes(0), minutes(1, rank=rank_of(Source.CSV, Vintage(2 * 86_400, stated=True)))])
    assert verdicts(fine, aggregate(fine, 5).with_columns(pl.col("trades") + 1)) == [Verdict.OTHER_COUNTS]


@pytest.mark.parametrize("column", ["open", "high", "low", "close", "volume"])
def test_other_values_of_as_many_trades_differ(column: str) -> None:
    fine = minutes(0, 1, 2)
    coarse = aggregate(fine, 5).with_columns(pl.col(column) * 1.0001)
    assert verdicts(fine, coarse) == [Verdict.DIFFERS]


@pytest.mark.parametrize(("off", "verdict"), [(4.9e-8, "agrees"), (5.1e-8, "differs")])
def test_volumes_may_differ_by_a_hundred_millionth_of_a_coin_for_each_finer_slot(off: float, verdict: str) -> None:
    fine = minutes(0)
    coarse = aggregate(fine, 5).with_columns(pl.col("volume") + off)
    assert verdicts(fine, coarse) == [verdict]


@pytest.mark.parametrize(("off", "verdict"), [(0.9e-8, "agrees"), (1.1e-8, "differs")])
def test_or_by_a_hundred_millionth_of_a_large_volume(off: float, verdict: str) -> None:
    fine = minutes(0).with_columns(volume=pl.lit(1e6))
    coarse = aggregate(fine, 5).with_columns(pl.col("volume") * (1 + off))
    assert verdicts(fine, coarse) == [verdict]


def test_a_count_that_is_unknown_agrees_with_any() -> None:
    fine = minutes(0, 1)
    unknown = pl.lit(None, pl.Int32).alias("trades")
    assert verdicts(fine, aggregate(fine, 5).with_columns(unknown)) == ["agrees"]
    assert verdicts(fine.with_columns(unknown), aggregate(fine, 5)) == ["agrees"]


def test_answers_of_one_endpoint_are_of_one_release() -> None:
    answer = minutes(0, 1, rank=OHLC)
    assert verdicts(answer, aggregate(answer, 5).with_columns(pl.col("volume") * 1.001)) == [Verdict.DIFFERS]


def test_pairs_are_told_apart() -> None:
    both = frame([Row(Series(pair, 1), 0) for pair in (BTC, ETH)])
    found = compared(both, aggregate(both, 5).filter(pl.col("pair") == "ETH/USD"), (5, 1))
    assert found.select("pair", "verdict").rows() == [("BTC/USD", "coarse silent"), ("ETH/USD", "agrees")]


def test_nothing_held_against_nothing_shows_nothing() -> None:
    assert compared(pl.DataFrame(schema=SCHEMA), pl.DataFrame(schema=SCHEMA), (5, 1)).is_empty()


# ------------------------------------------------------------------------------------------------------------- suspects


def test_the_silent_finer_slots_are_suspect_and_none_where_all_traded() -> None:
    traded = slots((0, 2), (3, 4), (5, 10))
    assert contradicted([0, 300], 300, slots((0, 20)), traded) == slots((2, 3), (4, 5))
    assert contradicted([300], 300, slots((0, 20)), traded) == NOTHING


def test_finer_slots_that_nobody_knows_are_not_suspect() -> None:
    assert contradicted([0], 300, slots((3, 20)), slots((3, 4))) == slots((4, 5))
