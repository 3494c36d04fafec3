"""A real browser. A test module gets its tabs with ``pytest_plugins = ["tests.support.chromium"]``."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.support.browsing import PATIENCE_MS
from tests.support.servers import unavailable

LOG = logging.getLogger(__name__)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not path:
        unavailable("a browser", FileNotFoundError("chromium is not installed"))
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    """A tab of 1280 by 900. Where it went, and what went wrong in it, is logged for whom a test fails."""
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.on("console", _heard)
        page.on("pageerror", lambda error: LOG.warning("uncaught: %s", error))
        page.on("requestfailed", lambda request: LOG.warning("failed: %s (%s)", request.url, request.failure))
        page.on("framenavigated", lambda frame: LOG.warning("at: %s", frame.url))
        page.on("crash", lambda _: LOG.warning("the tab crashed"))
        yield page


def _heard(said: ConsoleMessage) -> None:
    if said.type == "error":
        LOG.warning("error: %s", said.text)
