"""The page of a series: is it complete and where not, on what grounds; linked from wherever a series is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.shared import formatting
from app.shared.series_list import filters_of
from kraken_core import Workbench
from kraken_core.domain.market import Series
from kraken_core.domain.report import SeriesReport
from kraken_core.domain.timerange import TimeRanges
from tests.app.conftest import Opened, figures, told
from tests.support.doubted import doubt
from tests.support.little_market import BTC_EUR, BTC_USD, PEPE_USD

TABS = ["Candles", "Gaps", "No trades", "Evidence", "Sources"]


def line_of(home: Path, series: Series) -> SeriesReport:
    with Workbench.open(home) as workbench:
        [line] = workbench.holdings.report(workbench.select(pairs=[series.pair], intervals=[series.interval])).series
    return line


def opened_at(opened: Opened, series: Series) -> AppTest:
    return opened("series", **filters_of(series))


@pytest.mark.parametrize("series", [Series(BTC_USD, 60), Series(PEPE_USD, 1), Series(BTC_EUR, 1440)], ids=str)
def test_its_figures_are_those_of_the_report(full: Path, opened: Opened, series: Series) -> None:
    counts = line_of(full, series).counts
    shown = figures(opened_at(opened, series))
    assert shown["Missing"] == f"{counts.missing:,}"
    assert shown["Doubtful"] == "0"
    assert shown["No trades"] == f"{counts.silent:,}"
    assert shown["Candles"] == f"{counts.present:,}"


def test_what_is_doubtful_of_it_is_a_figure_of_its_own(full: Path, opened: Opened) -> None:
    series = Series(BTC_EUR, 60)
    with Workbench.open(full) as workbench:
        start = workbench.ledger.coverage([series])[0].start
        doubt(workbench, series, TimeRanges.single(start, start + 7 * series.width))
    assert figures(opened_at(opened, series))["Doubtful"] == "7"


def test_it_says_whether_the_series_is_complete_and_what_it_lacks(full: Path, opened: Opened) -> None:
    series = Series(PEPE_USD, 1)
    counts = line_of(full, series).counts
    assert counts.missing, "else it would prove nothing"
    sentence = told(opened_at(opened, series).warning[0].value)
    assert sentence.startswith(f"No: {formatting.series_name(series)} is ")
    assert f"{counts.missing:,} are missing" in sentence


def test_it_has_gaps_silences_evidence_and_sources_of_this_series_alone(full: Path, opened: Opened) -> None:
    series = Series(PEPE_USD, 1)
    page = opened_at(opened, series)
    assert [tab.label for tab in page.tabs] == TABS
    of = dict(zip(TABS, page.tabs, strict=True))
    with Workbench.open(full) as workbench:
        gaps = workbench.gaps(pairs=[series.pair], intervals=[series.interval])
        silences = workbench.silences(pairs=[series.pair], intervals=[series.interval])
    assert list(of["Gaps"].dataframe[0].value["Missing"]) == sorted(gaps["candles"], reverse=True)
    assert set(of["No trades"].dataframe[0].value["Candles"]) <= set(silences["slots"])
    assert all(name.endswith("PEPEUSD_1.csv") for name in of["Sources"].dataframe[0].value["File"])
    suspicious = sum(silences["kind"] == "suspicious") or "none"
    assert f", {suspicious} of them suspicious;" in of["No trades"].caption[0].value
    assert of["Evidence"].get("plotly_chart")
    assert of["Candles"].get("plotly_chart")


def test_its_timeline_adds_up_to_its_figures(full: Path, opened: Opened) -> None:
    page = opened_at(opened, Series(PEPE_USD, 1))
    specs = [json.loads(chart.proto.spec) for chart in page.get("plotly_chart")]
    assert {trace["name"] for trace in specs[1]["data"]} >= {"present", "no trades", "missing"}


def test_a_series_that_is_not_expected_says_so(full: Path, opened: Opened) -> None:
    with Workbench.open(full) as workbench:
        workbench.expectations.drop(workbench.select(pairs=["BTC/EUR"], intervals=[1440]))
    assert "is not expected" in told(opened_at(opened, Series(BTC_EUR, 1440)).info[0].value)


def test_an_empty_home_says_what_to_do(opened: Opened) -> None:
    assert "Nothing is stored" in opened("series").info[0].value
