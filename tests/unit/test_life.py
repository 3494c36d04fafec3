"""The life of a pair (rule 2)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.life import Life, assumed_listing, instants, lived, relisted
from kraken_core.domain.market import INTERVALS
from kraken_core.domain.timerange import END_OF_TIME, TimeRanges, floor

DAY_S = 86_400
START = 1_704_067_200  # 2024-01-01
LISTED = START + 10 * 3600 + 17 * 60 + 5
SOME_LIVES = st.lists(
    st.tuples(st.integers(0, 400_000), st.integers(1, 100_000)).map(lambda life: Life(life[0], sum(life))), max_size=4
)


def test_a_pair_that_still_trades_lives_on() -> None:
    assert instants([Life(LISTED)]) == TimeRanges.single(LISTED, END_OF_TIME)


def test_a_pair_may_be_listed_again_after_its_delisting() -> None:
    lives = [Life(LISTED, LISTED + DAY_S), Life(LISTED + 9 * DAY_S)]
    assert len(instants(lives)) == 2
    assert LISTED + 5 * DAY_S not in instants(lives)


def test_a_pair_that_is_listed_lives_on_since_its_last_life_ended() -> None:
    open_life, ended = Life(LISTED, assumed=False), Life(LISTED, LISTED + DAY_S, assumed=False)
    assert relisted([open_life]) == (open_life,)
    assert relisted([ended]) == (ended, Life(LISTED + DAY_S, assumed=True))


def test_a_list_that_lacks_a_pair_now_and_then_adds_no_life_each_time() -> None:
    lives = relisted([Life(LISTED, LISTED + DAY_S, assumed=False)])
    once_more = (*lives[:-1], lives[-1]._replace(end=LISTED + 3 * DAY_S))
    assert relisted(once_more) == lives
    assert relisted([Life(LISTED, LISTED, assumed=False)]) == (Life(LISTED, assumed=True),)


def test_a_pair_without_a_life_never_lived() -> None:
    assert instants([]) == lived([], 60) == TimeRanges()


@given(SOME_LIVES, st.sampled_from(INTERVALS))
def test_every_slot_that_holds_an_instant_of_life_was_lived(lives: list[Life], interval: int) -> None:
    """The slot of the listing and that of the last trade too; slots wholly outside are not."""
    width = interval * 60
    expected = [
        (slot, slot + width)
        for slot in range(0, 600_000, width)
        if any(life.start < slot + width and slot < (life.end or 0) for life in lives)
    ]
    assert lived(lives, width) == TimeRanges.of(expected)


@given(st.integers(0, 3 * DAY_S - 1), st.sets(st.sampled_from(INTERVALS), min_size=1))
def test_the_listing_is_assumed_in_the_finest_first_candle(trade: int, intervals: set[int]) -> None:
    """When every file begins with the first trade, that trade's slot of the finest interval is known."""
    first = START + trade
    firsts = {interval: floor(first, interval * 60) for interval in intervals}
    assert assumed_listing(firsts) == floor(first, min(intervals) * 60)


def test_a_finer_file_that_begins_later_does_not_move_the_listing() -> None:
    assert assumed_listing({1440: START, 60: START + 40 * DAY_S}) == START


def test_a_finer_file_narrows_the_listing_only_inside_the_coarse_slot() -> None:
    assert assumed_listing({1440: START, 60: START + 7 * 3600, 1: START + 9 * 3600}) == START + 7 * 3600
    assert assumed_listing({1440: START, 60: START + DAY_S}) == START


def test_an_earlier_finer_candle_is_the_listing_whatever_coarser_files_lack() -> None:
    assert assumed_listing({1440: START + 5 * DAY_S, 1: START + 60}) == START + 60


def test_nothing_is_assumed_of_a_pair_without_candles() -> None:
    assert assumed_listing({}) is None


@pytest.mark.parametrize("interval", INTERVALS)
def test_what_is_wanted_begins_with_the_slot_that_holds_the_listing(interval: int) -> None:
    width = interval * 60
    assert lived([Life(LISTED)], width).hull.start == LISTED // width * width


def test_a_series_that_lost_its_first_rows_does_not_make_the_listing_later_than_a_candle() -> None:
    ten, minute = 36_000, 60
    firsts = {1440: 0, 15: ten, 5: ten + 10 * minute, 1: ten + 3 * minute}
    assert assumed_listing(firsts) == ten + 3 * minute
