"""A home saved as the guide says, and restored."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.support.command_line import Kraken
from tests.support.little_market import LittleMarket


def saved_ledger(home: Path, backup: Path) -> None:
    """What ``sqlite3 ledger.db ".backup …"`` does."""
    backup.mkdir()
    with closing(sqlite3.connect(home / "ledger.db")) as held, closing(sqlite3.connect(backup / "ledger.db")) as saved:
        held.backup(saved)


def saved_table(home: Path, backup: Path) -> None:
    shutil.copytree(home / "candles", backup / "candles")
    shutil.copy(home / ".format", backup)


def test_a_backup_is_a_home_like_the_one_it_was_taken_of(full: Kraken, tmp_path: Path) -> None:
    saved_ledger(full.home, tmp_path / "saved")
    saved_table(full.home, tmp_path / "saved")
    before = full.state()
    restored = Kraken(full.capsys, tmp_path / "saved")
    restored("doctor", "--home", restored.home)
    assert restored.state() == before


def test_a_job_between_the_two_copies_costs_nothing(kraken: Kraken, little: LittleMarket, tmp_path: Path) -> None:
    kraken.ingest(little.first, "--as-of", "2024-04-01")
    saved_ledger(kraken.home, tmp_path / "saved")
    kraken.ingest(little.folder)
    saved_table(kraken.home, tmp_path / "saved")
    restored = Kraken(kraken.capsys, tmp_path / "saved")
    restored("doctor", "--repair", "--home", restored.home)
    restored.ingest(little.folder, "--home", restored.home)
    assert restored.state() == kraken.state()
