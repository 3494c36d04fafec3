"""What the tests of the dashboard share: pages without a browser, over a home that holds a little market."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block, Caption, Markdown

from kraken_core.simulator.exchange import SimulatedExchange
from tests.app.asking_home import QUICK, AskingHome
from tests.support.command_line import NOBODY, shared
from tests.support.little_market import LittleMarket

MAIN = Path(__file__).parents[2] / "app" / "main.py"
Opened = Callable[..., AppTest]
STARTED = sys.modules["__main__"]


def figures(page: AppTest) -> dict[str, str]:
    """The page's figures by their names: a name and a value that have a place of their own."""
    found = {}
    for place in page.main:
        inside = list(place.children.values()) if isinstance(place, Block) else []
        texts = [each for each in inside if isinstance(each, Markdown)]
        if len(inside) == len(texts) == 2 and isinstance(texts[0], Caption):
            found[told(texts[0].value)] = told(texts[1].value).strip("*")
    return found


def told(markdown: str) -> str:
    """A text that was made plain, as it is read."""
    return re.sub(r"\\(.)", r"\1", markdown)


@pytest.fixture(autouse=True)
def _main_as_it_was() -> Iterator[None]:
    """Streamlit makes each script it runs the main module, which processes that a later test starts would run first."""
    yield
    sys.modules["__main__"] = STARTED


@pytest.fixture(scope="session")
def unfilled_home(little: LittleMarket, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home that holds the archives of the market, with every gap open. Read only: many tests share it."""
    home = tmp_path_factory.mktemp("unfilled") / "home"
    with shared(home, little.folder, "--no-auto-gap-fill"):
        yield home


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
def asking(little: LittleMarket, unfilled_home: Path, tmp_path: Path) -> Iterator[AskingHome]:
    """A home of its own whose gaps are open, and an exchange that knows what is missing."""
    shutil.copytree(unfilled_home, tmp_path / "home")
    with SimulatedExchange(little.market) as exchange:
        asking = AskingHome(tmp_path / "home", exchange)
        asking.pace(QUICK)
        yield asking
        asking.give_up()


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The pages of the dashboard as its navigation registers them, whichever is shown."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("KRAKEN_HOME", str(tmp_path_factory.mktemp("none") / "home"))
        environment.setenv("KRAKEN_API_URL", NOBODY)
        return AppTest.from_file(str(MAIN), default_timeout=30).run()._registered_pages


@pytest.fixture
def opened(pages: dict[str, Any], home: Path) -> Opened:
    """Opens a page of the dashboard, with filters as they are in its URL, and runs it once."""

    def page(name: str = "overview", **query: str | list[str]) -> AppTest:
        app = AppTest.from_file(str(MAIN), default_timeout=30)
        app._registered_pages = pages  # else the overview would have to be run before any other page is found
        app.query_params.update(query)
        shown = app.switch_page(f"{name}/page.py").run()
        assert not shown.exception, [each.value for each in shown.exception]
        return shown

    return page
