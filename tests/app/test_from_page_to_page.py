"""From any page to any other by the menu: what was chosen on one never spoils the next."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import Page, expect

from app.shared.left_choices import NAMES
from tests.support.browsing import PATIENCE_MS, serving
from tests.support.command_line import NOBODY

pytest_plugins = ["tests.support.chromium"]
expect.set_options(timeout=PATIENCE_MS)

APP = Path(__file__).parents[2] / "app"
IN_THE_URL = re.compile(r'key="(\w+)",(?:[^()]|\([^()]*\))*?bind=IN_URL|(?:choice|day|toggle)\("[^"]+",\s*"(\w+)"')
PAGES = ("Overview", "Ingest", "Jobs", "Coverage", "Gaps", "Series", "Candles", "Schedules", "Settings")
CHOSEN = {  # by page, something that another one calls by the same name and means otherwise
    "Overview": "?by=Evidence",
    "Ingest": "ingest?by=Pairs&pair=BTC/USD&interval=1h",
    "Coverage": "coverage?pair=BTC/USD&interval=1h&interval=1d&colours=Sources&order=By+name",
    "Gaps": "gaps?pair=BTC/USD&interval=1h&rows=Tiers",
    "Series": "series?pair=ETH/USD&interval=1d",
    "Candles": "candles?pair=ETH/USD&interval=1d&log=true",
}
MISTAKEN = [("Candles", "Gaps"), ("Gaps", "Candles"), ("Ingest", "Overview")]
ALL = [(left, to) for left in CHOSEN for to in PAGES if to != left]


@pytest.fixture(scope="module")
def address(full_home: Path) -> Iterator[str]:
    with serving(full_home, KRAKEN_API_URL=NOBODY) as url:
        yield url


def go(tab: Page, page: str) -> None:
    tab.get_by_test_id("stSidebarNav").get_by_role("link", name=page, exact=True).click()
    expect(tab.get_by_role("heading", name=page, exact=True)).to_be_visible()
    drawn(tab)


def drawn(tab: Page) -> None:
    tab.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()


def chosen_in(url: str) -> set[tuple[str, str]]:
    return set(parse_qsl(urlsplit(url).query))


def crossed(tab: Page, address: str, left: str, to: str) -> None:
    tab.goto(f"{address}/{CHOSEN[left]}")
    expect(tab.get_by_role("heading", name=left, exact=True)).to_be_visible()
    drawn(tab)
    go(tab, to)
    assert tab.url.partition("?")[0].endswith("/" if to == "Overview" else f"/{to.lower()}")
    assert not chosen_in(tab.url) & chosen_in(CHOSEN[left]), f"from {left} to {to}"
    wrong = tab.locator("[data-testid=stException], [data-testid=stAlertContentError]")
    assert wrong.count() == 0, f"from {left} to {to}"


def test_a_choice_on_one_page_does_not_break_one_that_means_something_else_by_its_name(tab: Page, address: str) -> None:
    for left, to in MISTAKEN:
        crossed(tab, address, left, to)


@pytest.mark.soak
@pytest.mark.parametrize(("left", "to"), ALL)
def test_every_page_opens_from_every_other_whatever_was_chosen_there(
    tab: Page, address: str, left: str, to: str
) -> None:
    crossed(tab, address, left, to)


def test_every_name_that_pages_put_into_the_url_is_listed() -> None:
    found = {
        name for file in APP.rglob("*.py") for names in IN_THE_URL.findall(file.read_text()) for name in names if name
    }
    assert found == NAMES
