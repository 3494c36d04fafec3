"""What a report says first: whether the data is complete; and no share that adds intervals up."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from kraken_core.domain.completeness import Completeness
from kraken_core.domain.formatting import percent
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.report import Report, SeriesReport
from kraken_core.pipeline.report_html import page
from kraken_core.pipeline.report_terminal import display

BTC, ETH = Pair("BTC", "USD"), Pair("ETH", "USD")
LINES = {1: Completeness(1_000_000, 987_653, 9), 60: Completeness(100, 100, 50), 1440: Completeness(10, 3, 3)}


def report_of(lines: dict[int, Completeness]) -> Report:
    series = [SeriesReport(Series(BTC, each), "TIER1", 0, 86_400 * 10, counts) for each, counts in lines.items()]
    return Report(86_400 * 10, tuple(series), ())


def terminal(report: Report, width: int = 120) -> str:
    out = io.StringIO()
    display(report, Console(file=out, width=width, highlight=False))
    return " ".join(out.getvalue().split())


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<style>.*?</style>|<[^>]+>", " ", html, flags=re.DOTALL).split())


def html(report: Report) -> str:
    return text_of(page(report))


def notebook(report: Report) -> str:
    return text_of(report._repr_html_())


VIEWS = pytest.mark.parametrize("view", [terminal, html, notebook])


@VIEWS
def test_the_first_sentence_answers_whether_the_data_is_complete(view: Callable[[Report], str]) -> None:
    report = report_of(LINES)
    first, answer = view(report), report.answer.text
    assert answer.startswith("No: 1 of 3 series is complete")
    assert answer in first
    assert first.index(answer) < first.index("%") + len(answer), "no share comes before the answer"
    assert "Yes: all 2 series are complete." in view(report_of(dict.fromkeys((5, 60), Completeness(9, 9, 1))))


@VIEWS
def test_no_share_and_no_row_adds_intervals_up(view: Callable[[Report], str]) -> None:
    report = report_of(LINES)
    shown = view(report)
    assert percent(report.overall.completeness) == "98.76 %"  # which is that of the minutes
    assert "98.76 %" not in shown
    assert f"{report.overall.wanted:,}" not in shown
    assert not re.search(r"\ball\b", re.sub(r"Yes: all", "", shown))


@VIEWS
@given(st.lists(st.tuples(st.sampled_from(INTERVALS), st.integers(0, 99)), min_size=2, unique_by=lambda each: each[0]))
def test_the_least_complete_interval_is_the_first_row(
    view: Callable[[Report], str], rows: list[tuple[int, int]]
) -> None:
    report = report_of({interval: Completeness(100, covered, covered) for interval, covered in rows})
    table = view(report).partition("active" if view is not notebook else "no trades")[2]
    shares = re.findall(r"[\d.]+ %|–", table)
    step = 1 if view is notebook else 2  # complete, and active beside it: a dash where nothing is covered
    shown = [float(each.removesuffix(" %")) for each in shares[: step * len(rows) : step]]
    assert shown == sorted(covered for _, covered in rows)


@pytest.mark.parametrize("view", [terminal, html])
def test_of_nothing_covered_no_share_is_shown_as_active(view: Callable[[Report], str]) -> None:
    shown = view(report_of({60: Completeness(100)}))
    assert "–" in shown
    assert set(re.findall(r"[\d.]+ %", shown)) == {"0 %"}, "only how complete it is"
