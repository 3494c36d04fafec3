"""What archives and their members are called, and what that states."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.archives import archive_for, day_start, quarter_bounds, series_of, stated_by_name
from kraken_core.domain.coverage import ArchiveStatement
from kraken_core.domain.errors import UnknownPairError, UsageError
from kraken_core.domain.market import INTERVALS, Pair, Series

QUARTERS = st.tuples(st.integers(2013, 2099), st.integers(1, 4))


def day(text: str) -> int:
    return day_start(date.fromisoformat(text))


FIRST_2026 = ArchiveStatement(day("2026-01-01"), day("2026-04-01"))
NOTHING = ArchiveStatement()


@pytest.mark.parametrize(
    "name",
    [
        "Kraken_OHLCVT_Q1_2026.zip",
        "Kraken_OHLCVT_2026Q1.zip",
        "Kraken_OHLCVT_2026Q1",
        "kraken_ohlcvt_q1_2026 (1).zip",
        "Q1 2026",
        "2026-Q1",
        "Kraken_OHLCVT_2026Q1.zip.part00",
        "2026Q1/again 2026Q1",
    ],
)
def test_a_quarter_in_a_name_states_its_start_and_end(name: str) -> None:
    assert stated_by_name(name) == FIRST_2026


@pytest.mark.parametrize(
    "name", ["Kraken_OHLCVT_Full_2026Q1.zip.part00", "Kraken_OHLCVT_full_Q1_2026.zip", "master_Q1_2026"]
)
def test_a_full_release_states_its_end_only(name: str) -> None:
    assert stated_by_name(name) == ArchiveStatement(None, FIRST_2026.end)


@pytest.mark.parametrize(
    "name",
    [
        "master_q4",
        "Kraken_OHLCVT.zip",
        "Q5_2026",
        "Q1_26",
        "Q1_20261",
        "XQ1_2026",
        "2026Q12",
        "Q1_0000",
        "Q1_2025-Q2_2025",
        "2026",
        "Full",
        "",
    ],
)
def test_other_names_state_nothing(name: str) -> None:
    assert stated_by_name(name) == NOTHING


@given(QUARTERS)
def test_quarters_follow_one_another_without_a_seam(quarter: tuple[int, int]) -> None:
    year, number = quarter
    following = (year + number // 4, number % 4 + 1)
    start, end = quarter_bounds(year, number)
    assert start < end == quarter_bounds(*following)[0]
    assert 90 <= (end - start) / 86_400 <= 92


@given(QUARTERS, st.integers(0, 1), st.integers(0, 1))
def test_the_archive_to_get_for_a_range_states_that_range(quarter: tuple[int, int], after: int, before: int) -> None:
    start, end = quarter_bounds(*quarter)
    name = archive_for(start + after, end - before, end)
    assert stated_by_name(name) == ArchiveStatement(start, end)


def test_quarterly_releases_changed_their_name_in_2026() -> None:
    as_of = day("2026-08-20")
    assert archive_for(day("2026-03-01"), day("2026-04-01"), as_of) == "Kraken_OHLCVT_Q1_2026.zip"
    assert archive_for(day("2026-04-01"), day("2026-04-02"), as_of) == "Kraken_OHLCVT_2026Q2.zip"


def test_no_archive_holds_a_quarter_that_has_not_ended() -> None:
    assert archive_for(day("2026-07-01"), day("2026-07-02"), day("2026-08-20")) == ""
    assert archive_for(day("2026-07-01"), day("2026-07-02"), day("2026-10-01")) == "Kraken_OHLCVT_2026Q3.zip"


def test_a_range_over_several_quarters_needs_the_newest_full_release() -> None:
    as_of = day("2026-08-20")
    assert archive_for(day("2024-01-01"), day("2026-08-01"), as_of) == "Kraken_OHLCVT_Full_2026Q2.zip"
    assert archive_for(day("2026-07-01"), day("2026-10-02"), as_of) == ""


@pytest.mark.parametrize("interval", INTERVALS)
def test_a_members_name_states_its_series(interval: int) -> None:
    series = Series(Pair("BTC", "USD"), interval)
    assert series_of(f"XBTUSD_{interval}.csv") == series
    assert series_of(f"XXBTZUSD_{interval}.CSV") == series
    assert series_of(series.file_name) == series


@pytest.mark.parametrize(
    "name",
    [
        "BTCUSD_Daily_OHLC.csv",
        "XBTUSD.csv",
        "XBTUSD_60.csv.gz",
        "XBTUSD_60.csv ",
        "XBTUSD_60 (1).csv",
        "XBTUSD_٦٠.csv",
        "folder/XBTUSD_60.csv",
        "_60.csv",
        "MANIFEST.json",
        "",
    ],
)
def test_names_of_another_kind_are_no_series(name: str) -> None:
    assert series_of(name) is None


def test_names_without_a_known_pair_or_interval_are_told_apart() -> None:
    with pytest.raises(UnknownPairError):
        series_of("FOOBAR_60.csv")
    with pytest.raises(UnknownPairError):
        series_of("XBTUSD.d_60.csv")
    with pytest.raises(UsageError, match="'10080' is no interval"):
        series_of("XBTUSD_10080.csv")
