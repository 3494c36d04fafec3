"""What the tests of whole journeys share: a little market, a command line with a home, and one that is full."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.killed_jobs import Job, make_job, run
from tests.support.command_line import NOBODY, Kraken


@pytest.fixture
def kraken(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Kraken:
    """The command line with a home that does not exist yet, and no settings from outside."""
    for name in [name for name in os.environ if name.startswith("KRAKEN_")]:
        monkeypatch.delenv(name)
    home = tmp_path / "home"
    monkeypatch.setenv("KRAKEN_HOME", str(home))
    monkeypatch.setenv("KRAKEN_API_URL", NOBODY)
    monkeypatch.chdir(tmp_path)
    return Kraken(capsys, home)


@pytest.fixture
def full(kraken: Kraken, full_home: Path) -> Kraken:
    """The command line with a home that holds the whole market, and may be changed."""
    shutil.copytree(full_home, kraken.home)
    return kraken


@pytest.fixture
def one_release(kraken: Kraken, first_home: Path) -> Kraken:
    """The command line with a home that holds the first release alone, and may be changed."""
    shutil.copytree(first_home, kraken.home)
    return kraken


@pytest.fixture(scope="session")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    return make_job(tmp_path_factory.mktemp("archives"))


@pytest.fixture(scope="session")
def uninterrupted(job: Job, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home that the job leaves when nothing disturbs it."""
    home = tmp_path_factory.mktemp("uninterrupted") / "home"
    run(job, home).check_returncode()
    return home


@pytest.fixture
def little_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 16 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", place], capture_output=True, check=False
    )
    if not mounted or mounted.returncode:
        pytest.skip("only the system's administrator can make a little disk (tmpfs)")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)
