"""Back and forward in a real browser: a view at a time, each with a name of its own."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.app.asking_home import AskingHome
from tests.support.browsing import PATIENCE_MS, serving

pytest_plugins = ["tests.support.chromium"]
expect.set_options(timeout=PATIENCE_MS)


def click_in(table: Locator, across: float, row: int) -> None:
    """Click a cell of a table, drawn as a picture: so far across it, in a row below the one of the titles."""
    table.scroll_into_view_if_needed()
    box = table.bounding_box()
    assert box
    table.click(position={"x": across * box["width"], "y": 35 * row + 17}, force=True)  # what scrolls lies upon it


def is_at(tab: Page, title: str, *parts: str) -> None:
    expect(tab).to_have_title(f"{title} · Kraken History")
    for part in parts:
        assert part in tab.url


def test_back_goes_back_one_view_and_each_tab_says_which_it_shows(tab: Page, asking: AskingHome) -> None:
    with serving(asking.home) as url:
        tab.goto(url)
        expect(tab.get_by_text("Click a cell to open its series")).to_be_visible()
        is_at(tab, "Overview")
        click_in(tab.get_by_test_id("stDataFrame").locator("canvas").first, 0.5, 1)
        expect(tab).to_have_title(re.compile(r"^\w+/\w+ \d+[mhd] · Kraken History$"))
        tab.go_back()
        is_at(tab, "Overview")
        tab.get_by_role("link", name="Jobs", exact=True).click()
        is_at(tab, "Jobs")
        click_in(tab.get_by_test_id("stDataFrame").locator("canvas").first, 0.3, 1)
        is_at(tab, "Job 1", "job=1")
        tab.get_by_text("Events", exact=True).click()
        tab.wait_for_url("**/jobs?job=1&show=Events")
        tab.go_back()
        tab.wait_for_url("**/jobs?job=1")
        tab.go_back()
        is_at(tab, "Jobs")
        assert "job=" not in tab.url
        tab.go_back()
        is_at(tab, "Overview")
        tab.goto(f"{url}/series?pair=BTC/USD&interval=1h")
        is_at(tab, "BTC/USD 1h", "pair=BTC/USD&interval=1h")
        tab.go_back()
        is_at(tab, "Overview")


@pytest.mark.parametrize("page", ["Series", "Candles"])
def test_back_to_an_address_that_names_no_series_shows_the_one_that_was_there(
    tab: Page, asking: AskingHome, page: str
) -> None:
    with serving(asking.home) as url:
        tab.goto(url)
        tab.get_by_test_id("stSidebarNav").get_by_role("link", name=page, exact=True).click()
        pair, interval = tab.get_by_role("combobox", name="Pair"), tab.get_by_role("radio", checked=True).first
        expect(pair).not_to_have_value("")
        shown, at = pair.input_value(), interval.inner_text()
        tab.get_by_test_id("stSidebarNav").get_by_role("link", name="Jobs", exact=True).click()
        is_at(tab, "Jobs")
        tab.wait_for_url("**/jobs")  # its title comes first, and whoever goes back before that leaves Series
        tab.go_back()
        tab.wait_for_url(f"**/{page.lower()}")
        expect(tab.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
        expect(pair).to_have_value(shown)
        expect(interval).to_have_text(at)
        expect(tab.get_by_test_id("stAlertContentError")).to_have_count(0)
