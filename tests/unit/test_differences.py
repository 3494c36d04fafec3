"""When two candles of a slot differ, which of them takes it, and how differences are summed up (rules 6 and 13)."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.candles import (
    KEY,
    VALUES,
    Source,
    Vintage,
    altered,
    answered,
    derived_rank,
    from_api,
    has_content,
    prevails,
    provisional,
    rank_of,
    source_of,
    without_answer,
)
from kraken_core.domain.differences import Difference, Origin, differs, disagreements, sizes
from kraken_core.domain.market import Pair, Series
from tests.support.candle_frames import Row, frame

HOURS = Series(Pair("BTC", "USD"), 60)
DAYS = Series(Pair("BTC", "USD"), 1440)
DAY_S = 86_400


def met(stored: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    return new.join(stored, on=KEY, suffix="_stored")


def with_rank(rank: int, value: float = 1.0) -> pl.DataFrame:
    return frame([Row(HOURS, 1, value, rank)])


def as_of(instant: int, rank: int) -> int:
    return int(with_rank(rank).with_columns(rank=answered(instant))["rank"].item())


def new_one_prevails(stored: pl.DataFrame, new: pl.DataFrame) -> bool:
    return bool(met(stored, new).select(prevails()).item())


# ------------------------------------------------------------------------------------------------------- what differs


@pytest.mark.parametrize("changed", VALUES)
def test_a_candle_differs_where_any_of_its_values_does(changed: str) -> None:
    stored = frame([Row(HOURS, 1, 3.0), Row(HOURS, 2, 3.0)])
    second = pl.col("time") == stored["time"][1]
    new = stored.with_columns(pl.when(second).then(pl.col(changed) + 1).otherwise(changed).alias(changed))
    assert met(stored, new).select(differs()).to_series().to_list() == [False, True]


def test_a_count_of_trades_that_only_one_source_has_is_no_disagreement_and_replaces_none() -> None:
    known = frame([Row(HOURS, 1)])
    unknown = known.with_columns(trades=pl.lit(None, pl.Int32))
    for one, other in ((unknown, known), (known, unknown)):
        assert not met(one, other).select(differs()).item()
        assert met(one, other).select(sizes()[1]).item() == 0.0
        assert met(one, other).select(altered()).item(), "what is stored is another candle all the same"
    assert not met(unknown, unknown).select(differs()).item()


@pytest.mark.parametrize(
    ("volume", "other", "expected"),
    [
        (1.0, 1.0 + 0.9e-8, False),
        (1.0, 1.0 + 1.2e-8, True),
        (0.0, 0.9e-8, False),
        (1e-9, 3e-8, True),
        (3529536.458628, 3529536.4586280505, False),
        (1e6, 1e6 + 0.009, False),
        (1e6, 1e6 + 0.011, True),
    ],
)
def test_a_volume_differs_beyond_what_adding_up_costs_and_either_way_round(
    *, volume: float, other: float, expected: bool
) -> None:
    one, two = (frame([Row(HOURS, 1)]).with_columns(volume=pl.lit(v)) for v in (volume, other))
    assert [met(*both).select(differs()).item() for both in ((one, two), (two, one))] == [expected, expected]
    assert met(one, two).select(altered()).item(), "which is another question"


def test_differences_are_measured_against_the_larger_value() -> None:
    stored = frame([Row(HOURS, 1, 100.0)])
    new = stored.with_columns(high=pl.lit(200.0), volume=pl.lit(75.0), trades=pl.lit(99, pl.Int32))
    assert met(stored, new).select(sizes()).row(0) == (0.25, 0.01, 0.5)


# ------------------------------------------------------------------------------------------- later answers of the API


@pytest.mark.parametrize("source", [Source.OHLC, Source.TRADES])
@given(first=st.integers(0, 4 * 10**9), second=st.integers(0, 4 * 10**9))
def test_of_two_answers_of_a_kind_that_differ_the_one_of_the_later_hour_wins_whichever_comes_first(
    source: Source, first: int, second: int
) -> None:
    rank = rank_of(source)
    one, two = with_rank(as_of(first, rank), 1.0), with_rank(as_of(second, rank), 2.0)
    hours = max(1, first // 3600), max(1, second // 3600)
    assert new_one_prevails(one, two) == (hours[1] >= hours[0])
    assert new_one_prevails(two, one) == (hours[0] >= hours[1])


def test_within_an_hour_the_answer_that_comes_later_wins() -> None:
    rank = as_of(50 * DAY_S, rank_of(Source.OHLC))
    assert new_one_prevails(with_rank(rank, 1.0), with_rank(rank, 2.0))


def test_an_answer_that_repeats_a_candle_leaves_it_where_it_is() -> None:
    earlier, later = (as_of(day * DAY_S, rank_of(Source.OHLC)) for day in (50, 51))
    assert not new_one_prevails(with_rank(earlier), with_rank(later))


def test_a_settled_answer_takes_the_slot_of_a_provisional_one_that_is_equal() -> None:
    rank = as_of(50 * DAY_S, rank_of(Source.OHLC))
    assert new_one_prevails(with_rank(provisional(rank)), with_rank(rank))
    assert not new_one_prevails(with_rank(rank), with_rank(provisional(rank), 2.0))


def test_any_answer_that_differs_wins_over_one_of_a_table_written_before_answers_had_hours() -> None:
    before = with_rank(rank_of(Source.OHLC), 1.0)
    assert new_one_prevails(before, with_rank(as_of(50 * DAY_S, rank_of(Source.OHLC)), 2.0))


def test_an_answer_wins_over_what_was_derived_from_answers_and_not_the_other_way_round() -> None:
    answer = as_of(50 * DAY_S, rank_of(Source.OHLC))
    assert new_one_prevails(with_rank(derived_rank(answer)), with_rank(answer))
    assert not new_one_prevails(with_rank(answer), with_rank(derived_rank(answer), 2.0))


RANKS = st.builds(
    rank_of,
    st.sampled_from([Source.OHLC, Source.CSV, Source.TRADES]),
    st.builds(Vintage, st.none() | st.just(20_000 * DAY_S), st.none() | st.just(20_001 * DAY_S)),
    st.binary(min_size=32, max_size=32).map(bytes.hex),
)


@given(rank=RANKS, other=RANKS)
def test_files_go_by_their_ranks_alone(rank: int, other: int) -> None:
    if not from_api(rank) or not from_api(other):
        assert new_one_prevails(with_rank(other, 1.0), with_rank(rank, 2.0)) == (rank > other)


@given(rank=RANKS, hour=st.integers(1, 10**6))
def test_the_hour_of_an_answer_changes_neither_its_kind_nor_what_is_claimed_by_it(rank: int, hour: int) -> None:
    for each in (rank, provisional(rank)):
        answer = as_of(hour * 3600, each)
        assert derived_rank(answer) == derived_rank(each), "so that claims of many answers are of one rank"
        assert from_api(answer) == from_api(each)
        alike = with_rank(answer).select(without_answer()).item()
        assert alike == (derived_rank(each) | 1 if from_api(each) else answer)


# ------------------------------------------------------------------------------------------------ what ranks remember


@given(source=st.sampled_from([Source.OHLC, Source.CSV, Source.TRADES]), content=st.binary(min_size=32, max_size=32))
def test_a_rank_remembers_its_source_and_its_file(source: Source, content: bytes) -> None:
    rank = rank_of(source, Vintage(20_000 * DAY_S), content.hex())
    for each in (rank, provisional(rank)):
        assert source_of(each) is source
        assert has_content(each, content.hex())
    assert source_of(derived_rank(rank)) is Source.DERIVED
    assert not has_content(derived_rank(rank), content.hex())
    assert source_of(0) is None


# ---------------------------------------------------------------------------------------------------------- summed up


def test_differences_are_summed_up_by_the_archives_that_they_are_between() -> None:
    new, old = "/archives/Kraken_OHLCVT_2023Q2.zip", "/archives/master_q4"
    found = [
        Difference(HOURS, 0, 3600, 1, Origin(Source.CSV, "a", old), Origin(Source.CSV, "b", new), volume=0.001),
        Difference(DAYS, 0, 90 * DAY_S, 90, Origin(Source.CSV, "c", old), Origin(Source.CSV, "d", new), volume=0.0025),
        Difference(HOURS, 0, 3600, 1, Origin(Source.CSV, "a", old), Origin(Source.OHLC), 0.0, 0.01, 1e-9),
        Difference(HOURS, 7200, 10800, 1, Origin(Source.OHLC), Origin(Source.OHLC), 0.5),
    ]
    assert [each.description for each in disagreements(found)] == [
        (
            "91 slots of 2 series differ between master_q4 and Kraken_OHLCVT_2023Q2.zip; master_q4 is in force "
            "(volume by up to 0.25 %)"
        ),
        (
            "1 slot of 1 series differs between master_q4 and the exchange's OHLC answers; master_q4 is in force "
            "(prices by up to 0.0000001 %, trade counts by up to 1 %)"
        ),
        (
            "1 slot of 1 series differs between two of the exchange's OHLC answers; the later one is in force "
            "(volume by up to 50 %)"
        ),
    ]


def test_archives_of_one_name_are_told_apart_by_where_they_lie() -> None:
    kept, other = (Origin(Source.CSV, content, f"/{content}/Kraken_OHLCVT.zip") for content in "ab")
    [apart] = disagreements([Difference(HOURS, 0, 7200, 2, kept, other, trades=0.5)])
    assert (
        "between /a/Kraken_OHLCVT.zip and /b/Kraken_OHLCVT.zip; /a/Kraken_OHLCVT.zip is in force" in apart.description
    )
    [replaced] = disagreements([Difference(HOURS, 0, 7200, 2, kept, kept._replace(evidence="b"), trades=0.5)])
    assert "between two versions of Kraken_OHLCVT.zip; the one that ranks higher is in force" in replaced.description
