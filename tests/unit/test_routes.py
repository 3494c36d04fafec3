"""The cheapest set of requests: never dearer than what an exhaustive search finds, and never short of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, combinations
from math import ceil
from random import Random

from hypothesis import assume, given
from hypothesis import strategies as st

from kraken_core.domain.exchange import OHLC_INTERVALS
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.missing import Missing, Repair
from kraken_core.domain.repair_plan import RepairPlan, plan_repairs, within_budget
from kraken_core.domain.routes import Routes
from kraken_core.domain.sweep_plan import Sweep, pages
from kraken_core.domain.sweep_plan import cheapest as cheapest_of
from kraken_core.domain.timerange import TimeRanges, floor

BTC, ETH = Pair("BTC", "USD"), Pair("ETH", "USD")
NOW = 1_767_225_600  # 2026-01-01
HOUR, DAY = 3600, 86_400


def ranges(*bounds: tuple[int, int]) -> TimeRanges:
    return TimeRanges.of(bounds)


def absent(start: int, intervals: tuple[int, ...] = INTERVALS, rate: float = 0.01, pair: Pair = BTC) -> Missing:
    """All that closed since ``start`` is missing, at each interval."""
    missing = {i: ranges((floor(start, i * 60), floor(NOW, i * 60))) for i in intervals}
    covered = {i: ranges((0, floor(start, i * 60))) for i in intervals}
    return Missing(pair, missing, covered, TimeRanges(), rate)


def test_one_page_of_a_quiet_pair_serves_all_its_intervals() -> None:
    repair = Routes(NOW).repair(absent(NOW - DAY))
    assert (repair.ohlc, repair.requests) == ((), 1)
    assert repair.sweeps == (Sweep(NOW - DAY, NOW, 1),)


def test_of_a_busy_pair_the_last_720_minutes_come_as_candles_and_only_what_is_before_is_swept() -> None:
    repair = Routes(NOW).repair(absent(NOW - DAY, rate=1.0))
    assert repair.ohlc == (1,)
    assert repair.sweeps == (Sweep(NOW - DAY, NOW - 720 * 60, 44),)


def test_the_time_for_which_a_pair_may_not_have_been_listed_is_swept() -> None:
    back = NOW - 3 * DAY
    missing_of = replace(absent(NOW - 20 * DAY, (60,), rate=1.0), unlisted_until=back)
    repair = Routes(NOW).repair(missing_of)
    assert len(repair.ohlc) == 1
    assert [(sweep.start, sweep.end) for sweep in repair.sweeps] == [(NOW - 20 * DAY, back)]
    assert not Routes(NOW).repair(replace(missing_of, unlisted_until=0)).sweeps


def test_without_trades_the_fewest_answers_serve_what_answers_can() -> None:
    lacking = absent(NOW - 2 * DAY)
    assert Routes(NOW, trades=False).repair(lacking) == Repair(BTC, 1, (1, 5))
    assert Routes(NOW, ohlc=False, trades=False).repair(lacking).requests == 0


def test_720_minutes_have_no_answer_of_their_own_and_derive_from_another() -> None:
    repair = Routes(NOW, trades=False).repair(absent(NOW - 40 * DAY, intervals=(720,)))
    assert repair.ohlc == (240,)


def test_two_holes_are_swept_at_once_where_that_saves_a_page() -> None:
    start = NOW - 100 * DAY
    near = ranges((start, start + HOUR), (start + 2 * HOUR, start + 3 * HOUR))
    far = ranges((start, start + HOUR), (start + 50 * HOUR, start + 51 * HOUR))
    for holes, requests in ((near, (3,)), (far, (1, 1))):
        lacking = Missing(BTC, {1: holes}, {1: ranges((0, NOW)) - holes}, TimeRanges(), 0.27)
        assert tuple(s.requests for s in Routes(NOW).repair(lacking).sweeps) in {requests, (1, 1)}
        assert Routes(NOW).repair(lacking).requests == 2


def test_what_derives_for_nothing_is_not_asked_for() -> None:
    lacking = Missing(BTC, {1: TimeRanges(), 60: ranges((NOW - DAY, NOW))}, {1: ranges((0, NOW))}, TimeRanges(), 1.0)
    assert Routes(NOW).repair(lacking).requests == 0


def test_of_a_coarse_slot_only_what_no_finer_candle_knows_is_swept() -> None:
    day = floor(NOW - 300 * DAY, DAY)
    known = {1: ranges((day, day + 20 * HOUR)), 1440: ranges((0, day), (day + DAY, NOW))}
    lacking = Missing(
        BTC, {1: ranges((day + 20 * HOUR, day + DAY)), 1440: ranges((day, day + DAY))}, known, TimeRanges(), 1.0
    )
    assert [s[:2] for s in Routes(NOW).repair(lacking).sweeps] == [(day + 20 * HOUR, day + DAY)]


# Cases so small that every set of answers and of swept slots can be tried.
SLOTS = 5


@st.composite
def small(draw: st.DrawFn) -> Missing:
    """A stretch of a few slots of the finest interval, where some endpoint's horizon ends, or nobody's."""
    finest, coarser = draw(st.sampled_from([(5, [15]), (15, [30, 60]), (60, [240]), (240, [720])]))
    wanted = [finest, *draw(st.lists(st.sampled_from(coarser), unique=True))]
    edge = draw(st.sampled_from([i for i in OHLC_INTERVALS if i >= finest]))
    start = floor(NOW - 720 * edge * 60, 1440 * 60) + draw(st.integers(-3, 3)) * finest * 60
    end = start + SLOTS * finest * 60
    missing, covered = {}, {}
    for i in wanted:
        width = i * 60
        slots = list(range(floor(start, width), end, width))
        lost = draw(st.lists(st.sampled_from(slots), unique=True))
        missing[i] = ranges(*((at, at + width) for at in lost))
        covered[i] = ranges((0, NOW)) - missing[i]
    return Missing(BTC, missing, covered, TimeRanges(), draw(st.sampled_from([0.001, 0.3, 1.0, 3.0])))


def subsets(items: list[int]) -> Iterator[tuple[int, ...]]:
    return chain.from_iterable(combinations(items, n) for n in range(len(items) + 1))


def serves_all(lacking: Missing, ohlc: tuple[int, ...], swept: TimeRanges) -> bool:
    finest = min(lacking.missing)
    known = {j: Routes(NOW).horizon(BTC, j) for j in ohlc}
    known[finest] = known.get(finest, TimeRanges()) | swept
    closed = lacking.closed(known)
    return all(not missing - closed[i] for i, missing in lacking.missing.items())


def cheapest(lacking: Missing) -> int:
    """By trying everything."""
    finest = min(lacking.missing)
    width = finest * 60
    touched = [r for missing in lacking.missing.values() for r in missing]
    if not touched:
        return 0
    slots = list(range(min(start for start, _ in touched), max(end for _, end in touched), width))
    slots = [at for at in slots if any(at in missing for missing in lacking.missing.values())]
    assume(len(slots) <= 9)
    asked = [i for i in OHLC_INTERVALS if i in lacking.missing]
    return min(
        len(ohlc) + cheapest_sweeps(found, lacking.trades_a_second)
        for found in (TimeRanges.of((at, at + width) for at in swept) for swept in subsets(slots))
        for ohlc in subsets(asked)
        if serves_all(lacking, ohlc, found)
    )


def cheapest_sweeps(swept: TimeRanges, rate: float, search: int = 0) -> int:
    found = list(swept)
    if not found:
        return 0
    return min(
        search
        + pages(found[first].end - found[0].start, rate)
        + cheapest_sweeps(TimeRanges.of(found[first + 1 :]), rate, search)
        for first in range(len(found))
    )


@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(1, 9)), min_size=1, max_size=7),
    st.sampled_from((0.001, 0.3, 3.0)),
    st.sampled_from((0, 1, 8)),
)
def test_sweeps_are_joined_where_reading_through_costs_no_more_than_another_search(
    spans: list[tuple[int, int]], rate: float, search: int
) -> None:
    swept = TimeRanges.of((hour * 3600, (hour + length) * 3600) for hour, length in spans)
    sweeps = cheapest_of(swept, rate, search)
    assert sum(sweep.requests for sweep in sweeps) == cheapest_sweeps(swept, rate, search)
    assert not swept - TimeRanges.of(sweep[:2] for sweep in sweeps)


@given(small())
def test_the_plan_is_the_optimum_of_an_exhaustive_search(lacking: Missing) -> None:
    repair = Routes(NOW).repair(lacking)
    swept = TimeRanges.of(sweep[:2] for sweep in repair.sweeps)
    assert serves_all(lacking, repair.ohlc, swept)
    assert repair.requests == cheapest(lacking)


@given(small())
def test_what_a_plan_serves_is_all_that_is_missing_but_what_derives_for_nothing(lacking: Missing) -> None:
    plan = plan_repairs(Routes(NOW), [lacking])
    free = lacking.closed({})
    for interval, missing in lacking.missing.items():
        served = plan.served.get(Series(BTC, interval))
        reached = served.answers | served.swept if served else TimeRanges()
        assert reached | (missing & free[interval]) == missing


def within(routes: Routes, missing_by_pair: list[Missing], most: int) -> RepairPlan:
    return within_budget(routes, missing_by_pair, plan_repairs(routes, missing_by_pair), most)


def test_requests_that_are_few_go_where_they_repair_the_most() -> None:
    quiet, busy = absent(NOW - DAY, rate=0.001), absent(NOW - DAY, rate=1.0, pair=ETH)
    plan = within(Routes(NOW), [busy, quiet], 1)
    assert [(repair.pair, repair.requests) for repair in plan.repairs] == [(BTC, 1)]


def test_a_sweep_that_cannot_be_afforded_begins_all_the_same() -> None:
    plan = within(Routes(NOW, ohlc=False), [absent(NOW - DAY, rate=1.0)], 10)
    [repair] = plan.repairs
    [sweep] = repair.sweeps
    assert (sweep.start, sweep.requests) == (NOW - DAY, 10)
    assert NOW - DAY < sweep.end < NOW
    assert sweep.end % 60 == 0


@given(small(), st.integers(0, 6))
def test_no_plan_takes_more_requests_than_it_may(lacking: Missing, most: int) -> None:
    both = [lacking, replace(lacking, pair=ETH)]
    whole = plan_repairs(Routes(NOW), both)
    plan = within(Routes(NOW), both, most)
    assert plan.requests == min(most, whole.requests)


def test_after_a_days_absence_the_requests_for_200_pairs_are_as_few_as_can_be() -> None:
    """No set of requests takes fewer than the bound: the first half of the day is further back than 720 minutes.

    So its trades have to be read, and the other half needs the last 720 minutes as candles, or its trades too.
    """
    chance = Random(7)
    rates = [0.003 * 1000 ** chance.random() for _ in range(200)]  # a minute, log-uniform from 0.003 to 3
    pairs = [Pair(f"T{number}", "USD") for number in range(len(rates))]
    plan = plan_repairs(
        Routes(NOW), [absent(NOW - DAY, rate=rate / 60, pair=pair) for pair, rate in zip(pairs, rates, strict=True)]
    )
    bound = sum(min(max(1, ceil(rate * 1440 / 1000)), 1 + max(1, ceil(rate * 720 / 1000))) for rate in rates)
    assert bound <= plan.requests <= 1.05 * bound
    assert set(plan.served) == {Series(pair, interval) for pair in pairs for interval in INTERVALS}
