"""``kraken-history doctor`` finds what keeps jobs from working, changes nothing, and mends only what it is asked to."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import psutil
import pytest
from deltalake import DeltaTable
from sqlalchemy import create_engine, text

from kraken_core import Workbench
from kraken_core.domain.errors import HomeError
from kraken_core.domain.jobs import IngestionJob, JobStatus
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import END_OF_TIME, TimeRanges
from kraken_core.settings import Settings
from kraken_core.simulator.exchange import ExchangeClock, Fault, FaultKind, Faults, SimulatedExchange
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.workbench.jobs import disk
from kraken_core.workbench.jobs.clock import SystemClock
from kraken_core.workbench.jobs.worker_process import this_worker
from tests.support.command_line import Kraken, asked, refused, tree
from tests.support.little_market import LOST, LittleMarket

CHECKS = [
    *("settings", "versions", "home", "filesystem", "archives", "ledger", "table", "disk", "cluster", "clock"),
    *("exchange", "skew", "jobs"),
]
MARKET = SimulatedMarket.make(1, [Listing(Pair("BTC", "USD"), 0.1, 97_000, 1, 0.05)], 1_774_828_800, 1_774_832_400)
A_DAY_S = 86_400
EVER = TimeRanges.single(0, END_OF_TIME)


@pytest.fixture(scope="module")
def served() -> Iterator[SimulatedExchange]:
    """An exchange whose clock is right."""
    with SimulatedExchange(MARKET, clock=ExchangeClock(int(time.time()), running=True), limits=None) as exchange:
        yield exchange


@pytest.fixture(autouse=True)
def exchange(kraken: Kraken, served: SimulatedExchange, monkeypatch: pytest.MonkeyPatch) -> SimulatedExchange:
    """The one that is asked."""
    monkeypatch.setenv("KRAKEN_API_URL", served.url)
    monkeypatch.setattr(served, "faults", Faults())
    return served


def findings(kraken: Kraken, *words: object, code: int = 0) -> dict[str, tuple[str, str]]:
    """Status and message of every check."""
    document = kraken("doctor", "--json", *words, code=code).json
    assert document["ok"] == (code == 0)
    return {check["name"]: (check["status"], check["message"]) for check in document["checks"]}


def the_one_that_is_not_well(kraken: Kraken, *words: object, code: int = 0) -> tuple[str, str, str]:
    [found] = [(name, *rest) for name, rest in findings(kraken, *words, code=code).items() if rest[0] != "ok"]
    assert "\n" not in found[2]
    return found


def change(kraken: Kraken, statement: str) -> None:
    """Spoil the ledger."""
    engine = create_engine(f"sqlite:///{kraken.home / 'ledger.db'}")
    with engine.begin() as connection:
        assert connection.execute(text(statement)).rowcount
    engine.dispose()


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


# The exchange


def test_an_exchange_that_cannot_be_asked_is_worth_a_warning(full: Kraken, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KRAKEN_API_URL", "http://127.0.0.1:9")
    name, status, message = the_one_that_is_not_well(full)
    assert (name, status) == ("exchange", "warning")
    assert message.startswith("could not reach 127.0.0.1:9: connection refused")
    assert "gaps are filled from archives alone" in message


def test_the_real_exchange_is_never_asked_by_tests(kraken: Kraken, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KRAKEN_API_URL")
    name, _, message = the_one_that_is_not_well(kraken)
    assert name == "exchange"
    assert message.startswith("could not reach api.kraken.com: ")


def test_an_exchange_in_maintenance_is_worth_a_warning(full: Kraken, exchange: SimulatedExchange) -> None:
    exchange.faults = Faults((Fault(FaultKind.MAINTENANCE, times=None),))
    name, status, message = the_one_that_is_not_well(full)
    assert (name, status) == ("exchange", "warning")
    assert "it is in maintenance" in message


@pytest.mark.parametrize(("ahead", "told"), [(90, "behind"), (-3600, "ahead of")])
def test_a_clock_that_is_far_from_the_exchanges_is_worth_a_warning(
    full: Kraken, exchange: SimulatedExchange, ahead: float, told: str
) -> None:
    exchange.faults = Faults((Fault(FaultKind.SKEWED, seconds=ahead, times=None),))
    name, status, message = the_one_that_is_not_well(full)
    assert (name, status) == ("skew", "warning")
    assert f" s {told} the exchange's: set it" in message


# Jobs


def in_state(kraken: Kraken, move: Callable[[IngestionJob], IngestionJob]) -> None:
    """Job 2, moved to where it is wanted."""
    with Workbench.open(kraken.home) as workbench:
        job = workbench.runner.start(workbench.plan(tier="TIER1", api_backfill=False))
        workbench.ledger.move(job, move(job))


def status_of(kraken: Kraken, number: int) -> JobStatus:
    with Workbench.open(kraken.home) as workbench:
        return workbench.ledger.job(number).status


def test_an_orphaned_job_is_told_and_left_alone_until_repaired(full: Kraken) -> None:
    in_state(full, lambda job: job.mark_running("elsewhere:1:0", 1))
    name, status, message = the_one_that_is_not_well(full)
    assert (name, status) == ("jobs", "warning")
    assert "the worker of job 2 is gone: resume with kraken-history ingest --resume 2" in message
    assert status_of(full, 2) is JobStatus.RUNNING
    assert full("doctor", "--repair", "--json").json["repairs"] == [
        "job 2 had lost its worker; resume it with kraken-history ingest --resume 2"
    ]
    assert status_of(full, 2) is JobStatus.FAILED


def test_a_job_that_did_not_end_is_told(full: Kraken) -> None:
    in_state(full, lambda job: job.mark_failed("no reason"))
    name, status, message = the_one_that_is_not_well(full)
    assert (name, status) == ("jobs", "warning")
    assert "kraken-history ingest --resume 2" in message


def test_while_a_job_runs_nothing_is_repaired(full: Kraken) -> None:
    in_state(full, lambda job: job.mark_running(this_worker(), int(time.time()) + A_DAY_S))
    assert "job 2 is running" in findings(full)["jobs"][1]
    change(full, "UPDATE data_coverage_range SET candles = 0 WHERE candles > 0")
    before = full.rows("coverage")
    assert "job 2 is running, so nothing was repaired" in refused(full("doctor", "--repair", code=1))
    assert full.rows("coverage") == before


# Repair


def repaired(kraken: Kraken, code: int = 0) -> Any:
    return kraken("doctor", "--repair", "--json", code=code).json


def test_where_nothing_is_to_be_mended_nothing_is(full: Kraken) -> None:
    before = full.state()
    document = repaired(full)
    assert document["repairs"] == []
    assert [check["status"] for check in document["checks"] if check["name"] == "counts"] == ["ok"]
    assert full.state() == before


def test_candles_that_were_not_counted_are(full: Kraken) -> None:
    before = full.state()
    change(full, "UPDATE data_coverage_range SET candles = candles - 1 WHERE candles > 0 AND pair_id = 1")
    assert full.state() != before
    [line] = repaired(full)["repairs"]
    assert "counted the candles of " in line
    assert full.state() == before
    assert repaired(full)["repairs"] == []


def test_candles_that_are_gone_are_read_again_and_no_counting_hides_them(full: Kraken) -> None:
    before = full.state()
    with Workbench.open(full.home) as workbench:
        workbench.store.commit([], clear={LOST: EVER})
    assert "candles of BTC/EUR were lost (fewer than counted), and are gaps" in repaired(full)["repairs"][0]
    assert full.state() == before
    assert repaired(full)["repairs"] == []


def test_candles_that_an_unfinished_job_may_have_been_about_to_replace_are_left_to_it(
    full: Kraken, little: LittleMarket
) -> None:
    before = full.state()
    in_state(full, lambda job: job.mark_failed("killed"))
    with Workbench.open(full.home) as workbench:
        workbench.store.commit([], clear={LOST: EVER})
    counts = {check["name"]: check for check in repaired(full)["checks"]}["counts"]
    assert counts["status"] == "warning"
    assert f"fewer candles of {LOST}" in counts["message"]
    assert "kraken-history ingest --resume 2" in counts["message"]
    assert full.rows("coverage") == before["coverage"]


def some_minutes(workbench: Workbench) -> pl.DataFrame:
    return workbench.store.candles({Series(LOST.pair, 1): EVER}).head(9)


def test_files_that_nobody_needs_are_deleted_when_no_worker_can_be_about_to_commit_them(full: Kraken) -> None:
    before = full.state()
    with Workbench.open(full.home) as workbench:
        staged = workbench.store.stage(some_minutes(workbench))
    stray = full.home / "candles" / staged.path
    assert repaired(full)["repairs"] == []
    assert stray.exists()
    os.utime(stray, (0, 0))
    [line] = repaired(full)["repairs"]
    assert line.startswith("useless files were deleted: 1 (")
    assert not stray.exists()
    assert full.state() == before


def test_small_files_are_told_and_merged_where_there_is_room_for_it(
    full: Kraken, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = "select * from candles order by pair, interval_minutes, time"
    with Workbench.open(full.home) as workbench:
        for minute in some_minutes(workbench).with_columns(pair=pl.lit("ZEC/USD")).iter_slices(1):
            workbench.store.commit([workbench.store.stage(minute)])
    held = full.rows("sql", query)
    name, status, message = the_one_that_is_not_well(full)
    assert (name, status) == ("table", "warning")
    assert "kraken-history doctor --repair" in message
    with monkeypatch.context() as patched:
        patched.setattr(disk, "free_bytes", lambda _: 1000)
        refusal = {check["name"]: check for check in repaired(full, code=1)["checks"]}["merging"]
        assert (refusal["status"], "too little disk" in refusal["message"]) == ("warning", True)
    [line] = repaired(full)["repairs"]
    assert re.fullmatch(r"merged \d[\d,]* small files into \d+", line)
    assert full.rows("sql", query) == held
    assert {status for status, _ in findings(full).values()} == {"ok"}


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
