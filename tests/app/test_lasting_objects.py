"""Pages leave no work behind: what they import is not searched for garbage, and what they read is there once."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.shared.lasting_objects import exempt_from_search
from tests.app.conftest import Opened
from tests.support.command_line import ROOT


@pytest.fixture
def searched() -> Iterator[None]:
    """Everything is searched, and so it is again afterwards."""
    exempt_from_search.cache_clear()
    gc.unfreeze()
    yield
    exempt_from_search.cache_clear()
    gc.unfreeze()


@pytest.mark.usefixtures("searched", "home")
def test_nothing_is_searched_again_that_was_there_when_a_page_was_drawn_first(opened: Opened) -> None:
    opened("help")
    exempt = gc.get_freeze_count()
    assert exempt > 100_000, "of the modules that it imports"
    opened("help")
    assert gc.get_freeze_count() <= exempt, "what came later may be garbage one day"


ENDING = """
import duckdb
from app.shared.lasting_objects import exempt_from_search
duckdb.connect().execute("select 1").fetchall()
exempt_from_search("help")
"""


def test_the_end_of_the_server_is_quiet() -> None:
    done = subprocess.run([sys.executable, "-c", ENDING], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")


def page() -> None:
    """Reads the same twice."""
    import streamlit as st

    from app.shared.filters import known_markets

    st.text(str(known_markets() is known_markets() and known_markets()["tier"] != []))


def test_an_answer_that_is_remembered_is_not_copied_for_each_who_asks(full: Path) -> None:
    assert full.exists()
    shown = AppTest.from_function(page, default_timeout=30).run()
    assert [each.value for each in shown.text] == ["True"]
