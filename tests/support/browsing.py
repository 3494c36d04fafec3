"""A dashboard's server, and what a hand does with a mouse on its charts."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
from playwright.sync_api import Locator, Page, expect

from tests.support.command_line import command, environment
from tests.support.ports import free_port

PATIENCE_S = 60  # for a server to come up
PATIENCE_MS = 180_000  # on a machine that is busy with other things; nothing waits when it is quicker


# An expander that is open as a whole, and as high as it was when it was looked at before
STANDS = """it => {
    const before = window.unfolded, now = window.unfolded = it.clientHeight;
    return it.open && it.scrollHeight <= now && now === before;
}"""


def answering(url: str, server: subprocess.Popen[str]) -> None:
    """Returns once the server answers."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            assert requests.get(f"{url}/_stcore/health", timeout=5).text == "ok"
        except requests.ConnectionError:
            assert server.poll() is None, "the server ended"
            assert time.monotonic() < until, "the server does not answer"
            time.sleep(0.1)
        else:
            return


@contextmanager
def serving(home: Path, **settings: str) -> Iterator[str]:
    """The address of a dashboard of a home, started in a folder that has nothing to do with it."""
    port = free_port()
    words = command("app", "--home", home, "--port", port, "--no-browser", "--quiet")
    with answered_by(words, port, home.parent, **settings) as url:
        yield url


@contextmanager
def answered_by(words: list[str], port: int, folder: Path, **settings: str) -> Iterator[str]:
    """The address of a server that is started in a folder, as long as it is wanted."""
    with subprocess.Popen(
        words, cwd=folder, env=environment(settings), text=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    ) as server:
        try:
            answering(f"http://127.0.0.1:{port}", server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def press(tab: Page, name: str) -> None:
    tab.get_by_role("button", name=name, exact=True).click()


def unfold(tab: Page, name: str) -> None:
    """Open an expander, and wait until all in it is seen: what still unfolds moves, and that closes an open list."""
    tab.get_by_text(name, exact=True).click()
    expander = tab.locator("details").filter(has=tab.get_by_text(name, exact=True))
    expander.wait_for(timeout=PATIENCE_MS)
    tab.wait_for_function(STANDS, arg=expander.element_handle(), polling=100, timeout=PATIENCE_MS)


def see(tab: Page, text: str) -> None:
    """The text comes to be seen."""
    expect(tab.get_by_text(text).first).to_be_visible(timeout=PATIENCE_MS)


def figure(tab: Page, name: str) -> Locator:
    """The value of one of the page's figures."""
    place = tab.get_by_test_id("stVerticalBlock").filter(has=tab.get_by_test_id("stCaptionContainer"))
    named = place.filter(has=tab.get_by_text(name, exact=True)).last  # of those around it, the innermost
    return named.get_by_test_id("stMarkdownContainer").last


def plot(tab: Page) -> Locator:
    """The area of the page's chart that the mouse acts on, once it is drawn."""
    area = tab.locator(".js-plotly-plot .nsewdrag").first
    area.wait_for(state="attached", timeout=PATIENCE_MS)
    area.scroll_into_view_if_needed()
    return area


def place(tab: Page, across: float, row: int = 0, rows: int = 1) -> tuple[float, float]:
    """A point of the chart: ``across`` its width (0 to 1), in the middle of one of its rows."""
    box = plot(tab).bounding_box()
    assert box
    return box["x"] + across * box["width"], box["y"] + (row + 0.5) / rows * box["height"]


def drag(tab: Page, first: tuple[float, float], last: tuple[float, float]) -> None:
    tab.mouse.move(*first)
    tab.mouse.down()
    tab.mouse.move(*last, steps=5)
    tab.mouse.up()


def click(tab: Page, at: tuple[float, float]) -> None:
    """A click as people make it: Plotly takes only what it has seen hovered."""
    tab.mouse.move(*at)
    tab.locator(".hoverlayer .hovertext").first.wait_for()
    tab.mouse.down()
    tab.mouse.up()
