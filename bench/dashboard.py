"""The dashboard over a home as large as Kraken's whole history, timed in a browser as somebody waits for it."""

from __future__ import annotations

import os
import shutil
import socket
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
from bench.scale_home import PAIRS, write

FEW = 125  # pairs, where not the whole size is asked for
MB = 1e6
MOST_MARKS = 50_000


class Look(NamedTuple):
    """A page, one of its figures, and whether it has a chart."""

    path: str
    figure: str
    charted: bool = True


LOOKS = (
    Look("", "Completeness"),
    Look("jobs", "New candles", charted=False),
    Look("coverage", "Slots known"),
    Look("gaps", "Slots missing"),
    Look("gaps?rows=Tiers", "Slots missing"),
    Look("candles?pair=BTC/USD&interval=1+min", "Slots missing"),
)


def dashboard(*, full: bool) -> Iterator[Figure]:
    """Each page opened cold, by a server and a browser that know nothing of it yet, and again."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not chromium:
        print("the dashboard is not timed: there is no Chromium here")
        return
    with tempfile.TemporaryDirectory(prefix="kraken-bench-") as folder:
        home = Path(folder) / "home"
        write(home, PAIRS if full else FEW)
        with _serving(home) as (url, server), sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            for look in LOOKS:
                yield from _looked(browser, url, server, look)
            yield Figure("zoom into candles by dragging", _zoomed(browser, url), 2.5, "s")
            yield Figure("memory of the server", server.memory_info().rss / MB, 1_074, "MB")
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
            yield Figure(f"{name}: figures, {warmth}", seen.figures, 1 if warmth == "warm" else 2.5, "s")
        if look.charted:
            yield Figure(f"{name}: chart, warm", seen.chart, 2.5, "s")
            yield Figure(f"{name}: marks of the chart", seen.marks, MOST_MARKS)
        yield Figure(f"{name}: the server's own work, warm", _work(server) - before, 1, "s")
        yield Figure(f"{name}: sent", seen.sent / MB, 2, "MB")


def _work(server: psutil.Process) -> float:
    """Seconds of a processor that the server has used, however busy the machine is with others."""
    used = server.cpu_times()
    return float(used.user + used.system)


def _zoomed(browser: Browser, url: str) -> float:
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        tab = context.new_page()
        tab.set_default_timeout(PATIENCE_MS)
        tab.goto(f"{url}/candles?pair=BTC/USD&interval=1+min")
        chart_drawn(tab)
        box = tab.locator(".js-plotly-plot .nsewdrag").first.bounding_box()
        if box is None:
            return float("nan")
        tab.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + 50)
        tab.mouse.down()
        tab.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 60, steps=4)
        began = time.perf_counter()
        tab.mouse.up()
        tab.wait_for_url("**start=**")
        tab.get_by_text("a bar is 12 h").wait_for()
        chart_drawn(tab)
        return time.perf_counter() - began


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
