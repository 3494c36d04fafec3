from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.errors import UsageError
from kraken_core.domain.interval_text import LONGEST, bases, parse_interval, parse_length, short
from kraken_core.domain.market import INTERVALS


@pytest.mark.parametrize(
    ("text", "minutes"),
    [(60, 60), ("60", 60), ("5m", 5), ("2h", 120), ("3d", 4320), ("1w", 10_080), (" 1D ", 1440), (7, 7)],
)
def test_lengths_are_minutes_or_have_a_unit(text: int | str, minutes: int) -> None:
    assert parse_length(text) == minutes


@pytest.mark.parametrize("wrong", [0, -5, "", "h", "2 h", "1.5h", "1y", "400d", "0m", "1hh", "²h"])
def test_what_is_no_length_is_refused(wrong: int | str) -> None:
    with pytest.raises(UsageError, match="is not an interval"):
        parse_length(wrong)


@pytest.mark.parametrize("interval", INTERVALS)
def test_the_archives_eight_intervals_are_accepted_as_minutes_and_as_they_are_shown(interval: int) -> None:
    assert parse_interval(f" {interval} ") == parse_interval(interval) == parse_interval(short(interval)) == interval


@pytest.mark.parametrize("text", ["0", "2", "10080", "1w", "-1", "1.0", "", "٣", "1٣", "60 m"])
def test_other_intervals_are_refused_and_the_eight_named(text: str) -> None:
    with pytest.raises(UsageError, match="choose from 1m, 5m, 15m, 30m, 1h, 4h, 12h, 1d, or minutes such as 60"):
        parse_interval(text)


@given(st.integers(1, LONGEST))
def test_what_is_written_short_is_read_as_the_same(minutes: int) -> None:
    assert parse_length(short(minutes)) == minutes


def test_the_eight_are_written_as_other_tools_do() -> None:
    assert [short(interval) for interval in INTERVALS] == ["1m", "5m", "15m", "30m", "1h", "4h", "12h", "1d"]


@given(st.integers(1, LONGEST))
def test_a_slot_is_made_of_whole_ones_the_coarsest_first(minutes: int) -> None:
    found = bases(minutes)
    assert found == sorted((i for i in INTERVALS if minutes % i == 0), reverse=True)
    assert found[-1] == 1
