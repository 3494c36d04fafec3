"""A page as somebody waits for it: timed by the browser that shows it, from the moment it is asked for."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from playwright.sync_api import Browser, Page

PATIENCE_MS = 180_000  # on a machine that is busy with other things; nothing waits when it is quicker

# Looks at each frame that the browser makes. Whoever asks from outside waits while a chart is being drawn, so that what
# was read long before would be told late. A figure is there when its name and a number of it can be read.
WATCH = """
(() => {
    const seen = window.seen = {};
    const beside = name => name.closest('[data-testid=stVerticalBlock]').innerText;
    const figure = () => [...document.querySelectorAll('[data-testid=stCaptionContainer]')].some(
        name => name.innerText.trim() === FIGURE && /\\d/.test(beside(name)) && name.checkVisibility()
    );
    const chart = () => document.querySelector('.js-plotly-plot .nsewdrag');
    const look = () => {
        if (!seen.figures && figure()) seen.figures = performance.now() / 1000;
        if (!seen.chart && chart()) seen.chart = performance.now() / 1000;
        if (!seen.figures || !seen.chart) requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
})();
"""
# The points, cells or bars of each trace, and the shapes
MARKS = """() => {
    const chart = document.querySelector('.js-plotly-plot');
    const cells = rows => [...rows].reduce((many, row) => many + row.length, 0);
    const of = trace => trace.z ? cells(trace.z) : (trace.x || trace.y || []).length;
    return chart._fullData.reduce((many, trace) => many + of(trace), (chart.layout.shapes || []).length);
}"""


def chromium() -> str:
    """Where it is, or "" with the reason printed."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome") or ""
    if not found:
        print("pages are not timed: there is no Chromium here")
    return found


class Seen(NamedTuple):
    """Seconds until the figures and until the chart were there, the chart's marks, and the bytes that were sent."""

    figures: float
    chart: float
    marks: int
    sent: int


def watched(tab: Page, figure: str) -> None:
    """Have the tab's browser watch for a figure of that name, and for a chart, in whatever it opens from here on."""
    tab.add_init_script(WATCH.replace("FIGURE", repr(figure)))


def opened(tab: Page, url: str) -> Seen:
    """The page opened in a tab that is watched."""
    sent: list[int] = []

    def heard(socket: Any) -> None:  # noqa: ANN401 - playwright's, which has a name only within it
        socket.on("framereceived", lambda frame: sent.append(len(frame)))

    tab.on("websocket", heard)
    tab.goto(url)
    seen = tab.wait_for_function("seen.figures && seen.chart && seen").json_value()
    tab.remove_listener("websocket", heard)
    return Seen(figures=seen["figures"], chart=seen["chart"], marks=tab.evaluate(MARKS), sent=sum(sent))


def chart_drawn(tab: Page) -> None:
    """Wait for the page's chart."""
    tab.locator(".js-plotly-plot .nsewdrag").first.wait_for(state="attached")


@contextmanager
def tab_of(browser: Browser) -> Iterator[Page]:
    """A tab in a window of its own that knows nothing yet. What Dagster's pages forbid scripts is allowed to ours."""
    with browser.new_context(viewport={"width": 1280, "height": 900}, bypass_csp=True) as context:
        context.set_default_timeout(PATIENCE_MS)
        yield context.new_page()
