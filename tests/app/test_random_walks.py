"""Somebody clicks around, without waiting for a page to be drawn: no page ends in an error, and none is blank."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.browsing import PATIENCE_MS, serving
from tests.support.command_line import NOBODY

pytest_plugins = ["tests.support.chromium"]
expect.set_options(timeout=PATIENCE_MS)

# Whatever only changes what is seen; a button may start a job.
HARMLESS = (
    "[data-testid=stSidebarNavLink]",
    "[data-testid=stPageLink] a",
    "[data-testid=stMain] [data-testid=stTab]",
    "[data-testid=stMain] [role=radio]",
    "[data-testid=stMain] [data-testid=stExpander] summary",
    "[data-testid=stMain] [data-testid=stCheckbox] label",
    "[data-testid=stMain] button:has-text('Zoom in')",
    "[data-testid=stMain] button:has-text('Zoom out')",
    "[data-testid=stMain] button:has-text('Later')",
    "[data-testid=stMain] button:has-text('All')",
)
# As a hand does it: the history takes note of what was pressed. Whatever was found may be gone by now.
PRESS = """all => all.map(one => {
    one.dispatchEvent(new PointerEvent("pointerdown", {bubbles: true}));
    one.click();
    return one.innerText;
})"""
BACK, WAITS = 0.1, 0.5  # how likely somebody goes back, or waits for the page first


@pytest.fixture(scope="module")
def address(full_home: Path) -> Iterator[str]:
    with serving(full_home, KRAKEN_API_URL=NOBODY) as url:
        yield url


def walk(tab: Page, address: str, seed: int, steps: int) -> None:
    """Click at random, and look at each page that is waited for."""
    chance, trail = random.Random(seed), [address]
    tab.goto(address)
    sound(tab, trail)
    for _ in range(steps):
        if chance.random() < BACK and len(trail) > 1:
            tab.go_back()
            trail.append("back")
            if tab.url == "about:blank":
                tab.goto(address)
        else:
            trail.append(clicked(tab, chance))
        if chance.random() < WAITS:
            sound(tab, trail)
    sound(tab, trail)


def clicked(tab: Page, chance: random.Random) -> str:
    kinds = list(HARMLESS)
    chance.shuffle(kinds)
    for kind in kinds:
        found: Locator = tab.locator(kind).locator("visible=true")
        if many := found.count():
            one = found.nth(chance.randrange(many))
            return f"{kind} {one.evaluate_all(PRESS)}"
    return "nothing to click"


def sound(tab: Page, trail: list[str]) -> None:
    app = tab.get_by_test_id("stApp")
    expect(app, f"{tab.url} {trail}").to_have_attribute("data-test-script-state", "notRunning")
    expect(tab.get_by_role("heading", level=1)).to_be_visible()
    wrong = tab.locator("[data-testid=stException], [data-testid=stAlertContentError]").all_inner_texts()
    assert not wrong, (wrong, tab.url, trail)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1, 31))
def test_no_page_ends_in_an_error_on_long_walks(tab: Page, address: str, seed: int) -> None:
    walk(tab, address, seed, steps=100)
