"""Whatever writes to another disk names that one where it is full, ends with 1, and leaves no half of a file there."""

from __future__ import annotations

import errno
import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import polars as pl
import pytest

from kraken_core.workbench.certificates import files as certificates
from tests.support.command_line import Kraken, refused, tree

FULL = os.strerror(errno.ENOSPC)
RUSTS = f"{FULL} (os error 28)"


def no_room(*_: object, **__: object) -> NoReturn:
    raise OSError(errno.ENOSPC, FULL)


@pytest.mark.parametrize(
    ("kind", "writer", "error"),
    [
        ("csv", "write_csv", OSError(RUSTS)),
        ("feather", "write_ipc", OSError(RUSTS)),
        ("parquet", "write_parquet", pl.exceptions.ComputeError(f"parquet: underlying IO error: {RUSTS}")),
    ],
)
def test_an_export_that_fills_the_disk_leaves_nothing_of_its_own(
    full: Kraken, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, writer: str, error: Exception
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("stays")
    before = tree(tmp_path / "out")
    write: Callable[..., None] = getattr(pl.DataFrame, writer)
    files = Counter[str]()

    def fill(frame: pl.DataFrame, path: Path, **how: object) -> None:
        write(frame, path, **how)
        files["written"] += 1
        if files["written"] == 2:
            raise error

    monkeypatch.setattr(pl.DataFrame, writer, fill)
    line = refused(full("export", "--to", tmp_path / "out", "--format", kind, "--quiet", code=1))
    assert f"{tmp_path / 'out'} cannot be written: its disk is full. Free some space" in line
    assert tree(tmp_path / "out") == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_a_page_that_fills_the_disk_is_no_wrong_use(kraken: Kraken) -> None:
    line = refused(kraken("report", "--html", "/dev/full", "--quiet", code=1))
    assert "/dev/full cannot be written: its disk is full" in line


def test_nor_is_a_certificate(full: Kraken, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificates, "as_text", no_room)
    line = refused(full("certify", "--output", tmp_path / "c.json", "--quiet", code=1))
    assert f"{tmp_path / 'c.json'} cannot be written: its disk is full" in line


def test_a_backup_and_a_restore_name_the_disk_that_they_write_to(
    full: Kraken, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved, home = tmp_path / "saved", tmp_path / "restored"
    with monkeypatch.context() as patched:
        patched.setattr("kraken_core.stores.delta.saving.write_whole", no_room)
        line = refused(full("backup", saved, "--quiet", code=1))
    assert f"cannot save {saved}: its disk is full. What was copied is kept" in line
    full("backup", saved, "--quiet")
    with monkeypatch.context() as patched:
        patched.setattr("kraken_core.stores.delta.saving.write_whole", no_room)
        line = refused(full("restore", saved, "--home", home, "--quiet", code=1))
    assert f"cannot restore {home}: its disk is full. What was copied is kept" in line
    full("restore", saved, "--home", home, "--quiet")


@pytest.mark.parametrize("left", [0, 40_000, 600_000])
def test_on_a_disk_that_is_full_so_does_a_backup_wherever_it_gets(full: Kraken, little_disk: Path, left: int) -> None:
    filler = little_disk / "filler"
    filler.write_bytes(bytes(shutil.disk_usage(little_disk).free - left))
    line = refused(full("backup", little_disk / "saved", "--quiet", code=1))
    assert f"cannot save {little_disk / 'saved'}: its disk is full" in line
    filler.unlink()
    full("backup", little_disk / "saved", "--quiet")
