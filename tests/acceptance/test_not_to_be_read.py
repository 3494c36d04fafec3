"""What the user may not read or write: one line that says which file, and everything else goes on.

Root reads whatever it likes, so where the tests run as root the command gives up those of its capabilities first.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.spoiled import THREE
from tests.support.helping import in_soak

# CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH leave the set that a program started from here may have (prctl(2)).
WITHOUT_PRIVILEGES = """
import ctypes, os, sys
if os.geteuid() == 0 and any(ctypes.CDLL(None).prctl(24, capability, 0, 0, 0) for capability in (1, 2)):
    sys.exit(77)
os.execv(sys.executable, [sys.executable, "-m", "kraken_core", *sys.argv[1:]])
"""
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="capabilities are given up as Linux has them")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    return home


def kraken(home: Path, *words: object) -> subprocess.CompletedProcess[str]:
    """A command run by somebody to whom files may be closed."""
    ended = subprocess.run(
        [sys.executable, "-c", WITHOUT_PRIVILEGES, *map(str, words), "--home", str(home)],
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode == 77:
        pytest.skip("this root cannot give up its capabilities")
    return ended


def ingest(home: Path, source: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return kraken(home, "ingest", "--tier", "ALL", "--yes", "--no-api-backfill", "--csv-source-dir", source, *words)


def one_line(ended: subprocess.CompletedProcess[str]) -> str:
    """All that a refused command said."""
    assert ended.returncode == 2, ended.stderr
    [line] = ended.stderr.splitlines()
    return line


def a_folder(path: Path) -> Path:
    path.mkdir()
    (path / "XBTUSD_1440.csv").write_bytes(THREE)
    return path


def a_zip(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("XBTUSD_1440.csv", THREE)
    return path


@pytest.mark.parametrize("make", [a_folder, a_zip])
def test_a_source_that_may_not_be_read_is_named(make: Callable[[Path], Path], home: Path, tmp_path: Path) -> None:
    source = make(tmp_path / "closed.zip")
    source.chmod(0)
    try:
        line = one_line(ingest(home, source))
    finally:
        source.chmod(0o700)
    assert str(source) in line
    assert "Permission denied" in line


def test_a_file_that_may_not_be_read_fails_alone_and_is_read_once_it_may(home: Path, tmp_path: Path) -> None:
    source = a_folder(tmp_path / "source")
    closed = source / "ETHUSD_1440.csv"
    closed.write_bytes(THREE)
    closed.chmod(0)

    first = ingest(home, source, "--json")
    assert first.returncode == 0, first.stderr
    told = json.loads(first.stdout)
    assert (told["files"]["ingested"], told["files"]["failed"], told["records"]["new"]) == (1, 1, 3)

    files = kraken(home, "sql", "--json", "select member, status, error from files where status = 'FAILED'")
    [failed] = json.loads(files.stdout)
    assert failed["member"] == "ETHUSD_1440.csv"
    assert "Permission denied. Nothing of it was taken; let it be read." in failed["error"]

    closed.chmod(0o600)
    again = json.loads(ingest(home, source, "--json").stdout)
    assert (again["files"]["ingested"], again["files"]["skipped"], again["records"]["new"]) == (1, 1, 3)


@pytest.mark.parametrize("name", ["kraken.toml", "tiers.toml"])
def test_what_people_edit_and_the_command_may_not_read_is_named(name: str, home: Path) -> None:
    (home / name).write_text("")
    (home / name).chmod(0)
    line = one_line(kraken(home, "tiers"))
    assert f"{home / name} cannot be read: Permission denied" in line


def test_a_home_that_may_not_be_written_is_named(home: Path, tmp_path: Path) -> None:
    source = a_folder(tmp_path / "source")
    home.chmod(0o500)
    line = ingest(home, source).stderr.splitlines()[-1]
    assert f"{home} cannot be used as home: Permission denied" in line
    assert not any(home.iterdir())


@pytest.mark.parametrize(("closed", "why"), [("ledger.db", "could not be read"), ("candles", "Permission denied")])
def test_a_ledger_or_a_table_that_may_not_be_read_is_one_line(
    closed: str, why: str, home: Path, tmp_path: Path
) -> None:
    assert ingest(home, a_folder(tmp_path / "source")).returncode == 0
    (home / closed).chmod(0)
    ended = kraken(home, "sql", "select count(*) from candles")
    (home / closed).chmod(0o700)
    assert ended.returncode in {1, 2}
    [line] = ended.stderr.splitlines()
    assert closed in line
    assert why in line


# A home that may only be read


@pytest.fixture
def read_only(full_home: Path, tmp_path: Path) -> Iterator[Path]:
    home = shutil.copytree(full_home, tmp_path / "read only")
    everything = [home, *home.rglob("*")]
    modes = {path: path.stat().st_mode for path in everything}
    for path, mode in modes.items():
        path.chmod(mode & ~0o222)
    yield home
    for path, mode in modes.items():
        path.chmod(mode)


READING = ["report", "gaps", "coverage", "silences", "jobs", "verify", "pairs"]


@pytest.mark.parametrize("command", ["report", "verify", *in_soak(*READING[1:5], "pairs")])
def test_a_home_that_may_only_be_read_is(read_only: Path, full_home: Path, command: str) -> None:
    ended = kraken(read_only, command, "--json")
    assert (ended.returncode, ended.stderr.count("Traceback")) == (0, 0), ended.stderr
    if command != "verify":
        assert json.loads(ended.stdout) == json.loads(kraken(full_home, command, "--json").stdout)


def test_candles_of_a_home_that_may_only_be_read_are_exported_and_saved(read_only: Path, tmp_path: Path) -> None:
    assert kraken(read_only, "export", "--to", tmp_path / "exported", "--pairs", "BTC/USD").returncode == 0
    assert kraken(read_only, "backup", tmp_path / "saved").returncode == 0
    assert kraken(tmp_path / "saved", "verify").returncode == 0


def test_no_job_begins_where_one_may_only_read(read_only: Path, tmp_path: Path) -> None:
    ended = ingest(read_only, a_folder(tmp_path / "source"), "--quiet")
    assert ended.returncode == 1
    [line] = ended.stderr.splitlines()
    assert str(read_only) in line
    assert "readonly" in line
