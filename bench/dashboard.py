"""The dashboard over a home as large as Kraken's whole history, timed in a browser as somebody waits for it."""

from __future__ import annotations

import os
import random
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil
from playwright.sync_api import Browser, sync_playwright

from bench.browser import PATIENCE_MS, chart_drawn, opened, watched
from bench.figures import Figure
from bench.scale_home import write

PAIRS, YEARS = 1_434, 10  # as many as Kraken's archive has; at eight intervals ten billion candles are expected
FEW, SOME_YEARS = 125, 4
MB = 1e6
MOST_MARKS = 50_000
STEPS = 200
SERVER_S = {"cold": 1.5, "warm": 0.5}  # of a processor: as long as the figures may take if it has nothing else to do
BARS = re.compile("a bar is")


class Look(NamedTuple):
    """A page, one of its figures, and whether it has a chart."""

    path: str
    figure: str
    charted: bool = True


LOOKS = (
    Look("", "Complete series"),
    Look("jobs", "New candles", charted=False),
    Look("coverage", "Complete series"),
    Look("gaps", "Not fillable"),
    Look("gaps?rows=Tiers", "Not fillable"),
    Look("series?pair=BTC/USD&interval=1m", "No trades"),
    Look("candles?pair=BTC/USD&interval=1m", "Last (UTC)"),
)

WALKED = {
    "Overview": "Complete series",
    "Jobs": "New candles",
    "Coverage": "Candles expected",
    "Gaps": "Not fillable",
    "Candles": "Last (UTC)",
}


def dashboard(*, full: bool) -> Iterator[Figure]:
    """Each page opened cold, by a server and a browser that know nothing of it yet, and again."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not chromium:
        print("the dashboard is not timed: there is no Chromium here")
        return
    with tempfile.TemporaryDirectory(prefix="kraken-bench-") as folder:
        home = Path(folder) / "home"
        write(home, *((PAIRS, YEARS) if full else (FEW, SOME_YEARS)))
        with _serving(home) as (url, server), sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            for look in LOOKS:
                yield from _looked(browser, url, server, look)
            yield Figure("zoom into candles by dragging", _zoomed(browser, url), 0.4, "s")
            took = statistics.quantiles(_walk(browser, url), n=20)
            yield Figure(f"{STEPS} pages by the menu: figures, p50", took[9], 0.5, "s")
            yield Figure(f"{STEPS} pages by the menu: figures, p95", took[18], 0.5, "s")
            yield Figure("memory of the server", server.memory_info().rss / MB, 600, "MB")
            browser.close()


def _looked(browser: Browser, url: str, server: psutil.Process, look: Look) -> Iterator[Figure]:
    """A tab that opens the page twice. What all pages have in common is in the browser before, as on any other day."""
    name = f"page {look.path.partition('&')[0] or 'overview'}"
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        tab = context.new_page()
        tab.set_default_timeout(PATIENCE_MS)
        watched(tab, look.figure)
        for warmth in ("cold", "warm"):
            tab.goto(f"{url}/settings")
            tab.get_by_role("button", name="Save tiers").wait_for()  # its last: what it does is not counted here
            before = _work(server)
            seen = opened(tab, f"{url}/{look.path}", charted=look.charted)
            yield Figure(f"{name}: figures, {warmth}", seen.figures, 0.5 if warmth == "warm" else 1.5, "s")
            yield Figure(f"{name}: the server's own work, {warmth}", _work(server) - before, SERVER_S[warmth], "s")
        if look.charted:
            yield Figure(f"{name}: chart, warm", seen.chart, 0.6, "s")
            yield Figure(f"{name}: marks of the chart", seen.marks, MOST_MARKS)
        yield Figure(f"{name}: sent", seen.sent / MB, 2, "MB")


def _work(server: psutil.Process) -> float:
    """Seconds of a processor that the server has used, however busy the machine is with others."""
    used = server.cpu_times()
    return float(used.user + used.system)


def _zoomed(browser: Browser, url: str) -> float:
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        tab = context.new_page()
        tab.set_default_timeout(PATIENCE_MS)
        tab.goto(f"{url}/candles?pair=BTC/USD&interval=1m")
        chart_drawn(tab)
        widest = tab.get_by_text(BARS).inner_text()
        box = tab.locator(".js-plotly-plot .nsewdrag").first.bounding_box()
        if box is None:
            return float("nan")
        tab.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + 50)
        tab.mouse.down()
        tab.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 60, steps=4)
        began = time.perf_counter()
        tab.mouse.up()
        tab.get_by_text(BARS).filter(has_not_text=widest).wait_for()
        chart_drawn(tab)
        return time.perf_counter() - began


def _walk(browser: Browser, url: str) -> list[float]:
    """Seconds until a page's figures are read, of each of many pages that somebody goes to by the menu."""
    chance, took = random.Random(1), []
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        tab = context.new_page()
        tab.set_default_timeout(PATIENCE_MS)
        tab.goto(url)
        at = "Overview"
        for _ in range(STEPS):
            at = chance.choice([name for name in WALKED if name != at])
            menu = tab.get_by_test_id("stSidebarNav").get_by_role("link", name=at, exact=True)
            menu.wait_for()
            began = time.perf_counter()
            menu.click()
            tab.get_by_role("heading", name=at, exact=True).wait_for()
            tab.get_by_test_id("stCaptionContainer").get_by_text(WALKED[at], exact=True).wait_for()
            took.append(time.perf_counter() - began)
    return took


@contextmanager
def _serving(home: Path) -> Iterator[tuple[str, psutil.Process]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [sys.executable, "-m", "kraken_core", "app", "--home", str(home), "--port", str(port), "--no-browser"]
    nobody = {"KRAKEN_API_URL": "http://127.0.0.1:9"}  # where no exchange answers
    with subprocess.Popen(words, env={**os.environ, **nobody}, stderr=subprocess.DEVNULL) as server:
        try:
            until = time.monotonic() + PATIENCE_MS / 1000
            while time.monotonic() < until:
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}", psutil.Process(server.pid)
        finally:
            server.terminate()
