"""What somebody does on pages that are open, timed by the browser itself from the moment the mouse is let go."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import NamedTuple

from playwright.sync_api import Page

from tests.support.browsing import unfold

# A figure is there when its name and a number of it can be read, and on a page that stays, when it has become another
# one; a chart when it was not there before. Each frame is looked at, and time counts from the event itself. Texts are
# compared as they are in the document: those that are seen would have the browser lay out the page for each look.
WATCH = """([heading, figure, stays]) => {
    const box = () => [...document.querySelectorAll('[data-testid=stCaptionContainer]')]
        .find(name => name.textContent.trim() === figure)
        ?.closest('[data-testid=stVerticalBlock]').textContent ?? '';
    const charts = () => [...document.querySelectorAll('.js-plotly-plot .nsewdrag')];
    const before = stays ? box() : '', drawn = new Set(charts()), took = window.took = {};
    let began = 0;
    addEventListener('pointerup', event => { began = event.timeStamp; }, {capture: true, once: true});
    const look = () => {
        if (began && document.querySelector('h1')?.textContent.trim() === heading) {
            const now = (performance.now() - began) / 1000;
            if (/\\d/.test(box()) && box() !== before) took.figures ??= now;
            if (charts().some(chart => !drawn.has(chart))) took.chart ??= now;
        }
        if (!took.figures || !took.chart) requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
}"""
IDLE = "[data-testid=stApp][data-test-script-state=notRunning]"
FIGURES = {
    "Overview": "Complete series",
    "Jobs": "New candles",
    "Coverage": "Candles expected",
    "Gaps": "Missing",
    "Series": "Candles",
    "Candles": "Candles",
}  # one of each page, which another window or interval changes
PICKED = {"Series", "Candles"}  # pages of one series, whose interval is picked
INTERVALS = ("1m", "5m", "15m", "30m", "1h", "4h", "12h", "1d")


class Interaction(NamedTuple):
    """What was done, on which page (by the menu: to which), and the seconds until figures and chart were there."""

    kind: str
    page: str
    figures: float
    chart: float

    @property
    def whole(self) -> float:
        """The seconds until both were."""
        return max(self.figures, self.chart)


def interactions(tab: Page, many: int) -> Iterator[Interaction]:
    """So many of them, by chance, but always the same ones; the tab is to show the overview."""
    chance, at = random.Random(1), "Overview"
    for _ in range(many):
        tab.locator(IDLE).wait_for()
        kind = chance.choice(_possible(tab, at))
        if kind == "menu":
            at = chance.choice([page for page in FIGURES if page != at])
        ACTS[kind](tab, at, chance)
        took = tab.wait_for_function("took.figures && took.chart && took").json_value()
        tab.keyboard.press("Escape")  # a list of which several can be chosen stays open, above all else
        yield Interaction(kind, at, took["figures"], took["chart"])


def _possible(tab: Page, page: str) -> list[str]:
    """What can be done on a page as it is: one selection by intervals is made of each that lists series."""
    zooms = {"Candles": "button" if _zoomed(tab) else "drag", "Coverage": "button", "Gaps": "button"}
    possible = ["menu", *filter(None, [zooms.get(page)])]
    if page in PICKED or (page in zooms and "interval=" not in tab.url):
        possible.append("filter")
    return possible


def _zoomed(tab: Page) -> bool:
    return "start=" in tab.url


def _menu(tab: Page, page: str, chance: random.Random) -> None:  # noqa: ARG001 - as all acts are called
    _watch(tab, page, stays=False)
    tab.get_by_test_id("stSidebarNav").get_by_role("link", name=page, exact=True).click()


def _drag(tab: Page, page: str, chance: random.Random) -> None:
    """Across some part of the chart."""
    chart = tab.locator(".js-plotly-plot .nsewdrag").first
    wide = chart.evaluate("chart => chart.getBoundingClientRect().width")
    start, across = chance.uniform(0.2, 0.4), chance.uniform(0.1, 0.4)
    chart.hover(position={"x": wide * start, "y": 50}, force=True)
    tab.mouse.down()
    chart.hover(position={"x": wide * (start + across), "y": 60}, force=True)
    _watch(tab, page, stays=True)
    tab.mouse.up()


def _button(tab: Page, page: str, chance: random.Random) -> None:  # noqa: ARG001 - as all acts are called
    """Into the middle of the window, or out of it."""
    button = tab.get_by_role("button", name="All" if _zoomed(tab) else "Zoom in", exact=True)
    _watch(tab, page, stays=True)
    button.click()


def _filter(tab: Page, page: str, chance: random.Random) -> None:
    """Another interval."""
    if page in PICKED:
        now = tab.locator("[data-testid=stMain] [role=radio][aria-checked=true]").inner_text().strip()
        others = [interval for interval in INTERVALS if interval != now]
        option = tab.get_by_role("radio", name=chance.choice(others), exact=True)
    else:
        unfold(tab, "Filters")  # none was set on this page before
        tab.get_by_role("combobox", name="Intervals").click()
        option = tab.get_by_role("option", name=chance.choice(INTERVALS), exact=True)
    option.wait_for()
    _watch(tab, page, stays=True)
    option.click()


def _watch(tab: Page, page: str, *, stays: bool) -> None:
    tab.evaluate(WATCH, [page, FIGURES[page], stays])


ACTS: dict[str, Callable[[Page, str, random.Random], None]] = {
    "menu": _menu, "drag": _drag, "button": _button, "filter": _filter,
}  # fmt: skip
