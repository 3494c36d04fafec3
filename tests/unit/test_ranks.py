"""Which of two candles wins a slot (rule 6): trades > csv > ohlc; newer before older; derived as its worst input."""

from __future__ import annotations

from functools import reduce
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.archives import rank_in
from kraken_core.domain.candles import (
    Source,
    Vintage,
    derived_rank,
    from_api,
    provisional,
    rank_of,
)

DAY_S = 86_400
DAYS = st.integers(1, 30_000).map(lambda day: day * DAY_S)
VINTAGES = st.builds(Vintage, st.none() | DAYS, st.none() | DAYS, st.booleans())
HASHES = st.binary(min_size=32, max_size=32).map(bytes.hex)
SOURCES = st.sampled_from([Source.OHLC, Source.CSV, Source.TRADES])
OBSERVED = st.tuples(SOURCES, VINTAGES, HASHES)


def in_words(source: Source, vintage: Vintage, content_hash: str) -> tuple[int, int, int, bool, int]:
    """What is compared, in the order in which it is: the same as a rank, said another way."""
    return (
        ["ohlc", "csv", "trades"].index(source),
        vintage.newest or 0,
        vintage.made or 0,
        vintage.stated,
        int(content_hash[:7], 16) % (1 << 27) | 1,
    )


@given(OBSERVED, OBSERVED)
def test_source_then_newest_row_then_making_then_statement_then_hash_decide(
    left: tuple[Source, Vintage, str], right: tuple[Source, Vintage, str]
) -> None:
    assert (rank_of(*left) < rank_of(*right)) == (in_words(*left) < in_words(*right))
    assert (rank_of(*left) == rank_of(*right)) == (in_words(*left) == in_words(*right))


def test_ranks_rise_from_ohlc_over_ever_newer_archives_to_trades() -> None:
    rising = [
        rank_of(Source.OHLC),
        rank_of(Source.CSV),
        rank_of(Source.CSV, Vintage(made=50 * DAY_S)),
        rank_of(Source.CSV, Vintage(10 * DAY_S)),
        rank_of(Source.CSV, Vintage(10 * DAY_S, 20 * DAY_S)),
        rank_of(Source.CSV, Vintage(10 * DAY_S, 21 * DAY_S)),
        rank_of(Source.CSV, Vintage(11 * DAY_S)),
        rank_of(Source.CSV, Vintage(11 * DAY_S), "f" * 64),
        rank_of(Source.TRADES),
    ]
    assert all(lower < higher for lower, higher in pairwise(rising))


@given(OBSERVED, OBSERVED)
def test_a_provisional_candle_ranks_below_every_source(
    edge: tuple[Source, Vintage, str], other: tuple[Source, Vintage, str]
) -> None:
    assert 0 <= provisional(rank_of(*edge)) < derived_rank(rank_of(*other))


@given(OBSERVED, OBSERVED)
def test_a_provisional_candle_still_yields_to_a_better_provisional_one(
    left: tuple[Source, Vintage, str], right: tuple[Source, Vintage, str]
) -> None:
    assert (provisional(rank_of(*left)) < provisional(rank_of(*right))) == (rank_of(*left) < rank_of(*right))


@given(OBSERVED, OBSERVED)
def test_a_derived_candle_loses_ties_and_nothing_else(
    origin: tuple[Source, Vintage, str], other: tuple[Source, Vintage, str]
) -> None:
    derived, rival = derived_rank(rank_of(*origin)), rank_of(*other)
    assert (derived < rival) == (in_words(*origin)[:4] <= in_words(*other)[:4])


@given(OBSERVED)
def test_deriving_again_loses_no_more(origin: tuple[Source, Vintage, str]) -> None:
    once = derived_rank(rank_of(*origin))
    assert derived_rank(once) == once


@given(OBSERVED)
def test_a_rank_is_a_non_negative_int64_that_remembers_where_its_candle_came_from(
    origin: tuple[Source, Vintage, str],
) -> None:
    for rank in (rank_of(*origin), derived_rank(rank_of(*origin)), provisional(rank_of(*origin))):
        assert 0 <= rank < 1 << 63
        source, vintage, _ = origin
        assert from_api(rank) == (source is Source.OHLC or (source is Source.TRADES and not vintage.newest))


@pytest.mark.parametrize("newest", [-700_000 * DAY_S, -1, 0, 65_535 * DAY_S, 900_000 * DAY_S])
def test_a_vintage_of_an_absurd_year_keeps_its_source_class(newest: int) -> None:
    assert rank_of(Source.OHLC) < rank_of(Source.CSV, Vintage(newest)) < rank_of(Source.TRADES)


@given(st.lists(OBSERVED, min_size=1, max_size=6), st.data())
def test_the_winner_of_a_slot_does_not_depend_on_the_order_of_arrival(
    observed: list[tuple[Source, Vintage, str]], data: st.DataObject
) -> None:
    ranks = [rank_of(*each) for each in observed]
    arrivals = data.draw(st.permutations(ranks))
    assert reduce(max, arrivals) == max(ranks)


def test_trades_of_an_archive_are_told_from_those_of_the_api_whatever_it_states() -> None:
    assert from_api(rank_of(Source.TRADES))
    for vintage in (Vintage(), Vintage(None, 20_000 * 86_400), Vintage(20_000 * 86_400)):
        rank = rank_in(vintage, Source.TRADES, "abc1234")
        assert not from_api(rank)
        assert not from_api(derived_rank(rank))
        assert rank > rank_in(Vintage(30_000 * 86_400, 30_000 * 86_400), Source.CSV, "abc1234")
