"""Domain rule 12: silent spans, the trades to expect in them, and when the whole exchange was silent."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRange, TimeRanges, day_start
from kraken_core.domain.verification.silences import KNOWN_SILENCES, SUSPICIOUS, Activity, Silence, silent_runs, slept
from tests.support.ranges import from_slots, slots_of, time_ranges

DAY = 86_400
NONE = TimeRanges()


def ints(*numbers: int) -> np.ndarray:
    return np.array(numbers, dtype=np.int64)


@given(time_ranges(), st.data())
def test_silent_are_the_known_slots_without_a_candle(known: TimeRanges, data: st.DataObject) -> None:
    width = 3
    known = known.inner(width)
    slots = sorted(slots_of(known, width))
    traded = data.draw(st.sets(st.sampled_from(slots))) if slots else set()
    starts, ends = silent_runs(ints(*sorted(traded)), known, width)
    found = list(zip(starts.tolist(), ends.tolist(), strict=True))
    assert TimeRanges.of(found) == known - from_slots(traded, width)
    assert all(start < end for start, end in found)


def steady(days: int, trades_a_minute: int = 1) -> Activity:
    """A pair that trades every minute, all that time."""
    opens = np.arange(0, days * DAY, 60, dtype=np.int64)
    return Activity(opens, np.full(len(opens), trades_a_minute), TimeRanges.single(0, days * DAY))


def interrupted(activity: Activity, start: int, end: int) -> Activity:
    there = (activity.opens < start) | (activity.opens >= end)
    return Activity(activity.opens[there], activity.trades[there], activity.known)


@pytest.mark.parametrize(("minutes", "rate"), [(10, 1), (10, 3), (2000, 1)])
def test_expected_is_what_the_series_trades_before_and_behind(minutes: int, rate: int) -> None:
    start, end = 4 * DAY, 4 * DAY + minutes * 60
    activity = interrupted(steady(10, rate), start, end)
    assert activity.expected(ints(start), ints(end), NONE).tolist() == [minutes * rate]


def test_a_series_that_trades_less_by_and_by_is_expected_to_trade_as_around_the_silence_only() -> None:
    activity = steady(10)
    late = activity.opens >= 5 * DAY
    slower = Activity(activity.opens, np.where(late, 0, activity.trades), activity.known)
    assert slower.expected(ints(8 * DAY), ints(8 * DAY + 3600), NONE).tolist() == [0]


def test_time_that_nobody_knows_says_nothing_of_the_rate() -> None:
    known = TimeRanges.of([(3 * DAY, 6 * DAY)])
    activity = steady(10)
    there = (activity.opens >= 3 * DAY) & (activity.opens < 6 * DAY)
    activity = interrupted(Activity(activity.opens[there], activity.trades[there], known), 3 * DAY, 3 * DAY + 3600)
    assert activity.expected(ints(3 * DAY), ints(3 * DAY + 3600), NONE).tolist() == [60]


def test_nothing_is_expected_while_the_exchange_is_asleep_nor_does_that_slow_the_rate() -> None:
    start, end = 4 * DAY, 4 * DAY + 7200
    activity = interrupted(steady(10), start, end)
    activity = interrupted(activity, 5 * DAY, 5 * DAY + 3600)
    asleep = TimeRanges.of([(start, start + 3600), (5 * DAY, 5 * DAY + 3600)])
    assert activity.expected(ints(start), ints(end), asleep).tolist() == pytest.approx([60])


def test_a_series_that_never_traded_is_expected_not_to() -> None:
    never = Activity(ints(), ints(), TimeRanges.single(0, DAY))
    assert never.expected(ints(0), ints(DAY), NONE).tolist() == [0]
    assert Activity(ints(), ints(), NONE).expected(ints(0), ints(DAY), NONE).tolist() == [0]


def test_a_silence_is_expected_to_have_fewer_trades_when_the_exchange_slept_through_a_part() -> None:
    silence = Silence(Series(Pair("BTC", "USD"), 1), 0, 1000, 80.0)
    assert silence.without(TimeRanges.single(750, 2000)).expected == 60
    assert silence.without(NONE) == silence


@pytest.mark.parametrize(
    ("expected", "asleep"),
    [
        ([30, 15, 5], True),  # 20 without the busiest
        ([300, 15, 4], False),
        ([300, 300], False),  # two files may lack the same span
        ([], False),
        ([8] * 4, True),
        ([6] * 4, False),
    ],
)
def test_the_exchange_slept_where_several_pairs_and_not_just_the_busiest_should_have_traded(
    expected: list[float], asleep: bool
) -> None:
    assert SUSPICIOUS == 20
    assert slept(expected) is asleep


def test_known_silences_of_the_exchange() -> None:
    upgrade = day_start(date(2018, 1, 11)) + 5 * 3600
    assert TimeRange(upgrade, day_start(date(2018, 1, 13))) in list(KNOWN_SILENCES)
    for start, minutes in (
        ("2025-01-23T19:08", 28),
        ("2025-08-28T07:01", 59),
        ("2025-08-28T08:09", 116),
        ("2025-11-19T03:07", 54),
    ):
        at = int(np.datetime64(start, "s").astype(np.int64))
        assert KNOWN_SILENCES.clip(at - 60, at + minutes * 60 + 60) == TimeRanges.single(at, at + minutes * 60)
    fourteenth = day_start(date(2024, 4, 14))
    assert KNOWN_SILENCES.clip(fourteenth, fourteenth + DAY) == TimeRanges.single(
        fourteenth + 4 * 3600, fourteenth + 8 * 3600
    )
    november = day_start(date(2025, 11, 1)) + (15 * 60 + 2) * 60
    assert KNOWN_SILENCES.clip(november - DAY, november + DAY) == TimeRanges.single(november, november + 404 * 60)
    assert len(KNOWN_SILENCES) == 12


@pytest.mark.parametrize(
    ("start", "minutes"),
    [
        ("2024-04-14T04:00", 240),
        ("2025-01-23T19:08", 28),
        ("2025-08-28T07:01", 59),
        ("2025-08-28T08:09", 116),
        ("2025-11-19T03:07", 54),
        ("2025-11-19T04:33", 44),
    ],
)
def test_a_known_silence_is_known_from_its_first_minute_to_its_last(start: str, minutes: int) -> None:
    at = int(np.datetime64(start, "s").astype(np.int64))
    assert KNOWN_SILENCES.clip(at - 60, at + minutes * 60 + 60) == TimeRanges.single(at, at + minutes * 60)
