"""Which published archives a gap names, for what no route fills and for what one does (rule 10)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.archives import quarter_bounds
from kraken_core.domain.gaps import GapStatus, Route
from kraken_core.domain.market import Series
from kraken_core.domain.timerange import TimeRanges, floor
from tests.unit.detected_gaps import AS_OF, DAY_S, DOLLARS, HOUR, START, detect, only_gap


def test_a_gap_that_no_route_fills_names_the_archive_and_the_file_to_get() -> None:
    found = detect({HOUR: TimeRanges.single(START, START + DAY_S)})
    (gap,) = found.unfillable
    assert (gap.status, gap.route) == (GapStatus.UNFILLABLE, Route.NONE)
    assert (gap.archive, gap.csv_file) == ("Kraken_OHLCVT_Q1_2026.zip", "XBTUSD_60.csv")
    assert gap.reason == "can't be derived; available in Kraken_OHLCVT_Q1_2026.zip"
    assert found.fillable == ()


def test_a_gap_across_quarters_names_the_newest_full_archive() -> None:
    (gap,) = detect({HOUR: TimeRanges.single(START - DAY_S, START + DAY_S)}).unfillable
    assert gap.archive == "Kraken_OHLCVT_Full_2026Q2.zip"


def test_a_gap_that_an_archive_contains_in_part_names_it_too_whatever_route_is_open() -> None:
    series = Series(DOLLARS, 1)
    gap = only_gap(series, START, floor(AS_OF, 60), AS_OF)
    assert (gap.route, gap.fillable) == (Route.OHLC, 720)
    assert (gap.archive, gap.csv_file) == ("Kraken_OHLCVT_Full_2026Q2.zip", "XBTUSD_1.csv")


def test_a_gap_that_several_archives_contain_together_names_all_of_them() -> None:
    series, start, end = Series(DOLLARS, 720), quarter_bounds(2025, 4)[0], quarter_bounds(2026, 1)[1]
    gap = only_gap(series, start, end, end)
    assert gap.archive == "Kraken_OHLCVT.zip, Kraken_OHLCVT_Q1_2026.zip"
    assert [part.archive for part in gap.by_archive(end)] == gap.archive.split(", ")
    assert gap.reason.startswith(
        "can't be derived; no archive contains all of it: Kraken_OHLCVT.zip contains it to 2026-"
    )


@given(st.integers(0, 900), st.integers(1, 900), st.integers(0, 900))
def test_a_gap_names_the_archives_of_the_download_list(first: int, days: int, now: int) -> None:
    start, as_of = AS_OF - (900 + first) * DAY_S, AS_OF - now * DAY_S
    gap = only_gap(HOUR, floor(start, 3600), floor(start, 3600) + days * DAY_S, as_of)
    assert gap.archive == ", ".join(part.archive for part in gap.by_archive(as_of))
    assert bool(gap.archive) == bool(gap.csv_file)


def test_a_gap_of_the_present_quarter_names_no_archive_yet() -> None:
    recent = floor(AS_OF, DAY_S)
    (gap,) = detect({Series(DOLLARS, 1): TimeRanges.single(recent, recent + 60)}, as_of=AS_OF + DAY_S).unfillable
    assert (gap.archive, gap.csv_file) == ("", "")
    assert gap.reason == "nothing is finer than one minute; no archive contains it yet"
