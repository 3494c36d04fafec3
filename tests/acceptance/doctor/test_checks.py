"""``kraken-history doctor`` finds what keeps jobs from working, and changes nothing."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import NoReturn

import psutil
import pytest
from deltalake import DeltaTable

from kraken_core import Workbench
from kraken_core.domain.errors import HomeError, LedgerError
from kraken_core.domain.timerange import END_OF_TIME, TimeRanges
from kraken_core.settings import Settings
from kraken_core.workbench.health import doctor, open_files
from kraken_core.workbench.jobs import disk
from kraken_core.workbench.jobs.clock import SystemClock
from tests.support.command_line import Kraken, asked, refused, tree
from tests.support.doctor import change, findings, the_one_that_is_not_well
from tests.support.little_market import LittleMarket

CHECKS = [
    *("settings", "versions", "home", "filesystem", "archives", "ledger", "table", "disk", "cluster", "clock"),
    *("exchange", "skew", "open files", "jobs"),
]

A_DAY_S = 86_400
EVER = TimeRanges.single(0, END_OF_TIME)

# Open files


def test_a_process_with_nearly_as_many_files_as_it_may_have_is_warned_of(
    kraken: Kraken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_files, "count", lambda: 81)
    monkeypatch.setattr(open_files, "limit", lambda: 100)
    assert the_one_that_is_not_well(kraken) == (
        "open files",
        "warning",
        "81 of at most 100 are open in this process: restart the dashboard, or give it a higher limit (ulimit -n).",
    )


def test_files_that_are_open_are_counted_and_the_limit_is_raised_as_far_as_it_goes(tmp_path: Path) -> None:
    ours = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (ours[0] - 1, ours[1]))
        open_files.raise_limit()
        assert open_files.limit() == ours[1]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, ours)
    before = open_files.count()
    with (tmp_path / "a").open("w"), (tmp_path / "b").open("w"):
        assert open_files.count() == before + 2


# A ledger that cannot be read


def test_a_ledger_that_cannot_be_read_is_looked_at_once_and_named_by_its_own_check(
    full: Kraken, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []

    def locked(address: str) -> NoReturn:
        looks.append(address)
        raise LedgerError("the ledger is locked")

    monkeypatch.setattr(doctor, "inspect_ledger", locked)
    found = findings(full, code=1)
    assert found["ledger"] == ("problem", "the ledger is locked")
    assert len(looks) == 1


# All is well


def test_where_nothing_is_yet_all_is_well_and_nothing_comes_into_being(kraken: Kraken, tmp_path: Path) -> None:
    before = tree(tmp_path)
    for words in ([], ["--repair"]):
        assert {status for status, _ in findings(kraken, *words).values()} == {"ok"}
    assert tree(tmp_path) == before


def test_of_a_home_in_use_it_tells_how_it_stands_and_changes_nothing(full: Kraken) -> None:
    before = tree(full.home)
    found = findings(full)
    assert list(found) == CHECKS
    assert {status for status, _ in found.values()} == {"ok"}, found
    [held] = full.rows("sql", "select count(*) as candles from candles")
    assert f"{held['candles']:,} candles" in found["table"][1]
    for name in ("Python", "SQLite", "polars", "duckdb", "deltalake", "sqlalchemy"):
        assert name in found["versions"][1]
    assert "format 1" in found["home"][1]
    assert "journal mode wal" in found["ledger"][1]
    assert tree(full.home) == before


def test_people_get_the_same_as_tables(full: Kraken) -> None:
    said = full("doctor")
    assert all(f"\n {name} " in said.out for name in CHECKS)
    assert " requests_per_second " in said.out


def test_every_setting_is_told_with_where_it_comes_from(kraken: Kraken, monkeypatch: pytest.MonkeyPatch) -> None:
    kraken.home.mkdir()
    file = kraken.home / "kraken.toml"
    file.write_text("workers = 3\npairs_in_parallel = 2\n")
    monkeypatch.setenv("KRAKEN_WORKERS", "5")
    rows = kraken("doctor", "--json").json["settings"]
    found = {row["setting"]: (row["value"], row["origin"]) for row in rows}
    assert found.keys() == set(Settings.__slots__) - {"origins"}
    assert found["home"] == (str(kraken.home), "KRAKEN_HOME")
    assert found["workers"] == ("5", "KRAKEN_WORKERS")
    assert found["pairs_in_parallel"] == ("2", str(file))
    assert found["store"] == (str(kraken.home / "candles"), "default")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://me:s3cret@127.0.0.1:1/history",
        "postgresql+psycopg://me:s3c@ret@127.0.0.1:1/history",
        "postgresql+psycopg://me:s3cret/s3c@127.0.0.1:1/history",
        "postgresql+psycopg://127.0.0.1:1/history?user=me&password=s3cret&sslpassword=s3cret",
    ],
)
def test_no_password_is_ever_told(kraken: Kraken, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("KRAKEN_LEDGER", url)
    monkeypatch.setenv("KRAKEN_API_URL", "https://me:s3cret@localhost/?token=s3cret")
    for words in (["--json"], [], ["--verbose"]):
        said = kraken("doctor", *words, code=1)
        assert "s3c" not in said.out + said.err
        assert "ret@" not in said.out + said.err
        assert "***" in said.out


# Something is wrong


@pytest.mark.parametrize(
    ("file", "content", "told"),
    [
        ("kraken.toml", "workers = 0\n", ("settings", "problem", "workers is 0")),
        (".format", "99\n", ("settings", "problem", "made by a newer version")),
        ("tiers.toml", "[tiers]\nTIER1 = 3\n", ("settings", "problem", "tiers.toml")),
        ("ledger.db", "this is no ledger", ("ledger", "problem", "not a database")),
    ],
)
def test_a_file_of_the_home_that_is_wrong_is_a_problem(
    full: Kraken, file: str, content: str, told: tuple[str, str, str]
) -> None:
    (full.home / file).write_text(content)
    name, status, message = the_one_that_is_not_well(full, code=1)
    assert (name, status) == told[:2]
    assert told[2] in message


def test_a_ledger_of_a_newer_version_is_a_problem(full: Kraken) -> None:
    change(full, "UPDATE alembic_version SET version_num = '9999'")
    name, _, message = the_one_that_is_not_well(full, code=1)
    assert (name, "newer version" in message) == ("ledger", True)


def test_a_damaged_ledger_is_a_problem(full: Kraken) -> None:
    file = full.home / "ledger.db"
    data = bytearray(file.read_bytes())
    data[len(data) // 2 : -4096] = b"\xff" * (len(data) - len(data) // 2 - 4096)
    file.write_bytes(data)
    found = findings(full, code=1)
    assert found["ledger"][0] == "problem"


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_bytes(b"PAR1")], ids=["lost", "cut short"])
def test_a_file_that_the_table_lacks_is_a_problem(full: Kraken, spoil: Callable[[Path], object]) -> None:
    file = Path(DeltaTable(full.home / "candles").file_uris()[0])
    spoil(file)
    name, status, message = the_one_that_is_not_well(full, code=1)
    assert (name, status) == ("table", "problem")
    assert file.name in message


def test_a_clock_that_is_behind_what_is_held_is_a_problem(full: Kraken, monkeypatch: pytest.MonkeyPatch) -> None:
    assert findings(full)["clock"][0] == "ok"
    for earlier in (0, 1_711_800_000):  # long ago; in the middle of the little market
        monkeypatch.setattr(SystemClock, "now", lambda _, then=earlier: then)
        assert findings(full, code=1)["clock"][0] == "problem"


def test_a_disk_that_is_nearly_full_is_told(full: Kraken, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "free_bytes", lambda _: disk.RESERVE_BYTES - 1)
    name, status, message = the_one_that_is_not_well(full, code=1)
    assert (name, status) == ("disk", "problem")
    assert "free some" in message
    monkeypatch.setattr(disk, "RESERVE_BYTES", 0)
    monkeypatch.setattr(disk, "free_bytes", lambda _: 1)
    assert the_one_that_is_not_well(full)[:2] == ("disk", "warning")


def mounted(monkeypatch: pytest.MonkeyPatch, place: Path, kind: str) -> None:
    mounts = [*psutil.disk_partitions(all=True), SimpleNamespace(mountpoint=str(place), fstype=kind)]
    monkeypatch.setattr(psutil, "disk_partitions", lambda **_: mounts)


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs"])
def test_sqlite_on_a_network_file_system_is_a_problem_and_no_job_runs_there(
    kraken: Kraken, little: LittleMarket, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str
) -> None:
    mounted(monkeypatch, tmp_path, kind)
    name, _, message = the_one_that_is_not_well(kraken, code=1)
    assert (name, kind in message) == ("filesystem", True)
    line = refused(kraken(*asked(little.first), "--quiet", code=1))
    assert f"network file system ({kind})" in line
    with Workbench.open() as workbench, pytest.raises(HomeError, match="network file system"):
        workbench.run(workbench.plan(tier="ALL", sources=[little.first], api_backfill=False))
    assert not kraken.home.exists()
    disk.require_local(None)  # PostgreSQL is welcome there


def test_a_folder_shared_with_the_host_is_worth_a_warning(
    kraken: Kraken, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mounted(monkeypatch, tmp_path, "9p")
    assert the_one_that_is_not_well(kraken)[:2] == ("filesystem", "warning")


def test_a_home_that_cannot_be_written_is_a_problem(full: Kraken, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert the_one_that_is_not_well(full, code=1)[0] == "home"


def test_an_archive_in_the_settings_that_is_not_there_is_a_problem(
    kraken: Kraken, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KRAKEN_CSV_SOURCE_DIRS", str(tmp_path))
    assert findings(kraken)["archives"][0] == "ok"
    monkeypatch.setenv("KRAKEN_CSV_SOURCE_DIRS", str(tmp_path / "no-such.zip"))
    name, _, message = the_one_that_is_not_well(kraken, code=1)
    assert (name, str(tmp_path / "no-such.zip") in message) == ("archives", True)
