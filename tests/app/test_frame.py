"""What is around every page: what goes wrong in it is told, and takes nothing along."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
import streamlit as st

from kraken_core import Workbench
from kraken_core.domain.errors import StoreError
from tests.app.conftest import MAIN, Opened


def test_an_error_that_passes_leaves_the_filters_as_they_are(
    full: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = opened("gaps", pair="BTC/USD", interval="1h")

    def gone(_: Workbench) -> str:
        raise StoreError("The table is away")

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(Workbench, "change_token", property(gone))
        assert [each.value for each in page.run().error] == ["The table is away"]
        assert set(page.query_params) == {"pair", "interval"}
    page.run()
    assert not page.error
    assert page.multiselect(key="pair").value == ["BTC/USD"]
    assert page.multiselect(key="interval").value == [60]


def test_a_mistake_of_ours_is_one_sentence_and_its_details_are_in_the_log(
    full: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    page = opened("gaps")

    def wrong(_: Workbench) -> str:
        raise TypeError("postgresql://somebody:secret@host")

    monkeypatch.setattr(Workbench, "change_token", property(wrong))
    [shown] = page.run().error
    assert shown.value.startswith("This page could not be drawn: unexpected TypeError. What is stored is not affected")
    assert "secret" not in shown.value
    assert not page.exception
    assert "Traceback" in caplog.text


def test_another_process_that_is_started_draws_no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is spawned imports the file of the process that starts it under this name."""
    drawn: list[object] = []
    monkeypatch.setattr(st, "navigation", drawn.append)
    runpy.run_path(str(MAIN), run_name="__mp_main__")
    assert drawn == []
