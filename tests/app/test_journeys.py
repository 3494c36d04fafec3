"""Journeys through the dashboard in a real browser: what somebody sees, clicks, closes, shares and comes back to."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Page, expect

from tests.support.browsing import PATIENCE_MS, figure, press, see, serving

pytest_plugins = ["tests.support.chromium"]


def test_a_newcomer_ingests_the_simulated_market_by_buttons_alone(tmp_path: Path, tab: Page) -> None:
    asked: set[str | None] = set()
    tab.on("request", lambda request: asked.add(urlsplit(request.url).hostname))
    with serving(tmp_path / "home") as url:
        tab.goto(url)
        press(tab, "Try the simulated market")
        tab.get_by_role("link", name="Choose what to ingest").click()
        tab.get_by_text("Read its trades").click()  # of which there are hundreds of requests, each in its turn
        press(tab, "Preview plan")
        see(tab, "Files to read")
        press(tab, "Start")
        tab.wait_for_url("**/jobs**")
        see(tab, "✓ completed ·")
        expect(figure(tab, "Requests")).not_to_have_text("0")
        tab.get_by_role("link", name="Overview").click()
        see(tab, "Completeness by interval")
        tab.locator(".js-plotly-plot").first.wait_for()
        assert "market=Simulated" in tab.url
    assert asked == {"127.0.0.1"}, "no page asks anybody else for anything"
    assert not (tmp_path / "home" / "ledger.db").exists(), "nothing of it is in the real home"


def test_the_dashboard_looks_the_same_from_whatever_folder_it_is_started(tmp_path: Path, tab: Page) -> None:
    with serving(tmp_path / "home") as url:
        tab.emulate_media(color_scheme="light")
        tab.goto(url)
        heading = tab.get_by_role("heading", name="Overview", exact=True)
        expect(heading).to_have_css("font-size", "32px", timeout=PATIENCE_MS)  # 2rem: a list of the theme arrives
