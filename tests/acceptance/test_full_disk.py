"""A disk that is too small is told beforehand; one that fills up in the middle costs the job nothing but time."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
from deltalake import DeltaTable

from kraken_core import Workbench
from kraken_core.domain.errors import HomeError
from kraken_core.domain.formatting import byte_size
from kraken_core.stores.rejects import CsvRejectLog
from kraken_core.workbench.jobs import disk
from tests.acceptance.spoiled import named, row, text_of
from tests.support.command_line import Kraken, asked, refused
from tests.support.helping import in_soak
from tests.support.layouts import write_zip
from tests.support.little_market import LittleMarket

FULL = os.strerror(errno.ENOSPC)


@pytest.fixture
def fill(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path, int], Path]:
    """Lets a file take all of a disk but some bytes, right when a job begins."""

    def prepare(place: Path, left: int) -> Path:
        filler = place / "filler"
        looks = Counter[str]()

        def take_all(_path: Path, _needed: int) -> None:
            looks["at the disk"] += 1
            if looks["at the disk"] == 2:  # the first is before anything is done, the second when the job begins
                filler.write_bytes(bytes(max(0, shutil.disk_usage(place).free - left)))

        monkeypatch.setattr("kraken_core.workbench.jobs.planner.require_room", take_all)
        return filler

    return prepare


def told_in_one_line(err: str) -> str:
    [line] = err.splitlines()
    assert line.startswith("kraken-history: job 1 failed: ")
    assert "full" in line or FULL in line
    assert re.search(r"Resume with: kraken-history ingest .*--resume 1$", line)
    return line


# Too small from the beginning


def test_a_plan_that_does_not_fit_is_refused_with_what_it_needs_and_what_is_free(
    kraken: Kraken, little: LittleMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = kraken(*asked(little.folder), "--dry-run", "--quiet").json
    needed = plan["disk_bytes"] + disk.RESERVE_BYTES
    monkeypatch.setattr(disk, "free_bytes", lambda _: needed - 1)
    line = refused(kraken(*asked(little.folder), "--quiet", code=1))
    for part in (kraken.home / "candles", *map(byte_size, (plan["disk_bytes"], disk.RESERVE_BYTES, needed - 1))):
        assert str(part) in line
    assert not kraken.home.exists()
    monkeypatch.setattr(disk, "free_bytes", lambda _: needed)
    assert kraken.ingest(little.folder)["status"] == "COMPLETED"
    monkeypatch.setattr(disk, "free_bytes", lambda _: 0)
    assert kraken.ingest(little.folder)["files"]["ingested"] == 0  # nothing new to store


def test_in_python_it_is_refused_too(kraken: Kraken, little: LittleMarket, monkeypatch: pytest.MonkeyPatch) -> None:
    with Workbench.open() as workbench:
        plan = workbench.plan(tier="ALL", sources=[little.folder], api_backfill=False)
        monkeypatch.setattr(disk, "free_bytes", lambda _: 0)
        with pytest.raises(HomeError, match="too little disk"):
            workbench.run(plan)
    assert not kraken.home.exists()


# Full in the middle


@pytest.mark.parametrize(
    ("place", "left"),
    [
        ("store", 60_000),
        ("home", 300_000),
        *in_soak(("home", 100_000), ("home", 900_000)),
    ],
)
def test_a_disk_that_fills_up_in_the_middle_fails_the_job_and_loses_nothing(
    kraken: Kraken,
    little: LittleMarket,
    full_home: Path,
    little_disk: Path,
    fill: Callable[[Path, int], Path],
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    left: int,
) -> None:
    expected = Kraken(kraken.capsys, full_home).state()
    home = little_disk / "home" if place == "home" else kraken.home
    if place == "store":
        monkeypatch.setenv("KRAKEN_STORE", str(little_disk / "candles"))
    filler = fill(little_disk, left)
    told_in_one_line(kraken(*asked(little.folder), "--home", home, "--quiet", code=1).err)
    filler.unlink()
    monkeypatch.setattr("kraken_core.workbench.jobs.stalled.is_lost", lambda _: True)  # its process ended with it
    again = kraken.ingest(little.folder, "--home", home)
    assert (again["job_id"], again["status"]) == (1, "COMPLETED")
    assert Kraken(kraken.capsys, home).state() == expected


def no_room(*_: object, **__: object) -> NoReturn:
    raise OSError(errno.ENOSPC, FULL)


def no_room_for_delta(*_: object, **__: object) -> NoReturn:
    raise OSError(f"Generic LocalFileSystem error\n  ↳ Unable to copy data to file\n  ↳ {FULL} (os error 28)\n")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """An archive with a bad row."""
    return write_zip(tmp_path / "a.zip", {named("FINE"): text_of(row(0), row(1), "x", row(3))})


@pytest.mark.parametrize(
    ("owner", "name", "fails"),
    [
        ("pyarrow.parquet.ParquetWriter", "write_table", no_room),
        (DeltaTable, "create_write_transaction", no_room_for_delta),
        (CsvRejectLog, "add", no_room),
        ("kraken_core.pipeline.run", "write_download_list", no_room),
    ],
    ids=["staging", "committing", "rejects", "download list"],
)
def test_wherever_there_is_no_room_the_job_fails_with_one_line_and_goes_on_later(
    kraken: Kraken, archive: Path, monkeypatch: pytest.MonkeyPatch, owner: object, name: str, fails: Callable[..., None]
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(*((f"{owner}.{name}", fails) if isinstance(owner, str) else (owner, name, fails)))
        said = kraken(*asked(archive), "--quiet", code=1)
    assert json.loads(said.out)["status"] == "FAILED"
    told_in_one_line(said.err)
    [job] = kraken.rows("jobs", 1)
    assert job["status"] == "FAILED"
    assert "full" in job["error"] or FULL in job["error"]
    again = kraken.ingest(archive)
    assert (again["job_id"], again["status"], again["records"]["rejected"]) == (1, "COMPLETED", 1)
    [counted] = kraken.rows("sql", "select count(*) as candles from candles where interval_minutes = 1440")
    assert counted["candles"] == 3
    assert len((kraken.home / "rejects" / "1.csv").read_text().splitlines()) == 2
