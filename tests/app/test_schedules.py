"""The watch on its page: never there, alive, ended or dead; started, tested and stopped from it."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from kraken_core import Workbench
from kraken_core.domain.errors import JobError
from kraken_core.workbench.jobs.worker_process import this_worker
from kraken_core.workbench.watch.alone import alone
from kraken_core.workbench.watch.state import STATE, SentNotice, WatchRound, WatchState
from tests.app.conftest import Opened, figures, told
from tests.app.test_ingest import PATIENCE_S, press

NOW = 1_712_448_000


@pytest.fixture
def notified(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The kinds of notices that the webhook of the environment got."""
    kinds: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            kinds.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["kind"])
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("KRAKEN_WATCH_WEBHOOK", f"http://127.0.0.1:{server.server_port}/secret")
        yield kinds
        server.shutdown()


def record(home: Path, state: WatchState) -> None:
    (home / STATE).write_text(json.dumps(asdict(state)), encoding="utf-8")


def until(page: AppTest, true: Callable[[AppTest], bool]) -> AppTest:
    """Draw the page again until it shows what another process brings about."""
    deadline = time.monotonic() + PATIENCE_S
    while not true(page):
        assert time.monotonic() < deadline, [each.value for each in page.markdown]
        time.sleep(0.1)
        page = page.run()
    return page


def is_alive(page: AppTest) -> bool:
    return any("alive" in each.value and "No watch" not in each.value for each in page.success)


def test_a_home_that_was_never_watched_leads_to_a_watch(full: Path, opened: Opened) -> None:
    page = opened("schedules")
    assert "never watched" in page.info[0].value
    notes = " ".join(each.value for each in page.caption)
    assert "Nothing watches this home" in notes
    assert "nothing failed" not in notes, "nobody looked"
    assert "Choose tiers or pairs" in press(page, "Start the watch").warning[0].value


def test_a_watch_is_started_tested_and_stopped_on_the_page(full: Path, opened: Opened, notified: list[str]) -> None:
    page = opened("schedules")
    assert "127.0.0.1" in told(" ".join(each.value for each in page.caption))
    assert "secret" not in str(page.main)
    press(page, "Send a test notice")
    assert notified == ["test"]
    page = opened("schedules")
    page.multiselect[0].set_value(["TIER1"])
    page.toggle[0].set_value(False)
    page = press(page, "Start the watch")
    try:
        page = until(page, lambda shown: is_alive(shown) and figures(shown)["Last round"] != "–")
        assert figures(page)["Recipients"] == "1"
        [rounds] = page.dataframe
        assert list(rounds.value["Outcome"]) == ["✓ succeeded"]
        press(page, "Send a test notice")
        page = until(page, lambda _: "test" in notified[1:])
        page = until(page, lambda shown: figures(shown)["Last notice"].startswith("test"))
    finally:
        with Workbench.open(full) as workbench:
            workbench.schedule.stop()
    page = until(page, lambda shown: any("No watch is alive" in each.value for each in shown.warning))
    assert "Start the watch" in {each.label for each in page.button}


def test_a_watch_whose_process_is_gone_is_said_to_be_dead_with_what_it_did(full: Path, opened: Opened) -> None:
    host, _, started = this_worker().rsplit(":", 2)
    with subprocess.Popen(["true"]) as process:
        process.wait()
    rounds = (
        WatchRound(NOW, NOW + 60, None, "no route to host, for a reason that is long"),
        WatchRound(NOW - 600, NOW),
    )
    notices = (SentNotice(NOW, "failure", "no route to host", 0, ("the webhook at example.org answered 500",)),)
    dead = f"{host}:{process.pid}:{started}"
    record(full, WatchState(dead, "TIER1; 1h", 600, 1, NOW, rounds=rounds, notices=notices))
    page = opened("schedules")
    assert "died" in page.error[0].value
    assert list(page.dataframe[0].value["Outcome"]) == ["✗ failed", "✓ succeeded"]
    assert "for a reason that is long" in page.text[0].value
    assert "answered 500" in told(" ".join(each.value for each in page.markdown))
    with Workbench.open(full) as workbench, pytest.raises(JobError, match="no watch runs"):
        workbench.schedule.stop()


def test_a_watch_of_another_host_is_not_ended_from_here(full: Path, opened: Opened) -> None:
    record(full, WatchState("elsewhere:1:1.0", "TIER1; 1h", 600, 0, NOW, next_at=NOW + 600))
    with alone(full):
        page = opened("schedules")
        assert is_alive(page)
        assert "another host" in press(page, "Stop the watch").warning[0].value
