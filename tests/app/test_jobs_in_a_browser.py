"""A running job in a real browser: paused and left, its worker killed, watched by two, and started from the heatmap."""

from __future__ import annotations

import os
import re
import signal

import pytest
from playwright.sync_api import Browser, Page, expect

from kraken_core.domain.jobs import JobStatus
from tests.app.asking_home import QUICK, SLOW, AskingHome
from tests.support.browsing import PATIENCE_MS, click, figure, place, press, see, serving

pytest_plugins = ["tests.support.chromium"]
expect.set_options(timeout=PATIENCE_MS)
RUNNING, PAUSED, COMPLETED, LOST = "▶ running ·", "‖ paused ·", "✓ completed ·", "✗ failed: worker lost ·"


def started_from_gaps(tab: Page, url: str) -> None:
    """Have everything filled that can be, by buttons."""
    tab.goto(f"{url}/gaps")
    tab.get_by_role("button", name="Preview backfill of all").click()
    press(tab, "Start")
    tab.wait_for_url("**/jobs**")


def test_a_job_is_paused_left_and_resumed_by_another_server(browser: Browser, asking: AskingHome) -> None:
    asking.pace(SLOW)
    with serving(asking.home) as url, browser.new_context() as context:
        context.set_default_timeout(PATIENCE_MS)
        tab = context.new_page()
        started_from_gaps(tab, url)
        see(tab, RUNNING)
        press(tab, "Pause")
        see(tab, PAUSED)
    assert asking.job.status is JobStatus.PAUSED
    assert asking.missing()

    asking.pace(QUICK)
    with serving(asking.home) as url, browser.new_context() as context:
        context.set_default_timeout(PATIENCE_MS)
        tab = context.new_page()
        tab.goto(f"{url}/jobs")
        see(tab, PAUSED)
        press(tab, "Resume")
        see(tab, COMPLETED)
    assert not asking.missing()


@pytest.mark.soak
def test_a_killed_worker_is_said_and_its_job_resumed(tab: Page, asking: AskingHome) -> None:
    job = asking.started_slowly()
    with serving(asking.home) as url:
        tab.goto(f"{url}/jobs")
        see(tab, RUNNING)
        os.kill(int(job.worker.split(":")[1]), signal.SIGKILL)
        see(tab, LOST)
        see(tab, "its process is gone")
        press(tab, "Resume")
        see(tab, COMPLETED)
    assert not asking.missing()


@pytest.mark.soak
def test_two_tabs_that_watch_a_job_agree(browser: Browser, asking: AskingHome) -> None:
    job = asking.started_slowly()
    with serving(asking.home) as url, browser.new_context() as mine, browser.new_context() as yours:
        tabs = [mine.new_page(), yours.new_page()]
        for tab in tabs:
            tab.set_default_timeout(PATIENCE_MS)
            tab.goto(f"{url}/jobs")
            see(tab, f"Job {job.id}, stage")
        press(tabs[0], "Pause")
        for tab in tabs:
            see(tab, PAUSED)
        press(tabs[1], "Resume")
        for tab in tabs:
            see(tab, COMPLETED)
            expect(tab.get_by_role("button", name="Resume", exact=True)).to_have_count(0)
    assert not asking.missing()


def test_a_gap_seen_on_the_heatmap_is_filled_by_the_exchange(tab: Page, asking: AskingHome) -> None:
    with serving(asking.home) as url:
        tab.goto(f"{url}/gaps?pair=BTC/USD&interval=1h")
        click(tab, place(tab, 5.5 / 11))  # the first day of those that no archive has
        press(tab, "Preview backfill of 1 chosen")
        see(tab, "To fill 1 gap")
        expect(figure(tab, "Requests")).to_have_text(re.compile(r"^1 – \d+$"))  # between bounds
        press(tab, "Start")
        tab.wait_for_url("**/jobs**")
        see(tab, COMPLETED)
        tab.goto(f"{url}/gaps?pair=BTC/USD&interval=1h&to=2024-04-05")
        see(tab, "Nothing is missing in this window.")
    assert asking.job.metrics.requests == 1
