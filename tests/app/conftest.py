"""What the tests of the dashboard share: pages without a browser, over a home that holds a little market."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from tests.acceptance.command_line import asked, process
from tests.acceptance.little_market import LittleMarket, written_to
from tests.app.browser import NAMES, PATIENCE_S, Dashboard, installed
from tests.servers import unavailable

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

MAIN = Path(__file__).parents[2] / "app" / "main.py"
NOBODY = "http://127.0.0.1:9"  # where no exchange answers, nor anybody else
Opened = Callable[..., AppTest]


@pytest.fixture(scope="session")
def little(tmp_path_factory: pytest.TempPathFactory) -> LittleMarket:
    return written_to(tmp_path_factory.mktemp("market") / "archives")


@pytest.fixture(scope="session")
def full_home(little: LittleMarket, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that holds the whole market. Read only: many tests share it."""
    home = tmp_path_factory.mktemp("full") / "home"
    process(*asked(little.folder), "--home", home, "--quiet")
    return home


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A home that does not exist yet, and no settings from outside."""
    for name in [name for name in os.environ if name.startswith("KRAKEN_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("KRAKEN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KRAKEN_API_URL", NOBODY)
    yield tmp_path / "home"
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture
def full(home: Path, full_home: Path) -> Path:
    """A home that holds the whole market, and may be changed."""
    shutil.copytree(full_home, home)
    return home


@pytest.fixture
def opened(home: Path) -> Opened:
    """Opens a page of the dashboard, with filters as they are in its URL, and runs it once."""

    def page(name: str = "overview", **query: str | list[str]) -> AppTest:
        app = AppTest.from_file(str(MAIN), default_timeout=30).run()
        app.query_params.update(query)
        shown = app.switch_page(f"views/{name}.py").run()
        assert not shown.exception, [each.value for each in shown.exception]
        return shown

    return page


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The system's Chromium, without a window."""
    path = installed()
    if path is None:
        unavailable("Chromium", FileNotFoundError(f"none of {', '.join(NAMES)} is installed: apt-get install chromium"))
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def tab(chromium: Browser) -> Iterator[Callable[[], Page]]:
    """Opens tabs, each of a browser that remembers nothing; no page may open a window of its own, or say anything."""
    contexts = []

    def opened() -> Page:
        context = chromium.new_context(viewport={"width": 1280, "height": 1000})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_S * 1000)
        page.on("dialog", lambda dialog: pytest.fail(f"a page ran a script: {dialog.message}"))
        return page

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def dashboards() -> Iterator[Callable[..., Dashboard]]:
    """Starts dashboards, and ends them with the test."""
    started: list[Dashboard] = []

    def start(home: Path, **settings: str) -> Dashboard:
        dashboard = Dashboard(home, settings)
        started.append(dashboard)
        dashboard.start()
        return dashboard

    yield start
    for dashboard in started:
        dashboard.stop()
