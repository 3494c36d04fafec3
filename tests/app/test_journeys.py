"""Journeys through the dashboard in a real browser: what somebody sees, clicks, closes, shares and comes back to."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from kraken_core import Workbench
from kraken_core.domain.jobs import Control, JobStatus
from kraken_core.simulator.demo import simulate
from tests.app.browser import Dashboard, until, worker_of

if TYPE_CHECKING:
    from playwright.sync_api import Page

Tab = Callable[[], "Page"]
Starting = Callable[..., Dashboard]
HOSTILE = "<img src=x onerror=alert(1)> [x](javascript:alert(1)) :red[oh]"


@pytest.fixture(scope="session")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A market that takes a worker a second or more: long enough to be found in the middle of it."""
    folder = tmp_path_factory.mktemp("market") / "archives"
    simulate(folder)
    return folder


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def see(page: Page, text: str) -> None:
    page.get_by_text(text).first.wait_for()


def start_of(page: Page, dashboard: Dashboard) -> None:
    """Asks for all that is in the archives, looks at the plan and starts the job."""
    page.goto(f"{dashboard.url}/ingest?tier=ALL&from=2025-10-01&api=false")
    press(page, "Preview plan")
    press(page, "Start")


def held_still(page: Page, dashboard: Dashboard) -> int:
    """The process of a job that was started on the page, stopped in the middle of its work."""
    start_of(page, dashboard)
    worker = worker_of(dashboard.home, 1)
    os.kill(worker, signal.SIGSTOP)
    page.get_by_role("heading", name="Jobs").wait_for()
    return worker


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


def test_a_job_outlives_its_tab_and_its_server_and_goes_on_when_told(
    tmp_path: Path, archives: Path, tab: Tab, dashboards: Starting
) -> None:
    dashboard, page = dashboards(tmp_path / "home", KRAKEN_CSV_SOURCE_DIRS=str(archives)), tab()
    worker = held_still(page, dashboard)
    press(page, "Pause")
    see(page, "Asked to pause")
    page.close()
    dashboard.stop()
    os.kill(worker, signal.SIGCONT)
    with Workbench.open(dashboard.home) as workbench:
        until(lambda: workbench.ledger.job(1).status is JobStatus.PAUSED)

    dashboard.start()
    again = tab()
    again.goto(f"{dashboard.url}/jobs")
    see(again, "paused")
    press(again, "Resume")
    see(again, "✓ completed")


def test_a_killed_worker_is_said_to_be_lost(tmp_path: Path, archives: Path, tab: Tab, dashboards: Starting) -> None:
    dashboard, page = dashboards(tmp_path / "home", KRAKEN_CSV_SOURCE_DIRS=str(archives)), tab()
    os.kill(held_still(page, dashboard), signal.SIGKILL)
    see(page, "⚠ worker lost")
    press(page, "Resume")
    see(page, "✓ completed")


def test_two_tabs_agree_on_a_running_job(tmp_path: Path, archives: Path, tab: Tab, dashboards: Starting) -> None:
    dashboard, first, second = dashboards(tmp_path / "home", KRAKEN_CSV_SOURCE_DIRS=str(archives)), tab(), tab()
    worker = held_still(first, dashboard)
    second.goto(f"{dashboard.url}/jobs")
    for page in (first, second):
        see(page, "Job 1, stage 1 of 6")
    press(second, "Pause")
    see(first, "Asked to pause")
    with Workbench.open(dashboard.home) as workbench:
        assert workbench.ledger.job(1).asked is Control.PAUSE
    os.kill(worker, signal.SIGCONT)
    for page in (first, second):
        see(page, "⏸ paused")


def test_a_shared_url_shows_the_same_view(tmp_path: Path, archives: Path, tab: Tab, dashboards: Starting) -> None:
    dashboard, mine, theirs = dashboards(tmp_path / "home", KRAKEN_CSV_SOURCE_DIRS=str(archives)), tab(), tab()
    mine.goto(f"{dashboard.url}/ingest")
    mine.get_by_label("Tiers").last.click()
    mine.get_by_role("option", name="TIER2").click()
    mine.get_by_label("Fill gaps").locator("xpath=ancestor::label").click()
    mine.wait_for_url("**/ingest?*tier=TIER2*")
    mine.wait_for_url("**fill=false*")
    theirs.goto(mine.url)
    see(theirs, "TIER2")
    assert not theirs.get_by_label("Fill gaps").is_checked()


def test_hostile_names_stay_text(tmp_path: Path, tab: Tab, dashboards: Starting) -> None:
    folder = tmp_path / "<img src=x onerror=alert(2)>"
    simulate(folder)
    dashboard, page = dashboards(tmp_path / "home", KRAKEN_CSV_SOURCE_DIRS=str(folder)), tab()
    page.goto(f"{dashboard.url}/ingest?by=Pairs&pair={quote(HOSTILE)}")
    press(page, "Preview plan")
    page.get_by_role("alert").wait_for()
    assert HOSTILE in page.get_by_role("alert").inner_text()
    main = page.get_by_test_id("stMain")
    assert main.locator("img").count() == 0
    assert main.locator("a[href*=javascript]").count() == 0
    page.goto(dashboard.url)
    see(page, "are configured, such as")
    assert folder.name in main.inner_text()
    assert main.locator("img").count() == 0
