"""Pages of candles: what is requested of an exchange that answers any time."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kraken_core.domain.exchange import venue_of
from kraken_core.domain.gaps import ANY_TIME, ApiReach, IntegratedGapDetector, Route
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.missing import Missing
from kraken_core.domain.repair_plan import plan_repairs, within_budget
from kraken_core.domain.routes import Routes
from kraken_core.domain.timerange import TimeRanges, floor
from kraken_core.sources.rest.coinbase import SEARCH
from kraken_core.sources.rest.kraken_futures import A_PAGE

PF = Pair("BTC", "USD", "kraken-futures:PF_XBTUSD")
BTC_USD = Pair("BTC", "USD", "coinbase:BTC-USD")
DAY_S, NOW = 86_400, 1_800_000_000
NOTHING = TimeRanges()
few = settings(max_examples=30)


def missing_of(
    ranges: dict[int, TimeRanges],
    pair: Pair = PF,
    rate: float | None = None,
    paged: dict[int, TimeRanges] | None = None,
) -> Missing:
    slots = {i: found.outer(i * 60).clip(0, floor(NOW, i * 60)) for i, found in ranges.items()}
    return Missing(pair, slots, {}, NOTHING, rate, paged or {})


@st.composite
def gaps(draw: st.DrawFn) -> dict[int, TimeRanges]:
    days = st.integers(NOW // DAY_S - 30, NOW // DAY_S - 1)
    spans = st.tuples(days, st.integers(0, 1439), st.integers(1, 4_000)).map(
        lambda found: (found[0] * DAY_S + found[1] * 60, found[0] * DAY_S + (found[1] + found[2]) * 60)
    )
    intervals = draw(st.sets(st.sampled_from(INTERVALS), min_size=1))
    return {i: TimeRanges.of(draw(st.lists(spans, min_size=1, max_size=4))) for i in intervals}


@pytest.mark.parametrize("pair", [PF, BTC_USD], ids=str)
@given(ranges=gaps())
@few
def test_pages_bring_all_that_is_missing_or_make_it_up(pair: Pair, ranges: dict[int, TimeRanges]) -> None:
    missing = missing_of(ranges, pair)
    repair = Routes(NOW).repair(missing)
    assert (repair.ohlc, repair.sweeps) == ((), ())
    assert bool(repair.left_over) == (pair == BTC_USD and bool(repair.pages))
    brought = {
        i: TimeRanges.of((page.start, page.end) for page in repair.pages if page.interval == i)
        for i in {page.interval for page in repair.pages}
    }
    known = missing.closed(brought)
    assert all(not slots - known[i] for i, slots in missing.missing.items())


@pytest.mark.parametrize("pair", [PF, BTC_USD], ids=str)
@given(ranges=gaps())
@few
def test_pages_are_whole_slots_and_no_longer_than_an_answer(pair: Pair, ranges: dict[int, TimeRanges]) -> None:
    for page in Routes(NOW).repair(missing_of(ranges, pair)).pages:
        width = page.interval * 60
        assert page.start % width == page.end % width == 0
        assert 0 < page.end - page.start <= venue_of(pair).page * width
        assert page.end <= NOW


def test_one_page_serves_the_holes_that_fit_in_it() -> None:
    holes = TimeRanges.of((NOW // 60 * 60 - at * 60, NOW // 60 * 60 - at * 60 + 60) for at in (900, 500, 20))
    assert len(Routes(NOW).repair(missing_of({1: holes})).pages) == 1


def test_no_request_is_planned_where_none_may_be_made() -> None:
    whole = missing_of({60: TimeRanges.single(NOW - 90 * DAY_S, NOW)})
    assert Routes(NOW, ohlc=False).repair(whole).requests == 0
    routes = Routes(NOW)
    plan = plan_repairs(routes, [whole])
    assert plan.requests == -(-90 * 24 // A_PAGE)
    cut = within_budget(routes, [whole], plan, 1)
    assert cut.requests == 1
    assert len(cut.repairs[0].pages) == 1


@pytest.mark.parametrize("planned", [True, False])
def test_a_gap_of_any_age_is_filled_by_candles_and_says_by_how_many_requests(planned: bool) -> None:
    series = Series(PF, 60)
    slots = TimeRanges.single(NOW - 900 * DAY_S, floor(NOW, 3600)).inner(3600)
    missing = missing_of({60: slots})
    repairs = plan_repairs(Routes(NOW), [missing])
    detector = IntegratedGapDetector(NOW, frozenset({PF}), reach=ApiReach("not requested", NOW, trades=True))
    plan = repairs if planned else replace(repairs, repairs=(), served={})
    [gap] = detector.detect_gaps_for_job({series: slots}, {}, {}, plan).gaps
    assert (gap.route, gap.requests, gap.overflow) == (Route.OHLC, -(-gap.candles // A_PAGE), 0)
    assert gap.reason.startswith(ANY_TIME)
    assert (gap.archive, gap.csv_file) == ("", "")


def test_what_the_exchange_does_not_list_has_no_archive_to_be_got_by_hand() -> None:
    series, slots = Series(PF, 60), TimeRanges.single(NOW - 900 * DAY_S, NOW - 890 * DAY_S).inner(3600)
    [gap] = IntegratedGapDetector(NOW, frozenset()).detect_gaps_for_job({series: slots}, {}, {}).gaps
    assert gap.route is Route.NONE
    assert "no longer lists kraken-futures:PF_XBTUSD" in gap.reason
    assert gap.csv_file == ""


# -------------------------------------------------------------------- where candles leave out slots without trades


@given(ranges=gaps(), days=st.integers(0, 30))
@few
def test_what_pages_left_out_is_swept_and_nothing_is_requested_twice(ranges: dict[int, TimeRanges], days: int) -> None:
    missing = missing_of(ranges, BTC_USD)
    first = Routes(NOW).repair(missing)
    paged = plan_repairs(Routes(NOW), [missing]).paged({})
    left = {i: slots.clip(0, NOW // DAY_S * DAY_S - days * DAY_S) for i, slots in missing.missing.items()}
    again = missing_of(left, BTC_USD, None, {series.interval: found for series, found in paged.items()})
    repair = Routes(NOW).repair(again)
    assert repair.pages == ()
    assert bool(first.pages) >= bool(repair.sweeps)
    swept = {repair.finest: TimeRanges.of((sweep.start, sweep.end) for sweep in repair.sweeps)}
    known = again.closed(swept)
    assert all(not slots - known[i] for i, slots in again.missing.items())


@pytest.mark.parametrize(
    ("rate", "is_swept"), [(0.0001, True), (5.0, False), (None, False)], ids=["quiet", "busy", "nobody knows"]
)
def test_a_pair_is_swept_at_once_where_that_is_known_to_be_cheaper(rate: float | None, *, is_swept: bool) -> None:
    month = missing_of({1: TimeRanges.single(NOW - 30 * DAY_S, NOW)}, BTC_USD, rate)
    repair = Routes(NOW).repair(month)
    assert bool(repair.sweeps) == is_swept
    assert bool(repair.pages) != is_swept
    assert Routes(NOW, trades=False).repair(month).sweeps == ()
    assert Routes(NOW, trades=False).repair(month).left_over == 0


def test_two_quiet_minutes_far_apart_are_not_swept_as_one_where_a_search_costs_less() -> None:
    holes = TimeRanges.of((floor(NOW, 60) - at, floor(NOW, 60) - at + 60) for at in (30 * DAY_S, 600, 60))
    sweeps = Routes(NOW).repair(missing_of({1: holes}, BTC_USD, 5.0, {1: holes})).sweeps
    assert [sweep.end - sweep.start for sweep in sweeps] == [60, 600]
    assert all(sweep.requests > SEARCH for sweep in sweeps)
