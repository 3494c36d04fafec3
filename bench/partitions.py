"""Coverage beside Dagster's page of partitions, at the same counts: one hour in fifty is there, the others are missing.

DAGSTER_PYTHON names a Python that has dagster and dagster-webserver; without one only ours is measured.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from statistics import median
from typing import NamedTuple

from playwright.sync_api import Browser, Page, sync_playwright

from bench.browser import PATIENCE_MS, chromium, tab_of
from bench.figures import Figure
from bench.scale_home import AS_OF, write_known
from bench.serving import Served, dashboard_of, served
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRange, TimeRanges

COUNTS, FEW = (1_000, 10_000, 40_000, 100_000), (1_000, 40_000)
THERE = 50  # one of so many
HOUR_S = 3_600
LOOKS = 3
SHORTEST_S = 0.05  # that a browser calls long
DAGSTER = Path(__file__).with_name("dagster_partitions.py")


# How long the browser could do nothing else at a stretch, for the longest
FROZEN = """new PerformanceObserver(tasks => {
    for (const task of tasks.getEntries()) window.frozen = Math.max(window.frozen ?? 0, task.duration / 1000);
}).observe({entryTypes: ['longtask']})"""
# The number of what is missing can be read, and the bar is drawn: Dagster draws both at once.
OURS = """() => document.querySelector('.js-plotly-plot .nsewdrag')
    && [...document.querySelectorAll('[data-testid=stCaptionContainer]')].some(
        name => /^Missing\\d/.test(name.closest('[data-testid=stVerticalBlock]').textContent.trim())
    )"""
DAGSTERS = "() => /Missing \\([\\d,]+\\)/.test(document.body.textContent)"


class Looked(NamedTuple):
    """Seconds until the page could be read, and the longest of them in which the browser did nothing else."""

    seconds: float
    frozen: float


def partitions(*, full: bool) -> Iterator[Figure]:
    """The pages opened in turns; each was opened once before."""
    browser_path = chromium()
    if not browser_path:
        return
    python = os.environ.get("DAGSTER_PYTHON", "")
    if not python:
        print("without Dagster: no DAGSTER_PYTHON names a Python that has dagster and dagster-webserver")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"], timeout=PATIENCE_MS)
        for count in COUNTS if full else FEW:
            with tempfile.TemporaryDirectory(prefix="kraken-bench-") as folder:
                yield from _counted(browser, Path(folder), count, python)
        browser.close()


def _counted(browser: Browser, folder: Path, count: int, python: str) -> Iterator[Figure]:
    with ExitStack() as open_:
        ours, _ = open_.enter_context(dashboard_of(_home(folder / "home", count)))
        pages = {"Coverage": (f"{ours}/coverage", OURS)}
        if python:
            dagsters, _ = open_.enter_context(_dagster(python, folder / "dagster", count))
            pages["Dagster"] = (f"{dagsters}/assets/candles?view=partitions", DAGSTERS)
        tabs = {name: open_.enter_context(tab_of(browser)) for name in pages}
        looks: dict[str, list[Looked]] = {name: [] for name in pages}
        for tab in tabs.values():
            tab.add_init_script(FROZEN)
        for _ in range(LOOKS + 1):
            for name, tab in tabs.items():
                looks[name].append(_looked(tab, *pages[name]))
    ours_took = _medians(looks["Coverage"])
    yield Figure(f"{count:,} slots in Coverage: figures and chart", ours_took.seconds, 1.5, "s")
    yield Figure(f"{count:,} slots in Coverage: frozen for, at the longest", ours_took.frozen, 0.6, "s")
    if python:
        took = _medians(looks["Dagster"])
        ratios = took.seconds / ours_took.seconds, took.frozen / ours_took.frozen
        yield Figure(f"{count:,} slots: Dagster's page ({took.seconds:.1f} s), times ours", ratios[0], 1, least=True)
        yield Figure(f"{count:,} slots: its freeze ({took.frozen:.1f} s), times ours", ratios[1], 1, least=True)


def _medians(looks: Sequence[Looked]) -> Looked:
    """Of all but the first."""
    seconds, frozen = zip(*looks[1:], strict=True)
    return Looked(median(seconds), max(median(frozen), SHORTEST_S))


def _looked(tab: Page, url: str, seen: str) -> Looked:
    tab.goto("about:blank")
    began = time.perf_counter()
    tab.goto(url, wait_until="commit")
    tab.wait_for_function(seen)
    seconds = time.perf_counter() - began
    return Looked(seconds, tab.evaluate("window.frozen ?? 0"))


def _home(home: Path, count: int) -> Path:
    """A home of one series, of which one hour in so many is there."""
    end = AS_OF - AS_OF % HOUR_S
    hull = TimeRange(end - count * HOUR_S, end)
    there = TimeRanges.of((at, at + HOUR_S) for at in range(*hull, THERE * HOUR_S))
    write_known(home, {Series(Pair("BTC", "USD"), 60): there}, hull)
    return home


def _dagster(python: str, home: Path, count: int) -> AbstractContextManager[Served]:
    """Its server over an asset of as many hours, of which the same are there."""
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n", encoding="utf-8")
    settings = {"DAGSTER_HOME": str(home), "PARTITIONS": str(count)}
    subprocess.run([python, "-W", "ignore", str(DAGSTER)], check=True, env={**os.environ, **settings})
    server = str(Path(python).with_name("dagster-webserver"))
    path = {"PATH": f"{Path(python).parent}{os.pathsep}{os.environ['PATH']}"}
    return served([server, "-h", "127.0.0.1", "-f", str(DAGSTER), "-p"], {**settings, **path})
