"""Ranks as steps give what a rank a slot would give, whatever is set in whatever order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.market import Pair, Series
from kraken_core.stores.questdb.ranks import RankRun, RankSteps, Step

BTC, ETH = (Series(Pair(base, "USD"), 1) for base in ("BTC", "ETH"))
SLOTS = range(12)


@st.composite
def runs(draw: st.DrawFn) -> RankRun:
    start, end = sorted(draw(st.sets(st.sampled_from(SLOTS), min_size=2, max_size=2)))
    return RankRun(draw(st.sampled_from([BTC, ETH])), start, end, draw(st.integers(1, 3)))


@given(commits=st.lists(st.lists(runs(), max_size=4), max_size=5))
def test_the_last_rank_set_is_that_of_a_slot(commits: list[list[RankRun]]) -> None:
    steps, stored = RankSteps(), dict[tuple[Series, int], int | None]()
    expected: dict[tuple[Series, int], int] = {}
    for commit in commits:
        for step in steps.set(commit):
            stored[step.series, step.start] = step.rank
        for series, start, end, rank in commit:
            expected |= {(series, slot): rank for slot in range(start, end)}
        again = RankSteps(Step(series, start, rank) for (series, start), rank in stored.items())
        for series in (BTC, ETH):
            for slot in SLOTS:
                assert steps.rank_at(series, slot) == expected.get((series, slot))
                assert again.rank_at(series, slot) == expected.get((series, slot))


def test_what_is_set_again_changes_nothing() -> None:
    steps = RankSteps()
    assert len(steps.set([RankRun(BTC, 2, 5, 7)])) == 2
    assert steps.set([RankRun(BTC, 2, 5, 7), RankRun(BTC, 3, 4, 7)]) == []


def test_a_run_that_goes_on_where_another_ended_costs_two_steps() -> None:
    steps = RankSteps()
    steps.set([RankRun(BTC, 2, 5, 7)])
    assert steps.set([RankRun(BTC, 5, 9, 7)]) == [Step(BTC, 9, None), Step(BTC, 5, 7)]
