"""How values look: the same on a terminal, on a page and in a message."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.formatting import decimals, duration, instant, percent, plain_number, whole_percent
from kraken_core.domain.plural import counted


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0 %"),
        (0.00001, "< 0.01 %"),
        (0.0001, "0.01 %"),
        (0.5, "50.00 %"),
        (0.9999, "99.99 %"),
        (0.99995, "> 99.99 %"),
        (1 - 1e-12, "> 99.99 %"),
        (1, "100 %"),
    ],
)
def test_a_share_is_all_or_nothing_only_where_it_is(share: float, text: str) -> None:
    assert percent(share) == text


@given(st.floats(0, 1, exclude_min=True, exclude_max=True))
def test_no_other_share_reads_as_all_or_nothing(share: float) -> None:
    assert percent(share) not in {"0 %", "0.00 %", "100 %", "100.00 %"}
    assert whole_percent(share) not in {"0 %", "100 %"}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (42.4, "42 s"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (3_600, "1 h"),
        (18_720, "5 h 12 min"),
        (86_399.6, "1 d"),
        (12 * 86_400 + 3 * 3_600 + 59, "12 d 3 h"),
        (1_234 * 86_400, "1,234 d"),
    ],
)
def test_a_length_of_time_is_told_by_its_two_largest_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_an_instant_is_in_utc_with_seconds_where_there_are_any() -> None:
    assert instant(1_706_702_400) == "2024-01-31 12:00"
    assert instant(1_706_702_405) == "2024-01-31 12:00:05"
    there = datetime(2024, 1, 31, 14, 0, tzinfo=timezone(timedelta(hours=2)))
    assert instant(there) == instant(there.astimezone(UTC)) == "2024-01-31 12:00"


def test_counted_things_have_their_plural() -> None:
    assert [counted(number, "file") for number in (0, 1, 2313)] == ["0 files", "1 file", "2,313 files"]
    assert [counted(number, "series") for number in (1, 2)] == ["1 series", "2 series"]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (69_420.1, "69,420.1"),
        (1.3291e-05, "0.000013291"),
        (119.532951, "119.532951"),
        (12_345_678.1234567, "12,345,678.1234567"),
        (100.0, "100"),
        (0.0, "0"),
        (1e-12, "0.000000000001"),
        (0.1 + 0.2, "0.3"),
    ],
)
def test_a_price_or_a_volume_has_all_its_digits_and_no_exponent(number: float, text: str) -> None:
    assert plain_number(number) == text
    assert decimals(number) == len(text.partition(".")[2])
