"""A home saved and restored: whole, whatever happens meanwhile, and never over anything else."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
from deltalake import DeltaTable

from kraken_core import Workbench
from kraken_core.domain.errors import HomeError
from kraken_core.domain.jobs import JobStatus
from kraken_core.workbench.health import backup as saving
from kraken_core.workbench.health.backup import backup, restore
from tests.acceptance.killed_jobs import Job, assert_same_end, run
from tests.support.command_line import Kraken, asked, refused
from tests.support.databases import new_schema
from tests.support.little_market import LittleMarket

pytest_plugins = ["tests.support.servers"]

POINTS = ("backup.file", "backup.log", "backup.ledger")


def restored(kraken: Kraken, saved: Path, *, code: int = 0) -> Kraken:
    """The command line with a home made of a backup."""
    other = Kraken(kraken.capsys, saved.with_name(f"{saved.name} restored"))
    other("restore", saved, "--home", other.home, code=code)
    return other


def state(kraken: Kraken) -> dict[str, object]:
    """All that is stored and known, and that nothing is wrong with it."""
    kraken("verify", "--home", kraken.home)
    return kraken.state()


def candle_files(home: Path) -> list[Path]:
    """The files of its table's present version, the largest first."""
    table = DeltaTable(home / "candles")
    return sorted(map(Path, table.file_uris()), key=lambda file: -file.stat().st_size)


def test_a_restored_home_is_the_one_that_was_saved(full: Kraken, tmp_path: Path) -> None:
    before = state(full)
    document = full("backup", tmp_path / "saved", "--json").json
    assert (document["damaged"], document["ledger_is_older"]) == ([], False)
    again = restored(full, tmp_path / "saved")
    assert state(again) == before
    assert state(Kraken(full.capsys, tmp_path / "saved")) == before  # a backup can be read as it is


def test_a_later_backup_copies_only_what_is_new(one_release: Kraken, little: LittleMarket, tmp_path: Path) -> None:
    first = one_release("backup", tmp_path / "saved", "--json").json
    one_release.ingest(little.folder)
    second = one_release("backup", tmp_path / "saved", "--json").json
    assert second["version"] > first["version"]
    assert one_release("backup", tmp_path / "saved", "--json").json["copied"] == 0
    assert state(restored(one_release, tmp_path / "saved")) == state(one_release)


@pytest.mark.soak
def test_the_last_job_of_a_restored_home_can_be_undone(
    one_release: Kraken, little: LittleMarket, tmp_path: Path
) -> None:
    one_release.ingest(little.folder)
    one_release("backup", tmp_path / "saved")
    again = restored(one_release, tmp_path / "saved")
    for each in (one_release, again):
        each("undo", 2, "--yes", "--home", each.home)
    assert state(again) == state(one_release)


def test_a_home_is_restored_to_the_folder_that_it_was_in_before_it_was_moved(
    kraken: Kraken, little: LittleMarket, tmp_path: Path
) -> None:
    kraken.ingest(little.first)
    moved = Kraken(kraken.capsys, kraken.home.rename(tmp_path / "moved"))
    moved.ingest(little.folder, "--home", moved.home)
    moved("backup", tmp_path / "saved", "--home", moved.home)
    kraken("restore", tmp_path / "saved", "--home", kraken.home)
    assert state(kraken) == state(moved)


# Interrupted


def killed(point: str, visit: int, *words: object) -> None:
    command = [sys.executable, "-m", "kraken_core", *map(str, words)]
    ended = subprocess.run(command, env={"KRAKEN_FAILPOINT": f"{point}:{visit}"}, capture_output=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr


@pytest.mark.parametrize("point", [POINTS[1], *(pytest.param(POINTS[at], marks=pytest.mark.soak) for at in (0, 2))])
def test_a_backup_that_was_killed_is_the_earlier_or_the_new_one_and_the_same_command_completes_it(
    point: str, one_release: Kraken, little: LittleMarket, tmp_path: Path
) -> None:
    earlier = state(one_release)
    one_release("backup", tmp_path / "saved")
    one_release.ingest(little.folder)
    killed(point, 1, "backup", tmp_path / "saved", "--home", one_release.home)
    shutil.copytree(tmp_path / "saved", tmp_path / "as killed")
    expected = state(one_release) if point == "backup.ledger" else earlier
    assert state(restored(one_release, tmp_path / "as killed")) == expected
    one_release("backup", tmp_path / "saved")
    assert state(restored(one_release, tmp_path / "saved")) == state(one_release)


def test_ctrl_c_says_that_what_was_written_is_kept_and_the_same_command_completes_it(
    one_release: Kraken, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(saving, "reached", lambda _point: os.kill(os.getpid(), signal.SIGINT))
        stopped = one_release("backup", tmp_path / "saved", "--quiet", code=3).err
    assert "what was written by then is kept" in stopped
    assert "nothing was done" not in stopped
    one_release("backup", tmp_path / "saved")
    assert state(restored(one_release, tmp_path / "saved")) == state(one_release)


@pytest.mark.parametrize("point", [POINTS[2], *(pytest.param(name, marks=pytest.mark.soak) for name in POINTS[:2])])
def test_a_restore_that_was_killed_makes_no_home_and_the_same_command_completes_it(
    point: str, full: Kraken, tmp_path: Path
) -> None:
    full("backup", tmp_path / "saved")
    home = tmp_path / "saved restored"
    killed(point, 1, "restore", tmp_path / "saved", "--home", home)
    assert not home.exists()
    assert state(restored(full, tmp_path / "saved")) == state(full)


def backups_while_it_runs(seed: int, job: Job, home: Path, folder: Path) -> Iterator[Path]:
    """Backups of a home in which the job runs, until it ends."""
    random = Random(seed)
    command = [sys.executable, "-m", "kraken_core", *job.arguments(home)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        number = 0
        while process.poll() is None:
            with suppress(HomeError):  # the job has not made a home yet
                backup(home, folder / f"{number}")
                yield folder / f"{number}"
                number += 1
            with suppress(subprocess.TimeoutExpired):
                process.wait(random.random())
        _, errors = process.communicate()
        assert process.returncode == 0, errors


def resumed_equal(saved: Path, job: Job, uninterrupted: Path) -> None:
    home = saved.with_name(f"home of {saved.name}")
    restore(saved, home)
    with Workbench.open(home) as workbench:
        assert JobStatus.RUNNING not in {each.status for each in workbench.jobs()}
    ended = run(job, home)
    assert json.loads(ended.stdout)["status"] == "COMPLETED", ended.stderr
    assert_same_end(home, uninterrupted)


def test_what_was_saved_while_a_job_ran_is_taken_up_by_the_same_request(
    job: Job, uninterrupted: Path, tmp_path: Path
) -> None:
    saved = list(backups_while_it_runs(0, job, tmp_path / "home", tmp_path))
    resumed_equal(saved[len(saved) // 2], job, uninterrupted)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1, 31))
def test_whatever_was_saved_while_a_job_ran_is_taken_up(
    seed: int, job: Job, uninterrupted: Path, tmp_path: Path
) -> None:
    for saved in backups_while_it_runs(seed, job, tmp_path / "home", tmp_path):
        resumed_equal(saved, job, uninterrupted)


# Damage


def spoil(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def test_a_damaged_file_is_named_and_not_saved(full: Kraken, tmp_path: Path) -> None:
    spoil(candle_files(full.home)[0])
    saved = full("backup", tmp_path / "saved", code=1)
    assert "1 file of candles, such as interval_minutes=" in saved.err
    assert "not saved" in saved.err
    again = restored(full, tmp_path / "saved", code=1)
    assert "lost" in again("doctor", "--repair", "--home", again.home, code=None).out


def test_a_file_that_was_damaged_since_is_not_saved_over_its_good_copy(full: Kraken, tmp_path: Path) -> None:
    before = state(full)
    full("backup", tmp_path / "saved")
    spoil(candle_files(full.home)[0])
    full("backup", tmp_path / "saved")
    assert state(restored(full, tmp_path / "saved")) == before


def test_a_file_that_is_damaged_in_the_backup_is_left_out_and_read_again(full: Kraken, tmp_path: Path) -> None:
    full("backup", tmp_path / "saved")
    spoil(candle_files(tmp_path / "saved")[0])
    again = restored(full, tmp_path / "saved", code=1)
    again("doctor", "--repair", "--home", again.home)
    assert state(again)["candles"] == state(full)["candles"]


# Elsewhere


def test_settings_that_name_a_ledger_or_a_store_elsewhere_are_put_aside(full: Kraken, tmp_path: Path) -> None:
    settings = full.home / "kraken.toml"
    (full.home / "candles").rename(tmp_path / "elsewhere")
    settings.write_text(f'store = "{tmp_path / "elsewhere"}"\nworkers = 3\n')
    settings.chmod(0o600)
    before = state(full)
    full("backup", tmp_path / "saved")
    again = restored(full, tmp_path / "saved")
    assert state(again) == before
    assert not (again.home / "kraken.toml").exists()
    aside = again.home / "kraken.toml.saved"
    assert aside.read_text() == settings.read_text()
    assert stat.S_IMODE(aside.stat().st_mode) == 0o600


@pytest.mark.postgres
def test_a_ledger_on_postgresql_is_saved_as_a_file(
    kraken: Kraken, little: LittleMarket, postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KRAKEN_LEDGER", new_schema(postgres))
    kraken.ingest(little.folder)
    before = state(kraken)
    kraken("backup", tmp_path / "saved")
    assert "KRAKEN_LEDGER names a ledger" in refused(kraken("restore", tmp_path / "saved", "--home", "new", code=2))
    monkeypatch.delenv("KRAKEN_LEDGER")
    assert state(restored(kraken, tmp_path / "saved")) == before


# Nothing is overwritten


def test_a_backup_goes_nowhere_else(full: Kraken, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    assert "has other files in it" in refused(full("backup", tmp_path / "mine", code=2))
    assert "one in the other" in refused(full("backup", full.home / "saved", code=2))
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]


def test_the_backup_of_another_table_is_left_alone(
    full: Kraken, kraken: Kraken, little: LittleMarket, tmp_path: Path
) -> None:
    full("backup", tmp_path / "saved")
    other = Kraken(full.capsys, tmp_path / "other")
    other(*asked(little.folder), "--home", other.home)
    assert "is a backup of another candle table" in refused(
        other("backup", tmp_path / "saved", "--home", other.home, code=2)
    )
    assert state(restored(full, tmp_path / "saved")) == state(full)


def test_a_restore_replaces_no_home(full: Kraken, tmp_path: Path) -> None:
    full("backup", tmp_path / "saved")
    assert "has files in it" in refused(full("restore", tmp_path / "saved", code=2))
    assert "is no backup" in refused(full("restore", full.home, "--home", tmp_path / "new", code=2))


def test_where_there_is_no_home_there_is_nothing_to_save(kraken: Kraken, tmp_path: Path) -> None:
    assert "nothing to save" in refused(kraken("backup", tmp_path / "saved", code=1))
    assert not (tmp_path / "saved").exists()


def test_candles_on_a_server_are_saved_there(full: Kraken, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KRAKEN_STORE", "questdb://127.0.0.1:9?pg=9")
    assert "kraken-history copy" in refused(full("backup", tmp_path / "saved", code=2))
