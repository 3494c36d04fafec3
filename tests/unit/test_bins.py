from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.market import INTERVALS
from kraken_core.domain.timerange import TimeRange, TimeRanges, day_start, iso
from kraken_core.workbench.charts.bins import WIDTHS, Bins, width_for

DAY = 86_400
ranges = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500))).map(TimeRanges.of)


@given(ranges, st.integers(0, 200), st.integers(1, 300), st.integers(1, 50))
def test_each_bin_is_told_the_seconds_in_it(found: TimeRanges, start: int, length: int, width: int) -> None:
    bins = Bins.even(TimeRange(start, start + length), width)
    assert bins.seconds(found).tolist() == [found.clip(*each).seconds for each in bins]


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)).map(sorted), min_size=1), st.integers(1, 50))
def test_ranges_are_spread_one_by_one(found: list[list[int]], width: int) -> None:
    bins = Bins.even(TimeRange(100, 400), width)
    starts, ends = np.array(found).T
    for row, (start, end) in zip(bins.spread(starts, ends).tolist(), found, strict=True):
        assert row == bins.seconds(TimeRanges.single(start, end)).tolist()


def test_no_slot_lies_in_two_bins() -> None:
    for interval in INTERVALS:
        assert all(width % interval == 0 for width in WIDTHS if width >= interval), interval


@pytest.mark.parametrize("days", [1, 30, 365, 5_000])
@pytest.mark.parametrize("interval", INTERVALS)
def test_a_width_makes_as_few_bins_as_are_asked_for_and_never_splits_a_slot(days: int, interval: int) -> None:
    window = TimeRange(7 * DAY + 61, (7 + days) * DAY + 61)
    width = width_for(window, 300, interval)
    assert len(Bins.even(window, width)) <= 300
    assert width % (interval * 60) == 0


def test_a_calendar_shows_hours_of_days_days_of_months_months_of_years_and_years_of_decades() -> None:
    start = day_start(date(2024, 2, 10))
    for days, first, second in [
        (2, "2024-02-10T00", "2024-02-10T01"),
        (40, "2024-02-10", "2024-02-11"),
        (900, "2024-02-01", "2024-03-01"),
        (6_000, "2024-01-01", "2025-01-01"),
    ]:
        bins = Bins.calendar(TimeRange(start, start + days * DAY))
        shown = [iso(each.start) for each in bins][:2]
        assert shown[0].startswith(first)
        assert shown[1].startswith(second)
        assert bins.hull.start <= start < start + days * DAY <= bins.hull.end
        assert len(bins) <= 101
