"""``kraken-history undo`` after candles were moved to another store."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.support.command_line import Kraken, asked, process, refused
from tests.support.little_market import LittleMarket


@pytest.fixture
def moved(one_release: Kraken, little: LittleMarket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kraken:
    """A home of two jobs whose candles were copied to another store, which it uses now."""
    one_release.ingest(little.second)
    one_release("copy", "--to", tmp_path / "there")
    monkeypatch.setenv("KRAKEN_STORE", str(tmp_path / "there"))
    return one_release


def test_a_job_that_stored_in_another_table_is_not_undone(moved: Kraken) -> None:
    before = moved.state()
    said = refused(moved("undo", 2, "--yes", code=2))
    assert "job 2 cannot be undone: what it stored is in another candle table" in said
    assert moved.state() == before


def test_a_job_that_went_on_in_another_table_is_not_undone(
    one_release: Kraken, little: LittleMarket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process(*asked(little.second), env={"KRAKEN_FAILPOINT": "report.before"}, code=-signal.SIGKILL)
    assert one_release.rows("jobs")[0]["status"] == "FAILED"
    one_release("copy", "--to", tmp_path / "there")
    monkeypatch.setenv("KRAKEN_STORE", str(tmp_path / "there"))
    one_release("ingest", "--resume", 2, "--yes")
    before = one_release.state()
    assert "job 2 cannot be undone" in refused(one_release("undo", 2, "--yes", code=2))
    assert one_release.state() == before


def test_a_job_is_undone_in_a_home_that_was_moved_with_its_candles(
    one_release: Kraken, little: LittleMarket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = one_release.state()
    one_release.ingest(little.second)
    elsewhere = Kraken(one_release.capsys, one_release.home.rename(tmp_path / "elsewhere"))
    monkeypatch.setenv("KRAKEN_HOME", str(elsewhere.home))
    elsewhere("undo", 2, "--yes")
    assert elsewhere.state() == before
