"""The dashboard over a home as large as Kraken's whole history, timed in a browser as somebody waits for it."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import psutil
from playwright.sync_api import Browser, sync_playwright

from bench.browser import PATIENCE_MS, chart_drawn, chromium, opened, tab_of, watched
from bench.figures import Figure
from bench.interactions import FIGURES, interactions
from bench.processes import processor_s
from bench.scale_home import write
from bench.serving import dashboard_of

PAIRS, YEARS = 1_434, 10  # as many as Kraken's archive has; at eight intervals ten billion candles are expected
FEW, SOME_YEARS = 125, 4
MB = 1e6
MOST_MARKS = 50_000
STEPS, FEW_STEPS = 200, 40
FEWEST = 2  # that have a spread
FIGURES_S = {"cold": 1.5, "warm": 0.5}  # and as much work of the server's, as it may have a processor for itself


class Look(NamedTuple):
    """A page, and one of its figures."""

    path: str
    figure: str

    @property
    def name(self) -> str:
        """What is measured of it is listed by this."""
        return f"page {self.path.partition('&')[0] or 'overview'}"


LOOKS = (
    Look("", "Complete series"),
    Look("jobs", "New candles"),
    Look("coverage", "Complete series"),
    Look("gaps", "Not fillable"),
    Look("gaps?rows=Tiers", "Not fillable"),
    Look("series?pair=BTC/USD&interval=1m", "No trades"),
    Look("candles?pair=BTC/USD&interval=1m", "Last (UTC)"),
)


def dashboard(*, full: bool) -> Iterator[Figure]:
    """Each page opened cold, by a server and a browser that know nothing of it yet, and again."""
    browser_path = chromium()
    if not browser_path:
        return
    with tempfile.TemporaryDirectory(prefix="kraken-bench-") as folder:
        home = Path(folder) / "home"
        write(home, *((PAIRS, YEARS) if full else (FEW, SOME_YEARS)))
        with dashboard_of(home) as (url, server), sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=browser_path, args=["--no-sandbox"], timeout=PATIENCE_MS
            )
            for look in LOOKS:
                yield from _looked(browser, url, server, look)
            for look in LOOKS:
                yield _first_chart(browser, url, look)
            yield from _walked(browser, url, STEPS if full else FEW_STEPS)
            yield Figure("memory of the server", server.memory_info().rss / MB, 600, "MB")
            browser.close()
        report = processor_s("-m", "kraken_core", "report", "--json", "--home", str(home))
        yield Figure("kraken-history report of this home: whole process", report, 0.8, "s")


def _looked(browser: Browser, url: str, server: psutil.Process, look: Look) -> Iterator[Figure]:
    """A tab that opens the page twice. What all pages have in common is in the browser before, as on any other day."""
    with tab_of(browser) as tab:
        watched(tab, look.figure)
        for warmth, target in FIGURES_S.items():
            tab.goto(f"{url}/settings")
            tab.get_by_role("button", name="Save tiers").wait_for()  # its last: what it does is not counted here
            before = _work(server)
            seen = opened(tab, f"{url}/{look.path}")
            yield Figure(f"{look.name}: figures, {warmth}", seen.figures, target, "s")
            yield Figure(f"{look.name}: the server's own work, {warmth}", _work(server) - before, target, "s")
            if warmth == "warm":
                yield Figure(f"{look.name}: marks of the chart", seen.marks, MOST_MARKS)
                yield Figure(f"{look.name}: sent", seen.sent / MB, 2, "MB")


def _work(server: psutil.Process) -> float:
    """Seconds of a processor that the server has used, however busy the machine is with others."""
    used = server.cpu_times()
    return float(used.user + used.system)


def _first_chart(browser: Browser, url: str, look: Look) -> Figure:
    """In a browser that has loaded nothing of the dashboard yet; the server has drawn the page before."""
    with tab_of(browser) as tab:
        watched(tab, look.figure)
        seen = opened(tab, f"{url}/{look.path}")
        return Figure(f"{look.name}: first chart in a new browser", seen.chart, 1.5, "s")


def _walked(browser: Browser, url: str, many: int) -> Iterator[Figure]:
    """Interactions in a browser that has drawn a chart before."""
    with tab_of(browser) as tab:
        tab.goto(url)
        chart_drawn(tab)
        done = list(interactions(tab, many))
    for page in FIGURES:
        charts = [each.chart for each in done if each.kind == "menu" and each.page == page]
        if charts:
            yield Figure(f"{page} by the menu: chart, warm, p50 of {len(charts)}", statistics.median(charts), 0.6, "s")
    for kind, what in (("drag", "zoom by dragging"), ("button", "zoom by a button"), ("filter", "filter")):
        yield from _spread(f"{what}: figures and chart", [each.whole for each in done if each.kind == kind], 0.4)
    yield from _spread("interactions: figures", [each.figures for each in done], 0.5)
    yield from _spread("interactions: figures and chart", [each.whole for each in done], 0.6)


def _spread(what: str, took: Sequence[float], target: float) -> Iterator[Figure]:
    if len(took) < FEWEST:
        return
    parts = statistics.quantiles(took, n=20, method="inclusive")
    yield Figure(f"{len(took)} × {what}, p50", parts[9], target, "s")
    yield Figure(f"{len(took)} × {what}, p95", parts[18], target, "s")
