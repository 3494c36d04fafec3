"""Journeys through the dashboard in a real browser: what somebody sees, clicks, closes, shares and comes back to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from tests.app.browser import Dashboard

if TYPE_CHECKING:
    from playwright.sync_api import Page

Tab = Callable[[], "Page"]
Starting = Callable[..., Dashboard]


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def see(page: Page, text: str) -> None:
    page.get_by_text(text).first.wait_for()


def test_a_newcomer_ingests_the_simulated_market_by_buttons_alone(
    tmp_path: Path, tab: Tab, dashboards: Starting
) -> None:
    dashboard, page = dashboards(tmp_path / "home"), tab()
    page.goto(dashboard.url)
    press(page, "Try the simulated market")
    page.get_by_role("link", name="Choose what to ingest").click()
    press(page, "Preview plan")
    see(page, "Files to read")
    press(page, "Start")
    see(page, "✓ completed")
    page.get_by_role("link", name="Overview").click()
    see(page, "Completeness by tier and interval")
    page.locator(".js-plotly-plot").first.wait_for()
    assert "market=Simulated" in page.url
    assert not (tmp_path / "home" / "ledger.db").exists(), "nothing of it is in the real home"
