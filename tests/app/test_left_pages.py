"""A page that is left while a part of it is redrawn never comes back, and never leaves a blank one."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests, ScriptRequestType

from app.shared.left_pages import ignore_redraws_of_left_pages
from tests.app.asking_home import AskingHome
from tests.support.browsing import PATIENCE_MS, press, see, serving

pytest_plugins = ["tests.support.chromium"]

STARTS = 200
BUSY_PROCESSES = 4
# While it is so, timers run out and messages of the server wait: behind them, as a rule.
BUSY = "() => { setTimeout(() => { const end = performance.now() + 8000; while (performance.now() < end); }, 50); }"


@pytest.mark.soak
def test_a_browser_that_is_busy_while_a_job_starts_shows_the_page_of_the_job(tab: Page, asking: AskingHome) -> None:
    with serving(asking.home) as url:
        tab.goto(f"{url}/gaps")
        tab.get_by_role("button", name="Preview backfill of all").click()
        button = tab.get_by_role("button", name="Start", exact=True)
        button.wait_for()
        tab.evaluate(BUSY.replace("50", "500"))
        button.click(no_wait_after=True)
        tab.wait_for_url("**/jobs**")
        expect(tab.get_by_role("heading", name="Jobs", exact=True)).to_be_visible(timeout=PATIENCE_MS)
        see(tab, "✓ completed ·")


def test_a_redraw_that_comes_before_a_page_is_drawn_does_not_lead_back() -> None:
    ignore_redraws_of_left_pages()
    requests = ScriptRequests()
    assert requests.request_rerun(RerunData(page_script_hash="jobs"))
    assert requests.request_rerun(RerunData(page_script_hash="gaps", fragment_id="sidebar", is_auto_rerun=True))
    next_run = requests.on_scriptrunner_ready()
    assert next_run.type is ScriptRequestType.RERUN
    assert (next_run.rerun_data.page_script_hash, next_run.rerun_data.fragment_id_queue) == ("jobs", [])


def test_a_part_of_a_page_is_still_redrawn_where_no_page_waits() -> None:
    ignore_redraws_of_left_pages()
    requests = ScriptRequests()
    for part in ("sidebar", "figures", "sidebar"):
        assert requests.request_rerun(RerunData(page_script_hash="jobs", fragment_id=part, is_auto_rerun=True))
    assert requests.on_scriptrunner_ready().rerun_data.fragment_id_queue == ["sidebar", "figures"]


@pytest.mark.soak
def test_however_often_a_job_is_started_on_a_busy_machine_its_page_is_shown(tmp_path: Path, tab: Page) -> None:
    wrong: list[str] = []
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    with serving(tmp_path / "home") as url:
        tab.goto(url)
        press(tab, "Try the simulated market")
        tab.get_by_role("link", name="Choose what to ingest").wait_for()
        with busy():
            for _ in range(STARTS):
                tab.goto(f"{url}/ingest?market=Simulated&tier=ALL&trades=false")
                press(tab, "Preview plan")
                see(tab, "Files to read")
                press(tab, "Start")
                tab.wait_for_url("**/jobs**")
                see(tab, "✓ completed ·")
                assert wrong == []


@contextmanager
def busy() -> Iterator[None]:
    """More to do than the machine has processors for."""
    others = [multiprocessing.Process(target=_spin, daemon=True) for _ in range(BUSY_PROCESSES)]
    for other in others:
        other.start()
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.join()


def _spin() -> None:
    while True:
        pass
