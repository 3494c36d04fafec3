"""A repair that cannot read lost candles again gives nothing up, or is carried on by the next one."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NoReturn

import pytest
from deltalake import DeltaTable

from kraken_core.domain.errors import HomeError
from kraken_core.workbench.jobs import disk
from kraken_core.workbench.jobs.runner import JobRunner
from tests.support.command_line import Kraken, refused, tree
from tests.support.doctor import findings
from tests.support.little_market import LittleMarket


@pytest.fixture
def archives(little: LittleMarket, tmp_path: Path) -> Path:
    return Path(shutil.copytree(little.folder, tmp_path / "archives"))


@pytest.fixture
def damaged(kraken: Kraken, archives: Path) -> Kraken:
    """A home in which a file of candles that nothing finer proves is damaged."""
    kraken.ingest(archives)
    uris = DeltaTable(kraken.home / "candles").file_uris()
    file = Path(next(uri for uri in uris if "interval_minutes=1/" in uri))
    content = bytearray(file.read_bytes())
    content[len(content) // 3] ^= 4
    file.write_bytes(content)
    return kraken


@pytest.fixture
def expected(kraken: Kraken, archives: Path, tmp_path: Path) -> object:
    """What such a home has where nothing is damaged."""
    whole = Kraken(kraken.capsys, tmp_path / "whole")
    whole.ingest(archives, "--home", whole.home)
    return whole.state()


def no_room(*_: object, **__: object) -> NoReturn:
    raise HomeError("too little disk.")


def jobs(kraken: Kraken) -> list[tuple[int, str]]:
    return [(job["job_id"], job["status"]) for job in kraken.rows("jobs")]


def test_with_too_little_disk_nothing_is_given_up(
    damaged: Kraken, expected: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tree(damaged.home / "candles")
    with monkeypatch.context() as patched:
        patched.setattr(disk, "free_bytes", lambda _: 300_000)
        line = refused(damaged("doctor", "--repair", "--quiet", code=1))
    assert "too little disk to restore lost candles" in line
    assert "free some space, then kraken-history doctor --repair again" in line
    assert tree(damaged.home / "candles") == before
    assert jobs(damaged) == [(1, "COMPLETED")]
    findings(damaged, "--repair")
    assert damaged.state() == expected


def test_what_could_not_be_read_again_is_no_repair_and_the_next_one_reads_it(
    damaged: Kraken, expected: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("kraken_core.workbench.jobs.planner.require_room", no_room)
        document = damaged("doctor", "--repair", "--json", code=1).json
    assert not any("could not" in line for line in document["repairs"])
    [check] = [check for check in document["checks"] if check["name"] == "lost candles"]
    assert check["status"] == "problem"
    assert check["message"].endswith("too little disk. Then: kraken-history doctor --repair again.")
    assert jobs(damaged) == [(1, "COMPLETED")]
    assert damaged.state() != expected
    findings(damaged, "--repair")
    assert damaged.state() == expected
    assert damaged("doctor", "--repair", "--json").json["repairs"] == []


def test_a_job_that_an_earlier_repair_left_behind_is_the_one_that_reads_it(
    damaged: Kraken, expected: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(JobRunner, "run", no_room)
        damaged("doctor", "--repair", "--quiet", code=1)
    assert jobs(damaged) == [(2, "PENDING"), (1, "COMPLETED")]
    findings(damaged, "--repair")
    assert jobs(damaged)[-2:] == [(2, "COMPLETED"), (1, "COMPLETED")]
    assert damaged.state() == expected


def test_an_archive_that_was_away_is_read_once_it_is_back(damaged: Kraken, expected: object, archives: Path) -> None:
    away = archives.rename(archives.with_name("away"))
    for _ in range(2):
        status, message = findings(damaged, "--repair")["lost candles"]
        assert status == "warning"
        assert f"{archives} could not be read again" in message
    away.rename(archives)
    findings(damaged, "--repair")
    assert damaged.state() == expected
