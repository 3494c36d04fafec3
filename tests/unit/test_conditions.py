"""Conditions of days, by whatever is expected, covered and doubtful of them; and which spans are one incident."""

from __future__ import annotations

import pytest

from kraken_core.domain.conditions import Condition, day_conditions
from kraken_core.domain.incidents import status_page, tightest
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRange, TimeRanges

HOURS = Series(Pair("BTC", "USD"), 60)
DAY = 86_400
NOTHING = TimeRanges()


def hours(first: int, end: int) -> TimeRanges:
    return TimeRanges.single(first * 3600, end * 3600)


@pytest.mark.parametrize(
    ("covered", "doubtful", "as_of", "condition"),
    [
        (hours(0, 24), NOTHING, DAY, Condition.AVAILABLE),
        (hours(0, 24), hours(3, 4), DAY, Condition.DEGRADED),
        (hours(0, 23), NOTHING, DAY, Condition.DEGRADED),
        (NOTHING, NOTHING, DAY, Condition.MISSING),
        (hours(30, 40), NOTHING, DAY, Condition.MISSING),
        (hours(0, 24), NOTHING, DAY - 1, Condition.PENDING),
        (hours(0, 23), NOTHING, DAY - 1, Condition.DEGRADED),
    ],
)
def test_a_day_is_as_good_as_what_is_expected_of_it(
    covered: TimeRanges, doubtful: TimeRanges, as_of: int, condition: Condition
) -> None:
    (found,) = day_conditions(HOURS, hours(0, 24), covered, doubtful, as_of)
    assert found.condition is condition


def test_only_days_of_which_anything_is_expected_have_a_condition() -> None:
    expected = hours(20, 26) | hours(80, 81)
    found = list(day_conditions(HOURS, expected, hours(20, 25), NOTHING, 10 * DAY))
    assert [(each.day // DAY, each.expected, each.missing) for each in found] == [(0, 4, 0), (1, 2, 1), (3, 1, 1)]
    assert list(day_conditions(HOURS, NOTHING, NOTHING, NOTHING, 0)) == []


def test_of_silences_that_overlap_the_shortest_is_the_incident() -> None:
    spans = [TimeRange(0, 100), TimeRange(40, 60), TimeRange(45, 70), TimeRange(200, 210)]
    assert tightest(spans) == [TimeRange(40, 60), TimeRange(200, 210)]


def test_an_incident_that_goes_on_ends_with_its_last_update() -> None:
    row = (
        '{"name": "x", "created_at": "2024-01-01T00:00:00Z", "updated_at": "2024-01-01T01:00:00Z", "resolved_at": null}'
    )
    (found,) = status_page(f'{{"incidents": [{row}]}}', "a file")
    assert (found.end - found.start, found.name, found.impact) == (3600, "x", "")
