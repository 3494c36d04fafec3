"""Gaps: what is wanted and not covered, and what the OHLC endpoint still reaches of it (rule 9)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.errors import IllegalMoveError
from kraken_core.domain.exchange import OHLC_INTERVALS, ohlc_horizon
from kraken_core.domain.gaps import (
    GAP_MOVES,
    OPEN,
    ApiReach,
    GapRecord,
    GapStatus,
    IntegratedGapDetector,
    Route,
    named_at_once,
)
from kraken_core.domain.market import INTERVALS, Series
from kraken_core.domain.repair_plan import RepairPlan, Served
from kraken_core.domain.timerange import TimeRange, TimeRanges, floor
from tests.support.ranges import from_slots, slots_of
from tests.unit.detected_gaps import AS_OF, DAY_S, DOLLARS, ETHER, EUROS, HOUR, START, detect, only_gap

# Wanted − covered


@st.composite
def spans(draw: st.DrawFn) -> dict[Series, TimeRanges]:
    """Some slots of some series."""
    chosen = draw(st.sets(st.tuples(st.sampled_from((DOLLARS, EUROS, ETHER)), st.sampled_from((60, 240, 720)))))
    return {
        series: from_slots((START + slot * series.width for slot in draw(st.sets(st.integers(0, 25)))), series.width)
        for series in (Series(*each) for each in sorted(chosen))
    }


@given(spans(), spans(), spans())
def test_gaps_are_the_maximal_ranges_wanted_and_not_covered(
    wanted: dict[Series, TimeRanges], covered: dict[Series, TimeRanges], derivable: dict[Series, TimeRanges]
) -> None:
    """Slot by slot: none is lost, none is in two gaps, and neighbours are one gap."""
    found = detect(wanted, covered, derivable)
    for series, ranges in wanted.items():
        missing = slots_of(ranges, series.width) - slots_of(covered.get(series, TimeRanges()), series.width)
        gaps = [gap for gap in found.gaps if gap.series == series]
        held = [slot for gap in gaps for slot in range(gap.start, gap.end, series.width)]
        assert sorted(held) == sorted(missing)
        assert all(before.end < after.start for before, after in pairwise(gaps))
        for gap in gaps:
            assert gap.candles == gap.fillable + gap.overflow == (gap.end - gap.start) // series.width
            free = derivable.get(series, TimeRanges()).clip(gap.start, gap.end)
            assert (gap in found.fillable) == (bool(free) or gap.fillable > 0)
            assert (gap.route is Route.DERIVE) == bool(free)
            assert (gap.route is Route.OHLC) == (not free and gap.fillable > 0)
    assert {gap.series for gap in found.gaps} <= wanted.keys()
    assert len(found.gaps) == len(found.fillable) + len(found.unfillable)
    assert list(found.gaps) == sorted(found.gaps, key=lambda gap: (gap.series, gap.start))


def test_one_silent_hour_is_no_gap_once_a_source_covers_it() -> None:
    """Others report 24 missing candles, or a sparse pair as 89.5 % missing: coverage is not presence."""
    day = TimeRanges.single(START, START + DAY_S)
    assert detect({HOUR: day}, {HOUR: day}).gaps == ()


def test_a_missing_day_of_dollars_is_not_hidden_by_euros() -> None:
    euro = Series(EUROS, 60)
    day = TimeRanges.single(START, START + DAY_S)
    found = detect({HOUR: day, euro: day}, {euro: day})
    assert [(gap.series, gap.candles) for gap in found.gaps] == [(HOUR, 24)]


def test_where_nothing_is_held_all_that_is_wanted_is_missing() -> None:
    assert only_gap(HOUR, START, START + 9 * DAY_S, AS_OF).candles == 9 * 24


def test_the_gaps_of_an_asset_are_those_of_all_its_pairs_and_of_no_other() -> None:
    """ETH/USD is no pair of USD's, and BTC is not ETH."""
    wanted = {Series(pair, 60): TimeRanges.single(START, START + DAY_S) for pair in (DOLLARS, EUROS, ETHER)}
    found = IntegratedGapDetector(AS_OF).detect_gaps_for_asset("BTC", wanted, {}, {})
    assert [gap.series.pair for gap in found.gaps] == [EUROS, DOLLARS]
    assert IntegratedGapDetector(AS_OF).detect_gaps_for_asset("USD", wanted, {}, {}).gaps == ()


# The 720-candle horizon: by slots, split exactly at its edge

WITH_HORIZON = pytest.mark.parametrize("series", [Series(DOLLARS, interval) for interval in OHLC_INTERVALS], ids=str)


@WITH_HORIZON
def test_the_horizon_is_the_720_last_closed_slots(series: Series) -> None:
    end = floor(AS_OF, series.width)
    assert ohlc_horizon(series, AS_OF) == TimeRange(end - 720 * series.width, end)


@WITH_HORIZON
def test_a_slot_that_closes_this_very_second_is_within_the_horizon(series: Series) -> None:
    assert ohlc_horizon(series, START).end == START
    assert ohlc_horizon(series, START - 1).end == START - series.width


@WITH_HORIZON
@pytest.mark.parametrize(("older", "reached"), [(0, 1), (718, 1), (719, 1), (720, 0), (721, 0)])
def test_the_720th_last_slot_is_reached_and_the_721st_is_not(series: Series, older: int, reached: int) -> None:
    """One slot so much older than the last closed one."""
    end = floor(AS_OF, series.width) - older * series.width
    gap = only_gap(series, end - series.width, end, AS_OF)
    assert (gap.fillable, gap.overflow) == (reached, 1 - reached)


@WITH_HORIZON
@pytest.mark.parametrize("beyond", [0, 1, 1000])
def test_a_gap_across_the_edge_is_split_exactly_there(series: Series, beyond: int) -> None:
    """Not given up for its start, nor promised whole for its end."""
    end = floor(AS_OF, series.width)
    gap = only_gap(series, end - (720 + beyond) * series.width, end, AS_OF)
    assert (gap.fillable, gap.overflow) == (720, beyond)


@WITH_HORIZON
def test_an_old_gap_that_ends_before_the_horizon_is_not_reached_at_all(series: Series) -> None:
    end = floor(AS_OF, series.width) - 720 * series.width
    gap = only_gap(series, end - 50 * series.width, end, AS_OF)
    assert (gap.fillable, gap.overflow) == (0, 50)


@WITH_HORIZON
def test_time_passing_moves_slots_out_of_reach_one_by_one(series: Series) -> None:
    end = floor(AS_OF, series.width)
    reached = [
        only_gap(series, end - 720 * series.width, end, end + slots * series.width + after).fillable
        for slots, after in ((0, 0), (0, series.width - 1), (1, 0), (719, 0), (720, 0), (9999, 0))
    ]
    assert reached == [720, 720, 719, 1, 0, 0]


def test_720_minutes_are_never_reached_for_the_endpoint_has_none() -> None:
    series = Series(DOLLARS, 720)
    end = floor(AS_OF, series.width)
    gap = only_gap(series, end - 10 * series.width, end, AS_OF)
    assert (gap.fillable, gap.overflow) == (0, 10)
    assert set(INTERVALS) - set(OHLC_INTERVALS) == {720}


# Rule 10: derive, else the reason and what to get by hand


def test_a_gap_that_finer_candles_cover_is_fillable_at_no_cost() -> None:
    wanted = {HOUR: TimeRanges.single(START, START + DAY_S)}
    found = detect(wanted, derivable={HOUR: TimeRanges.single(START, START + 3600)})
    (gap,) = found.fillable
    assert (gap.route, gap.status, gap.requests, gap.archive) == (Route.DERIVE, GapStatus.DETECTED, 0, "")
    assert found.unfillable == ()


# What the exchange could fill is never unfillable, whether it is asked or not


@pytest.mark.parametrize("interval", OHLC_INTERVALS)
def test_a_gap_within_the_horizon_is_open_by_itself_though_nobody_asks(interval: int) -> None:
    series = Series(DOLLARS, interval)
    end = floor(AS_OF, series.width)
    gap = only_gap(series, end - 721 * series.width, end - 719 * series.width, AS_OF)
    assert (gap.status, gap.route, gap.requests, gap.fillable) == (GapStatus.DETECTED, Route.OHLC, 1, 1)
    assert gap.reason == "within the last 720 candles: 1 of 2; the exchange was not queried"


def test_an_archive_is_named_whatever_route_is_open_and_how_far_that_one_reaches_too() -> None:
    series = Series(DOLLARS, 1440)
    end = floor(AS_OF, series.width)
    within = only_gap(series, end - 700 * series.width, end - 600 * series.width, AS_OF)
    beyond = only_gap(series, end - 800 * series.width, end - 600 * series.width, AS_OF)
    assert (within.route, within.csv_file) == (Route.OHLC, series.file_name)
    assert within.reason == "within the last 720 candles; the exchange was not queried"
    assert (beyond.route, beyond.csv_file) == (Route.OHLC, series.file_name)
    assert beyond.reason == "within the last 720 candles: 120 of 200; the exchange was not queried"


def test_a_gap_beyond_the_horizon_is_open_where_its_trades_can_be_read_and_says_what_that_takes() -> None:
    detector = IntegratedGapDetector(AS_OF, reach=ApiReach("it was not asked", trades=True, rates={DOLLARS: 1.0}))
    wanted = {series: TimeRanges.single(START, START + DAY_S) for series in (HOUR, Series(DOLLARS, 720))}
    for gap in detector.detect_gaps_for_job(wanted, {}, {}).gaps:
        assert (gap.status, gap.route, gap.requests) == (GapStatus.DETECTED, Route.TRADES, 87)
        assert gap.reason == "its trades can be read; it was not asked"
        assert gap.archive == "Kraken_OHLCVT_Q1_2026.zip", "which would do as well"


def test_how_far_the_exchange_reaches_is_told_from_its_present() -> None:
    end = floor(AS_OF, HOUR.width)
    wanted = {HOUR: TimeRanges.single(end - 3600, end)}
    years_on = IntegratedGapDetector(AS_OF, reach=ApiReach(now=AS_OF + 1000 * DAY_S))
    (gap,) = years_on.detect_gaps_for_job(wanted, {}, {}).gaps
    assert (gap.status, gap.route, gap.fillable) == (GapStatus.UNFILLABLE, Route.NONE, 1)


def test_the_exchange_reaches_no_pair_that_it_does_not_list() -> None:
    end = floor(AS_OF, HOUR.width)
    wanted = {HOUR: TimeRanges.single(end - 3600, end)}
    for known in ({"listed": frozenset({ETHER})}, {"delisted": frozenset({DOLLARS})}):
        detector = IntegratedGapDetector(AS_OF, reach=ApiReach(trades=True), **known)  # type: ignore[arg-type]
        (gap,) = detector.detect_gaps_for_job(wanted, {}, {}).gaps
        assert (gap.status, gap.route) == (GapStatus.UNFILLABLE, Route.NONE)
        assert gap.reason.startswith("the exchange no longer lists BTC/USD; ")


def test_a_gap_of_an_unreadable_file_says_so_before_all_else() -> None:
    detector = IntegratedGapDetector(AS_OF, unreadable={HOUR: "its checksum is wrong"})
    (gap,) = detector.detect_gaps_for_job({HOUR: TimeRanges.single(START, START + DAY_S)}, {}, {}).gaps
    assert gap.reason == "its checksum is wrong; can't be derived; available in Kraken_OHLCVT_Q1_2026.zip"


def test_of_a_pair_that_is_nowhere_no_archive_is_advised() -> None:
    detector = IntegratedGapDetector(AS_OF, frozenset({ETHER}), nowhere={DOLLARS: "no source holds it"})
    (gap,) = detector.detect_gaps_for_job({HOUR: TimeRanges.single(START, START + DAY_S)}, {}, {}).gaps
    assert (gap.status, gap.reason) == (GapStatus.UNFILLABLE, "no source holds it")
    assert (gap.archive, gap.csv_file) == ("", "")


# The states of a gap


def test_gaps_move_as_rule_9_says() -> None:
    """DETECTED → BACKFILLING → FILLED | FAILED (retry later) | UNFILLABLE; back to DETECTED when a route opens."""
    detected, backfilling, filled, unfillable, failed = (
        GapStatus.DETECTED,
        GapStatus.BACKFILLING,
        GapStatus.FILLED,
        GapStatus.UNFILLABLE,
        GapStatus.FAILED,
    )
    told = [
        (detected, backfilling),
        (backfilling, filled),
        (backfilling, failed),
        (backfilling, unfillable),
        (failed, backfilling),
        (unfillable, detected),
        (filled, detected),
    ]
    assert all(after in GAP_MOVES[before] for before, after in told)
    assert GAP_MOVES.keys() == set(GapStatus)
    assert not any(status in GAP_MOVES[status] for status in GapStatus)
    assert GapStatus.BACKFILLING not in GAP_MOVES[filled], "what was filled is detected anew first"
    assert set(OPEN) == set(GapStatus) - {filled}


# What is known of the exchange


def test_a_gap_of_a_pair_that_was_delisted_says_so() -> None:
    detector = IntegratedGapDetector(AS_OF, listed=frozenset({ETHER}))
    wanted = {series: TimeRanges.single(START, START + 3600) for series in (HOUR, Series(ETHER, 60))}
    dollars, ether = detector.detect_gaps_for_job(wanted, {}, {}).gaps
    assert "the exchange no longer lists BTC/USD" in dollars.reason
    assert "no longer" not in ether.reason


def test_what_a_published_archive_will_be_read_for_is_not_asked_for() -> None:
    hole = TimeRanges.single(START, START + 7200)
    asked = RepairPlan(served={HOUR: Served(answers=hole)})
    (by_answer,) = IntegratedGapDetector(AS_OF).detect_gaps_for_job({HOUR: hole}, {}, {}, asked).gaps
    (by_download,) = IntegratedGapDetector(AS_OF).detect_gaps_for_job({HOUR: hole}, {}, {}, asked, {HOUR: hole}).gaps
    assert (by_answer.route, by_answer.requests) == (Route.OHLC, 1)
    assert (by_download.route, by_download.archive) == (Route.DOWNLOAD, "Kraken_OHLCVT_Q1_2026.zip")


def test_a_gap_that_fails_waits_longer_each_time_and_never_for_ever() -> None:
    gap = only_gap(HOUR, START, START + 3600, AS_OF)._replace(status=GapStatus.DETECTED)
    waits = []
    for _ in range(8):
        gap = gap.mark_backfilling().mark_failed("it does not answer", AS_OF)
        assert gap.retry_at is not None
        assert gap.waits(AS_OF)
        assert not gap.waits(gap.retry_at)
        waits.append(gap.retry_at - AS_OF)
    assert waits == sorted(waits)
    assert (waits[0], waits[-1], gap.attempts) == (3600, 7 * 86_400, 8)


def test_gaps_that_are_named_wait_no_longer() -> None:
    detected = only_gap(HOUR, START, START + 3600, AS_OF)._replace(status=GapStatus.DETECTED)
    gap = detected.mark_backfilling().mark_failed("it does not answer", AS_OF)
    named, other = named_at_once([gap._replace(id=1), gap._replace(id=2)], [1])
    assert not named.waits(AS_OF)
    assert other.waits(AS_OF)


# Rule 12: where sources were contradicted


def test_a_gap_in_which_sources_were_contradicted_ends_as_such_where_no_route_settles_it() -> None:
    wanted = {HOUR: TimeRanges.of([(START, START + 3600), (START + 7200, START + 14_400)])}
    refuted = {HOUR: TimeRanges.single(START, START + 10_800)}
    whole, half = IntegratedGapDetector(AS_OF).detect_gaps_for_job(wanted, {}, {}, refuted=refuted).gaps
    assert (whole.status, whole.route, whole.reason, whole.archive) == (
        GapStatus.UNFILLABLE,
        Route.NONE,
        "sources disagree",
        "",
    )
    assert half.archive  # which holds what nobody contradicted
    derivable = {HOUR: TimeRanges.single(START, START + 3600)}
    settled, _ = IntegratedGapDetector(AS_OF).detect_gaps_for_job(wanted, {}, derivable, refuted=refuted).gaps
    assert settled.route is Route.DERIVE


@pytest.mark.parametrize("before", GapStatus)
def test_a_gap_moves_as_the_table_allows_and_else_raises(before: GapStatus) -> None:
    gap = only_gap(HOUR, START, START + 3600, AS_OF)._replace(status=before)
    moves: dict[GapStatus, Callable[[], GapRecord]] = {
        GapStatus.BACKFILLING: gap.mark_backfilling,
        GapStatus.FILLED: gap.mark_filled,
        GapStatus.FAILED: lambda: gap.mark_failed("it does not answer", AS_OF),
    }
    for to, move in moves.items():
        if to in GAP_MOVES[before]:
            assert move().status is to
        else:
            with pytest.raises(IllegalMoveError, match=f"is {before} and cannot become {to}"):
                move()


def test_a_gap_is_api_fillable_where_requests_fill_it() -> None:
    gap = only_gap(HOUR, START, START + 3600, AS_OF)
    fillable = {route for route in Route if gap._replace(route=route).is_api_fillable}
    assert fillable == {Route.OHLC, Route.TRADES}
