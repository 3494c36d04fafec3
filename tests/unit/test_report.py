"""How complete a history is (rule 14), and what the report advises."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_core.cli.main import cli
from kraken_core.domain.archives import quarter_bounds
from kraken_core.domain.completeness import Completeness
from kraken_core.domain.gaps import GapRecord, GapStatus, Route
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.report import Report, SeriesReport

BTC, EURO, SHIB = Pair("BTC", "USD"), Pair("BTC", "EUR"), Pair("SHIB", "USD")
COUNTS = st.lists(st.integers(0, 10**9), min_size=3, max_size=3).map(lambda n: Completeness(*sorted(n, reverse=True)))


def line(series: Series, wanted: int, covered: int, present: int) -> SeriesReport:
    return SeriesReport(series, "TIER1", 0, wanted * series.width, Completeness(wanted, covered, present))


FIRST, SECOND = (2026, 1), (2026, 2)  # quarters
Q1 = "Kraken_OHLCVT_Q1_2026.zip"


def gap(
    number: int = 0, candles: int = 1, quarter: tuple[int, int] | None = None, interval: int = 60, **details: object
) -> GapRecord:
    """A gap in a quarter, whose archive contains it; else in the present one, of which there is none yet."""
    start = quarter_bounds(*(quarter or (2026, 3)))[0] + number % 100 * 7200
    series = Series(BTC, interval)
    csv_file = series.file_name if quarter else ""
    record = GapRecord(series, start, start + candles * series.width, candles, 0, candles, csv_file=csv_file)
    return record._replace(**details)  # type: ignore[arg-type]  # names checked by replace


def report_of(*lines: SeriesReport, gaps: tuple[GapRecord, ...] = ()) -> Report:
    return Report(quarter_bounds(2026, 3)[0], lines, gaps)


# Rule 14


@given(COUNTS)
def test_every_wanted_slot_is_present_silent_or_missing(counts: Completeness) -> None:
    assert counts.present + counts.silent + counts.missing == counts.wanted
    assert min(counts.present, counts.silent, counts.missing) >= 0
    assert 0 <= counts.completeness <= 1
    assert 0 <= counts.activity <= 1


def test_a_thin_pair_that_is_wholly_covered_is_complete_not_broken() -> None:
    """Others call it 89.5 % missing."""
    thin = Completeness(wanted=1000, covered=1000, present=105)
    assert (thin.completeness, thin.activity, thin.missing, thin.silent) == (1.0, 0.105, 0, 895)


def test_a_broken_pair_does_not_look_quiet() -> None:
    broken = Completeness(wanted=1000, covered=105, present=105)
    assert (broken.completeness, broken.activity, broken.missing, broken.silent) == (0.105, 1.0, 895, 0)


def test_where_nothing_is_held_completeness_is_0_not_100_percent() -> None:
    assert Completeness(wanted=1000).completeness == 0.0
    assert Completeness().completeness == 0.0
    assert Completeness().activity == 0.0
    assert report_of().overall == Completeness()


def test_dollars_and_euros_of_one_asset_are_never_mixed() -> None:
    """Together they would read 190 % for one, and hide what the other lacks."""
    report = report_of(line(Series(BTC, 60), 100, 95, 95), line(Series(EURO, 60), 100, 95, 95))
    assert [each.counts.completeness for each in report.series] == [0.95, 0.95]
    assert report.overall == Completeness(200, 190, 190)
    assert report.overall.completeness == 0.95


@given(st.lists(COUNTS))
def test_the_whole_is_the_sum_of_its_intervals(counts: list[Completeness]) -> None:
    intervals = (1440, 60, 5)
    lines = [SeriesReport(Series(BTC, intervals[number % 3]), None, 0, 1, each) for number, each in enumerate(counts)]
    report = report_of(*lines)
    assert sum(report.by_interval.values(), Completeness()) == report.overall
    shares = [each.completeness for each in report.by_interval.values()]
    assert shares == sorted(shares), "the least complete interval comes first"
    assert report.overall.wanted == sum(each.wanted for each in counts)


def test_the_worst_are_those_that_lack_something_least_complete_first() -> None:
    complete = line(Series(BTC, 60), 100, 100, 1)
    half, slightly, nothing = (
        line(Series(EURO, 60), 100, 50, 50),
        line(Series(SHIB, 60), 1000, 999, 10),
        line(Series(SHIB, 1440), 10, 0, 0),
    )
    assert report_of(complete, slightly, half, nothing).worst == [nothing, half, slightly]


def test_of_equally_complete_series_the_one_that_lacks_more_comes_first() -> None:
    small, large = line(Series(BTC, 60), 10, 5, 5), line(Series(EURO, 5), 1000, 500, 500)
    assert report_of(small, large).worst == [large, small]


# What to do next


def test_a_complete_history_needs_nothing() -> None:
    assert report_of(line(Series(BTC, 60), 100, 100, 50)).actions == []


def test_what_is_free_is_advised_first_then_the_archive_that_fills_most() -> None:
    report = report_of(
        gaps=(
            gap(0, 5, FIRST),
            gap(1, 70, SECOND),
            gap(2, 4, FIRST),
            gap(3, 3, route=Route.DERIVE),
            gap(4, 2, status=GapStatus.FAILED),
        )
    )
    free, most, less, retry = report.actions
    assert free.startswith("finer candles can fill 1 gap,")
    assert most == (
        "download Kraken_OHLCVT_2026Q2.zip to fill up to 70 missing candles, then: "
        "kraken-history ingest --csv-source-dir Kraken_OHLCVT_2026Q2.zip --pairs BTC/USD"
    )
    assert less.startswith("download Kraken_OHLCVT_Q1_2026.zip to fill up to 9 missing candles")
    assert retry.startswith("1 gap could not be filled")


def test_no_archive_is_advised_where_none_holds_it_yet() -> None:
    assert report_of(gaps=(gap(0, 5), gap(1, 6))).actions == []


def test_gaps_that_no_archive_fills_push_no_archive_out_of_the_advice() -> None:
    report = report_of(gaps=(gap(9, 1000), *(gap(0, 1, (2025, quarter)) for quarter in (1, 2, 3, 4))))
    archives = [f"Kraken_OHLCVT_Q{quarter}_2025.zip" for quarter in (1, 2, 3, 4)]
    assert [text.partition(" to fill")[0] for text in report.actions] == [f"download {name}" for name in archives]


@pytest.mark.parametrize(
    ("bases", "selection"), [(("ETH", "BTC"), "--pairs BTC/USD,ETH/USD"), ("ABCDEF", "--expected")]
)
def test_an_advised_command_is_whole_and_selects_the_pairs_with_gaps(bases: Sequence[str], selection: str) -> None:
    gaps = tuple(gap(n, 1, FIRST, series=Series(Pair(base, "USD"), 60)) for n, base in enumerate(bases))
    [advice] = report_of(gaps=gaps).actions
    assert advice.endswith(f": kraken-history ingest --csv-source-dir {Q1} {selection}")


def test_the_advice_stays_short_however_many_gaps_there_are() -> None:
    """A list of 17 MB is read by nobody."""
    many = tuple(gap(n, 1, (2023 + n % 3, 1 + n % 4), status=GapStatus.FAILED) for n in range(5000))
    assert len(report_of(gaps=(*many, gap(9999, 1, route=Route.DERIVE))).actions) <= 6


def test_every_command_and_option_that_is_advised_exists() -> None:
    report = report_of(gaps=(gap(0, 5, FIRST), gap(1, 1, route=Route.DERIVE), gap(2, status=GapStatus.FAILED)))
    advised = [
        found
        for text in report.actions
        for found in re.findall(r"kraken-history ([a-z]+)((?: with)?(?: --[a-z-]+)*)", text)
    ]
    assert len(advised) == 3
    for name, options in advised:
        command = cli.commands[name]
        known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        assert set(re.findall(r"--[a-z-]+", options)) <= known


def test_large_numbers_are_readable() -> None:
    assert "1,234,567 missing candles" in report_of(gaps=(gap(0, 1_234_567, (2022, 1), interval=1),)).actions[0]
