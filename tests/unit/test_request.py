"""What a user asks for: which series, which days, and whether two requests ask for the same."""

from __future__ import annotations

import json
import time
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.market import INTERVALS, Pair
from kraken_core.domain.request import Request, Selection, closed, intervals_of, years_before
from kraken_core.domain.tiers import Tiers
from kraken_core.domain.timerange import TimeRange, TimeRanges, day_start, iso

DAY_S = 86_400
BTC, EURO, ETH = Pair("BTC", "USD"), Pair("BTC", "EUR"), Pair("ETH", "USD")
TIERS = Tiers({"BTC": "TIER1", "ETH": "TIER2"}, ("TIER1", "TIER2"), frozenset({"USD", "EUR"}), "TIER4")
AS_OF = day_start(date(2026, 3, 15)) + 45_000
MAY = date(2024, 5, 1)

days = st.dates(date(2013, 1, 1), date(2030, 12, 31))
requests = st.builds(
    Request,
    tiers=st.lists(st.sampled_from(["TIER1", "TIER2", "ALL"]), unique=True).map(tuple),
    pairs=st.lists(st.sampled_from([BTC, EURO, ETH, Pair("DOGE", "BTC")]), unique=True).map(tuple),
    quotes=st.lists(st.sampled_from(["USD", "EUR"]), unique=True).map(tuple),
    intervals=st.sets(st.sampled_from(INTERVALS), min_size=1).map(intervals_of),
    start_date=st.none() | days,
    end_date=st.none() | days,
    sources=st.lists(st.text(max_size=8), max_size=2).map(tuple),
    archive_through=st.none() | days,
    auto_gap_fill=st.booleans(),
    stop_on_error=st.booleans(),
)


# Rule 1: a date is a whole UTC day, and the end date is included


def test_the_window_reaches_to_the_end_of_the_end_date() -> None:
    window = Selection(start_date=MAY, end_date=MAY).window(AS_OF)
    assert str(window) == "[2024-05-01T00:00:00Z, 2024-05-02T00:00:00Z)"


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata", "Pacific/Auckland"])
def test_days_are_utc_wherever_the_machine_stands(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert iso(Selection(start_date=MAY).window(AS_OF).start) == "2024-05-01T00:00:00Z"
        assert iso(Request().window(AS_OF).start) == "2021-03-15T00:00:00Z"
    finally:
        monkeypatch.undo()
        time.tzset()


@given(requests, st.integers(day_start(date(2019, 1, 1)), AS_OF))
def test_nothing_after_as_of_is_ever_wanted(request_: Request, as_of: int) -> None:
    window = request_.window(as_of)
    assert window.start <= window.end
    assert window.end <= max(as_of, window.start)


def test_without_an_end_date_the_window_ends_now() -> None:
    assert Selection(start_date=MAY).window(AS_OF).end == AS_OF


def test_a_window_that_ends_before_it_starts_or_begins_in_the_future_is_empty() -> None:
    backwards = Selection(start_date=MAY, end_date=MAY - timedelta(days=2)).window(AS_OF)
    future = Selection(start_date=date(2026, 3, 16)).window(AS_OF)
    assert backwards.start == backwards.end
    assert future.start == future.end
    assert closed(future, 3600) == TimeRanges()


def test_a_selection_reaches_back_to_the_beginning() -> None:
    assert Selection().window(AS_OF) == TimeRange(0, AS_OF)


def test_an_ingest_reaches_back_five_years() -> None:
    assert iso(Request().window(AS_OF).start) == "2021-03-15T00:00:00Z"
    assert Request(start_date=date(2013, 1, 1)).window(AS_OF).start == day_start(date(2013, 1, 1))


def test_five_years_before_a_leap_day_is_the_28th_of_february() -> None:
    leap = date(2028, 2, 29)
    assert years_before(leap, 5) == date(2023, 2, 28)
    assert years_before(leap, 4) == date(2024, 2, 29)
    assert Request().window(day_start(leap)).start == day_start(date(2023, 2, 28))


@given(days, st.integers(0, 20))
def test_years_before_keep_month_and_day_but_for_leap_days(day: date, years: int) -> None:
    before = years_before(day, years)
    assert before.year == day.year - years
    assert (before.month, before.day) in {(day.month, day.day), (2, 28)}
    assert before.day == day.day or (day.month, day.day) == (2, 29)


@given(st.integers(0, 10 * DAY_S), st.integers(0, 10 * DAY_S), st.sampled_from(INTERVALS))
def test_the_slots_of_a_window_are_closed_by_its_end_and_touch_it(start: int, length: int, interval: int) -> None:
    """A slot counts from the one that holds the window's start; the one still forming at its end does not."""
    width = interval * 60
    window = TimeRange(start, start + length)
    expected = [
        (slot, slot + width)
        for slot in range(0, window.end + width, width)
        if slot + width > window.start and slot + width <= window.end
    ]
    assert closed(window, width) == TimeRanges.of(expected)


# Which pairs


@pytest.mark.parametrize(
    ("selection", "held"),
    [
        (Selection(), [BTC, EURO, ETH]),
        (Selection(tiers=("TIER1",)), [BTC, EURO]),
        (Selection(tiers=("ALL",)), [BTC, EURO, ETH]),
        (Selection(pairs=(ETH,)), [ETH]),
        (Selection(quotes=("USD",)), [BTC, ETH]),
        (Selection(tiers=("TIER1",), quotes=("USD",)), [BTC]),
        (Selection(pairs=(BTC, ETH), quotes=("EUR",)), []),
    ],
)
def test_a_selection_holds_the_pairs_of_its_tiers_or_names_in_its_quotes(
    selection: Selection, held: list[Pair]
) -> None:
    assert [pair for pair in (BTC, EURO, ETH) if selection.holds(pair, TIERS)] == held


def test_intervals_are_in_order_and_each_once() -> None:
    assert intervals_of([1440, 60, 1440, 5]) == (5, 60, 1440)


# The same request is resumed rather than started again


@given(requests)
def test_a_request_survives_json(request_: Request) -> None:
    assert Request.from_json(json.loads(json.dumps(request_.to_json()))) == request_


@given(requests, requests)
def test_two_requests_have_the_same_key_just_when_they_ask_for_the_same(left: Request, right: Request) -> None:
    assert (left.key == right.key) == (left == right)


@pytest.mark.parametrize(
    "change",
    [
        {"tiers": ("TIER2",)},
        {"pairs": (BTC,)},
        {"quotes": ("USD",)},
        {"intervals": (60,)},
        {"start_date": MAY},
        {"end_date": MAY},
        {"sources": ("elsewhere",)},
        {"archive_through": MAY},
        {"auto_gap_fill": False},
        {"stop_on_error": True},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_part_of_a_request_is_part_of_its_key(change: dict[str, Any]) -> None:
    assert Request(**change).key != Request().key


def test_a_request_stored_by_an_older_or_newer_version_is_still_read() -> None:
    assert Request.from_json({}) == Request()
    assert Request.from_json({"intervals": [60], "from_the_future": 1}) == Request(intervals=(60,))
