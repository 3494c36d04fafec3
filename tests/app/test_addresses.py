"""What a click makes of the address stays, whatever the browser sends before it hears of that."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.state.query_params import QueryParams

from app.shared.addresses import newer
from tests.app.test_history import click_in, is_at
from tests.support.browsing import PATIENCE_MS, serving

pytest_plugins = ["tests.support.chromium"]
expect.set_options(timeout=PATIENCE_MS)


def params(widgets: list[str], **values: str) -> QueryParams:
    """What a session has for its address, of which some are values of widgets."""
    made = QueryParams()
    for name, value in values.items():
        made.set_with_no_forward_msg(name, value)
    for name in widgets:
        made.bind_widget(name, f"$$ID-{name}", "string_value", "page")
    return made


@pytest.mark.parametrize(
    ("now", "before", "sent", "goes_by"),
    [
        ({"job": "1"}, "", "", "job=1"),  # sent before the browser heard of it
        ({"job": "1"}, "", "job=1", "job=1"),
        ({"job": "1"}, "job=2", "job=3", "job=3"),
        ({}, "job=1", "job=1", ""),  # the script took it away
        (
            {"job": "1", "show": "Files"},
            "show=Files",
            "show=Events",
            "job=1&show=Events",
        ),  # a widget was used meanwhile
        ({"job": "1", "show": "Files"}, "job=1&show=Files", "job=1", "job=1"),
        ({"start": "a", "end": "b"}, "end=c&start=a", "end=c&start=a", "start=a&end=b"),
        ({"a": "1", "b": "2"}, "b=2&a=1", "b=2&a=1", "b=2&a=1"),
    ],
)
def test_the_newer_address_counts(now: dict[str, str], before: str, sent: str, goes_by: str) -> None:
    assert newer(params(["show"], **now), before, sent) == goes_by


class Delayed:
    """What the server says to a tab comes only once it is let through."""

    def __init__(self, tab: Page) -> None:
        self.tab, self.through, self.waiting = tab, True, list[bytes]()
        tab.route_web_socket("**/_stcore/stream", self._between)

    def _between(self, browser: WebSocketRoute) -> None:
        def said(message: str | bytes) -> None:
            if self.through or isinstance(message, str):
                browser.send(message)
            else:
                self.waiting.append(message)

        self.browser = browser
        browser.connect_to_server().on_message(said)

    def titles(self) -> list[str]:
        """The titles that the browser has not heard of."""
        messages = map(ForwardMsg.FromString, self.waiting)
        return [each.page_config_changed.title for each in messages if each.HasField("page_config_changed")]

    def titled(self, times: int) -> None:
        """Returns once the server has said so many."""
        for _ in range(PATIENCE_MS // 50):
            if len(self.titles()) >= times:
                return
            self.tab.wait_for_timeout(50)
        pytest.fail(f"the server draws nothing: {self.titles()}")

    def let_through(self) -> None:
        self.through = True
        for message in self.waiting:
            self.browser.send(message)


def test_a_job_that_is_clicked_is_shown_whatever_is_clicked_before_the_browser_hears_of_it(
    tab: Page, full_home: Path
) -> None:
    delayed = Delayed(tab)
    with serving(full_home) as url:
        tab.goto(f"{url}/jobs")
        expect(tab.get_by_role("heading", name="Job 1")).to_be_visible()
        expect(tab.get_by_text("Events", exact=True)).to_be_visible()
        delayed.through = False
        click_in(tab.get_by_test_id("stDataFrame").locator("canvas").first, 0.3, 1)
        delayed.titled(1)
        tab.get_by_text("Events", exact=True).click()
        delayed.titled(2)
        assert {*delayed.titles()} == {"Job 1 · Kraken History"}
        delayed.let_through()
        is_at(tab, "Job 1", "job=1")
