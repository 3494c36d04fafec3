"""``kraken-history undo`` where other jobs read copies of an archive and stored nothing: they are read again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kraken_core import Workbench
from tests.support.command_line import Kraken
from tests.support.little_market import LittleMarket


@pytest.fixture
def copy(little: LittleMarket, tmp_path: Path) -> Path:
    """The first release, byte for byte, somewhere else."""
    return Path(shutil.copy(little.first, tmp_path))


@pytest.mark.parametrize("again", ["the archive", "its copy"])
def test_an_archive_and_its_copy_are_read_again_after_the_job_that_stored_them_is_undone(
    again: str, one_release: Kraken, little: LittleMarket, copy: Path
) -> None:
    before = one_release.state()
    assert one_release.ingest(copy)["files"]["ingested"] == 0  # its bytes are stored
    one_release("undo", 1, "--yes")
    assert one_release.state()["candles"] == []
    one_release.ingest(little.first if again == "the archive" else copy)
    assert one_release.state() == before


def test_in_a_home_in_which_an_earlier_version_undid_the_job_they_are_read_again_too(
    one_release: Kraken, little: LittleMarket, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = one_release.state()
    one_release.ingest(copy)
    with monkeypatch.context() as earlier:
        earlier.setattr("kraken_core.ledger.ledger.SqlLedger._forget_copies", lambda *_: None)
        one_release("undo", 1, "--yes")
    one_release.ingest(copy)
    assert one_release.state() == before


def test_a_file_that_an_earlier_job_stored_is_known_after_a_later_one_is_undone(
    one_release: Kraken, little: LittleMarket, copy: Path
) -> None:
    later = copy.rename(copy.with_name("Kraken_OHLCVT_Q2_2024.zip"))  # which states more, so that its rows rise
    job = one_release.ingest(later)["job_id"]
    with Workbench.open(one_release.home) as workbench:
        assert workbench.ledger.claimed(job)
    one_release("undo", job, "--yes")
    assert one_release.ingest(little.first)["files"]["ingested"] == 0
