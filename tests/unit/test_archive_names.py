"""What archives and their members are called, and what that states."""

from datetime import date

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from kraken_core.domain.archive_names import stated_by_name
from kraken_core.domain.archives import (
    archive_for,
    archives_covering,
    quarter_bounds,
    quarter_of,
    quarterly_names,
    series_of,
)
from kraken_core.domain.coverage import ArchiveStatement
from kraken_core.domain.errors import UnknownPairError, UsageError
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.timerange import day_start

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
        "2026",
        "Full",
        "",
    ],
)
def test_other_names_state_nothing(name: str) -> None:
    assert stated_by_name(name) == NOTHING


FIRST_TO_THIRD_2025 = ArchiveStatement(day("2025-01-01"), day("2025-10-01"))


@pytest.mark.parametrize(
    ("name", "states"),
    [
        *(
            (name, FIRST_TO_THIRD_2025)
            for name in (
                "Kraken_OHLCVT_Q1-Q3_2025.zip",
                "Q1_to_Q3_2025",
                "2025Q1-Q3",
                "2025Q1-2025Q3",
                "Q1_2025-Q3_2025",
                "kraken q1 2025 through q3 2025",
                "2025-Q1 to 2025-Q3",
            )
        ),
        ("Kraken_OHLCVT_2013_to_Q4_2025.zip", ArchiveStatement(day("2013-01-01"), day("2026-01-01"))),
        ("2013-Q4_2025", ArchiveStatement(day("2013-01-01"), day("2026-01-01"))),
        ("Q4_2024-Q1_2025", ArchiveStatement(day("2024-10-01"), day("2025-04-01"))),
        ("Kraken_Full_2013_to_Q4_2025.zip", ArchiveStatement(None, day("2026-01-01"))),
        ("Kraken_up_to_Q4_2025", ArchiveStatement(None, day("2026-01-01"))),
    ],
)
def test_a_range_in_a_name_is_a_range(name: str, states: ArchiveStatement) -> None:
    assert stated_by_name(name) == states


@pytest.mark.parametrize(
    "name",
    ["Q1_Q2_2025", "Q1+Q2_2025", "Q1_2025_Q3_2025", "Q3-Q1_2025", "since_2024Q1", "2013-2025", "Q1-Q2_2024 Q4_2025"],
)
def test_quarters_that_are_no_range_state_nothing(name: str) -> None:
    """Each of them may mean those named, or all between: a quarter that is claimed and absent would be lost unsaid."""
    assert stated_by_name(name) == NOTHING


@given(QUARTERS, st.integers(1, 11), st.sampled_from(["-", "_to_", " through ", "_-_"]))
def test_a_range_goes_from_its_first_quarters_start_to_its_last_ones_end(
    quarter: tuple[int, int], later: int, link: str
) -> None:
    last = divmod(quarter[0] * 4 + quarter[1] - 1 + later, 4)
    ends = (last[0], last[1] + 1)
    assume(ends[0] < 2100)  # a number of another century is no year
    span = ArchiveStatement(quarter_bounds(*quarter)[0], quarter_bounds(*ends)[1])
    for first, second in (("{0}Q{1}", "{0}Q{1}"), ("Q{1}_{0}", "Q{1}_{0}"), ("{0}-Q{1}", "Q{1} {0}")):
        assert stated_by_name(f"Kraken_{first.format(*quarter)}{link}{second.format(*ends)}.zip") == span


@given(QUARTERS)
def test_quarters_follow_one_another_without_a_seam(quarter: tuple[int, int]) -> None:
    year, number = quarter
    following = (year + number // 4, number % 4 + 1)
    start, end = quarter_bounds(year, number)
    assert start < end == quarter_bounds(*following)[0]
    assert 90 <= (end - start) / 86_400 <= 92


@given(st.tuples(st.integers(2023, 2099), st.integers(1, 4)), st.integers(0, 1), st.integers(0, 1))
def test_the_archive_to_get_for_a_range_states_that_range(quarter: tuple[int, int], after: int, before: int) -> None:
    start, end = quarter_bounds(*quarter)
    name = archive_for(start + after, end - before, end)
    assert stated_by_name(name) == ArchiveStatement(start, end)


INSTANTS = st.integers(day("2014-01-01"), day("2030-01-01"))


@given(INSTANTS, INSTANTS, INSTANTS)
def test_an_archive_that_is_advised_for_a_range_was_published_and_holds_all_of_it(
    one: int, other: int, as_of: int
) -> None:
    start, end = sorted((one, other))
    name = archive_for(start, end + 1, as_of)
    stated = stated_by_name(name)
    if name == "Kraken_OHLCVT.zip":  # brought up to date with the end of each year, until those of 2026 have dates
        stated = ArchiveStatement(None, quarter_bounds(quarter_of(as_of)[0], 1)[0])
        assert as_of < day("2026-07-01")
    elif name:
        assert stated.end is not None
        assert stated.end <= as_of
        assert stated.end > (day("2023-01-01") if stated.start else day("2026-06-30"))
    if name:
        assert (stated.start or 0) <= start
        assert end < (stated.end or 0)


@given(INSTANTS, INSTANTS, INSTANTS)
@example(day("2025-10-01"), day("2026-01-01"), day("2026-01-01"))  # of the full one, though a quarter has its own
def test_the_archives_that_hold_parts_of_a_range_hold_them_one_behind_the_other(
    one: int, other: int, as_of: int
) -> None:
    start, end = min(one, other), max(one, other) + 1
    at = start
    for name, begins, ends in archives_covering(start, end, as_of):
        assert at == begins < ends <= end
        alone = archive_for(begins, ends, as_of)
        assert alone == name or (alone in quarterly_names(*quarter_of(begins)) and not stated_by_name(name).start)
        at = ends


def test_before_2023_there_is_no_release_of_a_quarter_alone() -> None:
    start, end = quarter_bounds(2022, 4)
    assert archive_for(start, end, day("2025-02-01")) == "Kraken_OHLCVT.zip"
    assert archive_for(start, end, day("2026-08-20")) == "Kraken_OHLCVT_Full_2026Q2.zip"
    assert archive_for(*quarter_bounds(2023, 1), day("2025-02-01")) == "Kraken_OHLCVT_Q1_2023.zip"


def test_a_full_release_that_ends_inside_a_range_is_not_the_archive_for_it_but_holds_a_part() -> None:
    as_of, start, end = day("2026-08-20"), day("2024-01-01"), day("2026-08-01")
    assert archive_for(start, end, as_of) == ""
    assert archives_covering(start, end, as_of) == [("Kraken_OHLCVT_Full_2026Q2.zip", start, day("2026-07-01"))]
    early = archives_covering(day("2024-11-01"), day("2025-08-01"), day("2025-08-20"))
    assert [name for name, _, _ in early] == [
        "Kraken_OHLCVT.zip",
        "Kraken_OHLCVT_Q1_2025.zip",
        "Kraken_OHLCVT_Q2_2025.zip",
    ]


def test_quarterly_releases_changed_their_name_in_2026() -> None:
    as_of = day("2026-08-20")
    assert archive_for(day("2026-03-01"), day("2026-04-01"), as_of) == "Kraken_OHLCVT_Q1_2026.zip"
    assert archive_for(day("2026-04-01"), day("2026-04-02"), as_of) == "Kraken_OHLCVT_2026Q2.zip"


def test_no_archive_holds_a_quarter_that_has_not_ended() -> None:
    assert archive_for(day("2026-07-01"), day("2026-07-02"), day("2026-08-20")) == ""
    assert archive_for(day("2026-07-01"), day("2026-07-02"), day("2026-10-01")) == "Kraken_OHLCVT_2026Q3.zip"


def test_a_range_over_several_quarters_needs_the_newest_full_release() -> None:
    as_of = day("2026-08-20")
    assert archive_for(day("2024-01-01"), day("2026-07-01"), as_of) == "Kraken_OHLCVT_Full_2026Q2.zip"
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
    with pytest.raises(UsageError, match="'10080' is not an interval"):
        series_of("XBTUSD_10080.csv")
