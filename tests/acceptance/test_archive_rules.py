"""Domain rules 4, 6 and 7 on whole jobs: one small market and a few releases for each case that matters."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.timerange import TimeRange
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import DAY_S, Release, ReleaseLayout
from tests.acceptance.judging import assert_true_in_any_order
from tests.support.strategies import FIRST_DAY, START

BTC, ADA = Pair("BTC", "USD"), Pair("ADA", "USD")
DAYS = [START + day * DAY_S for day in range(7)]


@pytest.fixture(scope="module")
def market() -> SimulatedMarket:
    """BTC/USD trades for six days; ADA/USD for the first two of them, and again on the last."""
    lives = (TimeRange(DAYS[0], DAYS[2]), TimeRange(DAYS[5], DAYS[6]))
    return SimulatedMarket.make(
        5, [Listing(BTC, 0.1, 97_000, 1, 0.05), Listing(ADA, 0.05, 0.45, 6, 400, lives=lives)], DAYS[0], DAYS[6]
    )


def stated(name: str, first: int, end: int, *, generated: int = 20, **details: object) -> Release:
    """A release with a manifest for whole days, generated so many days after the market began."""
    day = FIRST_DAY + timedelta(days=generated)
    return Release(f"{name}.zip", DAYS[first], DAYS[end], manifest=True, generated=day, **details)  # type: ignore[arg-type]


def orders(made: Sequence[Release]) -> list[list[int]]:
    """There and back: each release comes before and after each other."""
    there = list(range(len(made)))
    return [there, there[::-1]]


def test_a_pair_absent_from_a_complete_archive_was_silent_whichever_of_the_two_is_known_first(
    market: SimulatedMarket,
) -> None:
    made = [stated("early", 0, 2), stated("quiet", 2, 5), stated("late", 5, 6)]
    for order in orders(made):
        oracle = assert_true_in_any_order(market, made, order)
        assert DAYS[3] in oracle.covered(ADA)[60], "the case is not the one meant"


def test_a_pair_absent_from_an_archive_that_lost_a_file_is_missing(market: SimulatedMarket) -> None:
    made = [stated("early", 0, 2), stated("quiet", 2, 5, lost=[Series(BTC, 60)])]
    oracle = assert_true_in_any_order(market, made, [1, 0])
    assert DAYS[3] not in oracle.covered(ADA)[60]


def test_an_interval_an_archive_lacks_is_derived_from_the_finer_ones(market: SimulatedMarket) -> None:
    made = [stated("no_thirty", 0, 6, intervals=tuple(i for i in INTERVALS if i != 30))]
    oracle = assert_true_in_any_order(market, made, [0])
    assert len(oracle.covered(BTC)[30]) == 6 * 48 - 1, "no file shows what was traded in the archive's last minute"


def test_an_interval_finer_than_all_an_archive_holds_is_missing(market: SimulatedMarket) -> None:
    made = [stated("coarse", 0, 6, intervals=(60, 1440))]
    oracle = assert_true_in_any_order(market, made, [0])
    assert not oracle.covered(BTC)[30]


def test_an_unfinished_last_candle_gives_way_to_the_one_derived_from_finer_candles(market: SimulatedMarket) -> None:
    edge = {Series(BTC, interval): 3600 for interval in (240, 720, 1440)}
    assert_true_in_any_order(market, [stated("edge", 0, 4, edge=edge), stated("next", 4, 6)], [1, 0])


def test_the_newer_vintage_wins_every_slot_in_any_order(market: SimulatedMarket) -> None:
    made = [
        stated("wrong", 0, 4, generated=30, volume_error=0.002),
        stated("right", 0, 6, generated=40),
        stated("worse", 1, 3, generated=50, volume_error=0.002),
    ]
    for order in orders(made):
        assert_true_in_any_order(market, made, [*order, order[0]])


@pytest.mark.soak
def test_a_coarse_candle_of_an_older_vintage_gives_way_to_one_derived_from_newer_fine_ones(
    market: SimulatedMarket,
) -> None:
    made = [
        stated("old", 0, 3, intervals=(60, 1440), volume_error=0.002),
        stated("new", 0, 5, intervals=(1, 60), generated=30),
    ]
    for order in orders(made):
        assert_true_in_any_order(market, made, order)


@pytest.mark.soak
def test_bytes_that_two_archives_share_are_as_settled_as_either_makes_them_in_any_order(
    market: SimulatedMarket,
) -> None:
    """The archive that states nothing may be the newer vintage, and leaves its last rows provisional all the same."""
    made = [
        stated("dated", 0, 4, generated=10, intervals=(5, 60)),
        Release("undated.zip", DAYS[0], DAYS[4], ReleaseLayout.FOLDER, intervals=(5, 60)),
    ]
    for order in orders(made):
        oracle = assert_true_in_any_order(market, made, order)
        assert max(oracle.covered(BTC)[5]) >= DAYS[4] - 600, "the case is not the one meant"


def test_a_derived_candle_ranks_as_its_slot_is_known_whatever_came_before(market: SimulatedMarket) -> None:
    """A newer archive has all that traded in an hour, but begins inside it: the minutes rise, and the hour does not."""
    made = [
        stated("whole", 0, 4, generated=10, intervals=(1, 5)),
        Release("part.zip", DAYS[1], DAYS[3], ReleaseLayout.FOLDER, intervals=(1,)),
    ]
    for order in orders(made):
        assert_true_in_any_order(market, made, order)
