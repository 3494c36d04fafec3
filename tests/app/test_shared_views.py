"""A view whose filters were set in one browser, opened from its address in another one: the same is seen."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect
from streamlit.testing.v1 import AppTest

from tests.app.conftest import Opened
from tests.support.browsing import PATIENCE_MS, plot, press, serving, unfold
from tests.support.command_line import NOBODY

pytest_plugins = ["tests.support.chromium"]
expect.set_options(timeout=PATIENCE_MS)

# What every trace of the chart is drawn from, and the axes' ranges
DRAWN = """() => {
    const chart = document.querySelector('.js-plotly-plot');
    if (!chart || !chart.layout) return null;
    const axes = Object.keys(chart.layout).filter(name => /^[xy]axis/.test(name)).sort();
    return {
        traces: chart.data.map(({name, x, y, base, close}) => ({name, x, y, base, close})),
        axes: axes.map(name => chart.layout[name]).map(
            ({type, range, ticktext, title}) => ({type, range, ticktext, title})
        ),
    };
}"""


class Shared(NamedTuple):
    """A view of a page: what is chosen for it, how its address names that, and what its chart tells, or does not."""

    page: str
    chosen: Callable[[Page], None]
    named: dict[str, str]
    told: set[str]
    left_out: set[str]


@pytest.fixture(scope="module")
def address(unfilled_home: Path) -> Iterator[str]:
    with serving(unfilled_home, KRAKEN_API_URL=NOBODY) as url:
        yield url


def choose(tab: Page, label: str, option: str) -> None:
    """Choose from a list by typing, once the page is drawn: a page that moves closes a list that is open."""
    tab.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    box = tab.get_by_role("combobox", name=label)
    box.fill(option)
    tab.get_by_role("option", name=option, exact=True).click()
    box.press("Escape")  # a list of which several can be chosen stays open


def until(tab: Page, true: Callable[[], bool]) -> None:
    """Wait for what the tab's browser brings about."""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while not true():
        assert time.monotonic() < deadline, seen(tab)
        tab.wait_for_timeout(50)


def drawn_as(tab: Page, text: str, without: str | None = None) -> None:
    """The chart comes to tell the text, and not the other one: what is clicked before is not where it was."""
    until(tab, lambda: text in (drawn := json.dumps(tab.evaluate(DRAWN))) and (not without or without not in drawn))


def view_is_in(tab: Page, **filters: str) -> None:
    """The tab's address comes to name the filters, and a window."""

    def named(url: str) -> bool:
        query = dict(parse_qsl(urlsplit(url).query))
        return filters.items() <= query.items() and {"start", "end"} <= query.keys()

    tab.wait_for_url(named)


def seen(tab: Page) -> tuple[list[str], Any]:
    """The captions and the chart, as they are now."""
    captions = tab.get_by_test_id("stMain").get_by_test_id("stCaptionContainer").all_inner_texts()
    return captions, tab.evaluate(DRAWN)


def of_coverage(tab: Page) -> None:
    unfold(tab, "Filters")
    choose(tab, "Pairs", "BTC/EUR")
    drawn_as(tab, "BTC/EUR", without="BTC/USD")
    choose(tab, "Intervals", "5m")
    drawn_as(tab, "BTC/EUR 5m")
    tab.get_by_text("Sources", exact=True).click()
    drawn_as(tab, "CSV")


def of_gaps(tab: Page) -> None:
    unfold(tab, "Filters")
    choose(tab, "Quotes", "EUR")
    drawn_as(tab, "BTC/EUR", without="BTC/USD")
    tab.get_by_text("Tiers", exact=True).last.click()
    drawn_as(tab, "TIER1")


def of_candles(tab: Page) -> None:
    choose(tab, "Pair", "UNI/USD")
    drawn_as(tab, "volume, UNI")
    tab.get_by_text("4h", exact=True).click()
    tab.get_by_text("Log scale").click()
    drawn_as(tab, '"log"')


COVERAGE = Shared("coverage", of_coverage, {"pair": "BTC/EUR", "interval": "5m", "colours": "Sources"},
                  {"BTC/EUR 5m"}, {"BTC/USD"})  # fmt: skip
GAPS = Shared("gaps", of_gaps, {"quote": "EUR", "rows": "Tiers"}, {"TIER1"}, {"TIER4"})
CANDLES = Shared("candles", of_candles, {"pair": "UNI/USD", "interval": "4h", "log": "true"},
                 {"volume, UNI", '"log"'}, {"BTC"})  # fmt: skip


@pytest.mark.parametrize(
    "view",
    [GAPS, *(pytest.param(view, marks=pytest.mark.soak) for view in (COVERAGE, CANDLES))],
    ids=lambda view: view.page,
)
def test_a_view_is_shared_by_its_address(view: Shared, browser: Browser, tab: Page, address: str) -> None:
    tab.goto(f"{address}/{view.page}")
    plot(tab)  # a page is drawn before somebody chooses on it
    view.chosen(tab)
    press(tab, "Zoom in")
    view_is_in(tab, **view.named)
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        other = context.new_page()
        other.goto(tab.url)
        plot(other)
        until(tab, lambda: seen(tab) == seen(other))
        told = json.dumps(seen(other))
    assert all(each in told for each in view.told)
    assert not any(each in told for each in view.left_out)


def test_filters_unfold_where_one_is_set_and_stay_as_they_are_otherwise(full: Path, opened: Opened) -> None:
    def unfolded(shown: AppTest) -> bool:
        return bool(next(each for each in shown.expander if each.label == "Filters").proto.expanded)

    window = {"start": "2024-03-30T00:00", "end": "2024-03-31T00:00"}
    assert not unfolded(opened("coverage", **window)), "whoever zooms opened no filters"
    shown = opened("coverage", pair="BTC/USD", **window)
    assert unfolded(shown)
    assert unfolded(shown.multiselect(key="pair").set_value([]).run()), "whoever takes a filter out is still at it"
