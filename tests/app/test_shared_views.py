"""A view whose filters were set in one browser, opened from its address in another one: the same is seen."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.app.browsing import PATIENCE_MS, press, serving
from tests.app.conftest import NOBODY

pytest_plugins = ["tests.app.chromium"]
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


@pytest.fixture(scope="module")
def address(unfilled_home: Path) -> Iterator[str]:
    with serving(unfilled_home, KRAKEN_API_URL=NOBODY) as url:
        yield url


def choose(tab: Page, label: str, option: str) -> None:
    """Choose from a list by typing."""
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
    """The tab's address comes to name the filters."""
    tab.wait_for_url(lambda url: filters.items() <= dict(parse_qsl(urlsplit(url).query)).items())


def seen(tab: Page) -> tuple[list[str], Any]:
    """The captions and the chart, as they are now."""
    captions = tab.get_by_test_id("stMain").get_by_test_id("stCaptionContainer").all_inner_texts()
    return captions, tab.evaluate(DRAWN)


def shared(browser: Browser, tab: Page, told: str) -> str:
    """Opens the tab's address in another browser, where the same has to come to be seen; returns that as a text."""
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        other = context.new_page()
        other.goto(tab.url)
        expect(other.get_by_text(told).first).to_be_visible()
        until(tab, lambda: seen(tab)[1] is not None and seen(tab) == seen(other))
        return json.dumps(seen(tab))


def test_a_view_of_coverage_is_shared_by_its_address(browser: Browser, tab: Page, address: str) -> None:
    tab.goto(f"{address}/coverage")
    tab.get_by_text("Filters", exact=True).click()
    choose(tab, "Pairs", "BTC/EUR")
    choose(tab, "Intervals", "5 min")
    drawn_as(tab, "BTC/EUR 5 min")
    tab.get_by_text("Where from").click()
    drawn_as(tab, "CSV")
    press(tab, "Closer")
    view_is_in(tab, pair="BTC/EUR", interval="5 min", colours="Where from", start="2024-03-29T18:03")
    view = shared(browser, tab, "One bar a series")
    assert "BTC/EUR 5 min" in view
    assert "BTC/USD" not in view


def test_a_view_of_gaps_is_shared_by_its_address(browser: Browser, tab: Page, address: str) -> None:
    tab.goto(f"{address}/gaps")
    tab.get_by_text("Filters", exact=True).click()
    choose(tab, "Quotes", "EUR")
    drawn_as(tab, "BTC/EUR", without="BTC/USD")
    tab.get_by_text("Tiers", exact=True).last.click()
    drawn_as(tab, "TIER1")
    press(tab, "Closer")
    view_is_in(tab, quote="EUR", rows="Tiers", start="2024-03-29T18:00")
    view = shared(browser, tab, "The share that is missing")
    assert "TIER1" in view
    assert "TIER4" not in view


def test_a_view_of_candles_is_shared_by_its_address(browser: Browser, tab: Page, address: str) -> None:
    tab.goto(f"{address}/candles")
    choose(tab, "Pair", "UNI/USD")
    drawn_as(tab, "volume, UNI")
    tab.get_by_text("4 h", exact=True).click()
    tab.get_by_text("Log scale").click()
    drawn_as(tab, '"log"')
    press(tab, "Closer")
    view_is_in(tab, pair="UNI/USD", interval="4 h", log="true", start="2024-03-29T18:00")
    view = shared(browser, tab, "a bar is a candle")
    assert '"log"' in view
    assert "volume, UNI" in view
