"""A candle table that is lost, older than its ledger or another one is refused: lost candles never become no trades."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from kraken_core import Workbench
from kraken_core.domain.errors import StoreError
from kraken_core.stores.delta.log import DeltaLog
from tests.support.command_line import Kraken, asked, refused
from tests.support.little_market import LittleMarket

Loss = Callable[[Path], object]


def entries(table: Path) -> list[Path]:
    return sorted((table / "_delta_log").glob("*.json"))


def lost(table: Path) -> None:
    shutil.rmtree(table)


def not_mounted(table: Path) -> None:
    """Where a volume was, its empty mount point is."""
    lost(table)
    table.mkdir()


def last_entry_deleted(table: Path) -> None:
    entries(table)[-1].unlink()


def last_entry_emptied(table: Path) -> None:
    entries(table)[-1].write_text("")


def last_entry_cut(table: Path) -> None:
    """In the middle of a line, as by a full disk or a power cut."""
    content = entries(table)[-1].read_bytes()
    entries(table)[-1].write_bytes(content[: len(content) // 2])


def middle_entry_garbled(table: Path) -> None:
    entries(table)[1].write_bytes(b"\x00garbage\xff")


def middle_entry_deleted(table: Path) -> None:
    entries(table)[1].unlink()


def another(table: Path) -> None:
    """One that another home made of the same archives."""
    lost(table)
    shutil.copytree(table.parent.parent / "other" / "candles", table)


def quickly(losses: Sequence[Loss], *some: Loss) -> list[Any]:
    """All losses; those that are not among some of them with the long tests."""
    return [loss if loss in some else pytest.param(loss, marks=pytest.mark.soak) for loss in losses]


LOSSES = [
    *(lost, not_mounted, another),
    *(last_entry_deleted, last_entry_emptied, last_entry_cut, middle_entry_garbled, middle_entry_deleted),
]
EACH_LOSS = pytest.mark.parametrize("loss", quickly(LOSSES, last_entry_emptied))


@pytest.fixture
def twice(one_release: Kraken, first_home: Path, little: LittleMarket, tmp_path: Path) -> Kraken:
    """A home into which two jobs brought a release each, beside another one that holds the first alone."""
    shutil.copytree(first_home, tmp_path / "other")
    one_release.ingest(little.second)
    return one_release


def counted(kraken: Kraken) -> list[dict[str, Any]]:
    """The candles of every covered range, as the ledger counts them."""
    return kraken.rows("coverage")


@EACH_LOSS
def test_no_job_runs_on_a_table_that_lost_candles_and_no_count_is_lowered(
    twice: Kraken, little: LittleMarket, loss: Loss
) -> None:
    before = counted(twice)
    loss(twice.home / "candles")
    for words in (asked(little.folder), ["backfill", "--yes"], ["verify"]):
        line = refused(twice(*words, "--quiet", code=1))
        assert str(twice.home / "candles") in line
        assert "kraken-history doctor --repair" in line
    assert counted(twice) == before
    assert len(twice.rows("jobs")) == 2


@EACH_LOSS
def test_nothing_reads_no_trades_out_of_a_table_that_lost_candles(twice: Kraken, loss: Loss) -> None:
    loss(twice.home / "candles")
    for words in (["export", "--to", "out", "--fill", "previous"], ["sql", "select * from candles"]):
        assert "doctor --repair" in refused(twice(*words, "--quiet", code=1))
    with Workbench.open() as workbench, pytest.raises(StoreError):
        workbench.candles("BTC/USD", 60, fill="previous")


@EACH_LOSS
def test_doctor_tells_of_a_table_that_lost_candles_and_changes_nothing(twice: Kraken, loss: Loss) -> None:
    loss(twice.home / "candles")
    checks = {check["name"]: check for check in twice("doctor", "--json", code=1).json["checks"]}
    assert checks["table"]["status"] == "problem"
    assert "doctor --repair" in checks["table"]["message"]


def test_a_table_that_is_back_goes_on_as_if_nothing_had_been(
    twice: Kraken, little: LittleMarket, tmp_path: Path
) -> None:
    state = twice.state()
    (twice.home / "candles").rename(tmp_path / "away")
    (twice.home / "candles").mkdir()
    twice(*asked(little.folder), code=1)
    assert list((twice.home / "candles").iterdir()) == []  # nothing is made where a volume is to be mounted
    (twice.home / "candles").rmdir()
    (tmp_path / "away").rename(twice.home / "candles")
    twice.ingest(little.folder)
    assert twice.state() == state


def test_a_table_restored_from_before_the_last_job_is_older(
    one_release: Kraken, little: LittleMarket, tmp_path: Path
) -> None:
    shutil.copytree(one_release.home / "candles", tmp_path / "saved")
    one_release.ingest(little.second)
    shutil.rmtree(one_release.home / "candles")
    shutil.copytree(tmp_path / "saved", one_release.home / "candles")
    assert "it is older: at version" in refused(one_release(*asked(little.folder), "--quiet", code=1))


@pytest.mark.soak
def test_a_table_that_others_went_on_with_from_an_older_version_has_another_history(
    one_release: Kraken, little: LittleMarket, tmp_path: Path
) -> None:
    shutil.copytree(one_release.home, tmp_path / "fork")
    one_release.ingest(little.second, "--pairs", "BTC/USD")
    for quote in ("EUR", "USD"):
        one_release("ingest", "--home", tmp_path / "fork", *asked(little.second, "--pairs", f"BTC/{quote}")[1:])
    shutil.rmtree(one_release.home / "candles")
    shutil.copytree(tmp_path / "fork" / "candles", one_release.home / "candles")
    assert "was not made by the commit that is known" in refused(one_release(*asked(little.second), "--quiet", code=1))


def test_a_table_that_is_lost_while_a_job_runs_fails_the_job_and_lowers_nothing(
    one_release: Kraken, little: LittleMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = counted(one_release)
    commit = DeltaLog.commit

    def commit_and_lose(log: DeltaLog, *arguments: Any, **more: Any) -> None:
        commit(log, *arguments, **more)
        lost(one_release.home / "candles")

    monkeypatch.setattr(DeltaLog, "commit", commit_and_lose)
    assert "is not the one that the ledger counts candles of" in refused(
        one_release(*asked(little.second), "--quiet", code=1)
    )
    assert not (one_release.home / "candles").exists()
    assert counted(one_release) == before
    assert [job["status"] for job in one_release.rows("jobs")] == ["FAILED", "COMPLETED"]


# -------------------------------------------------------------------------------------------------------- the way back


def older(table: Path) -> None:
    """Restored from before the last commits."""
    for entry in entries(table)[-2:]:
        entry.unlink()


def of_archives(table: Path) -> Path:
    """A file of candles that nothing finer proves."""
    return Path(next(uri for uri in DeltaTable(table).file_uris() if "interval_minutes=1/" in uri))


def a_file_lost(table: Path) -> None:
    of_archives(table).unlink()


def a_bit_flipped(table: Path) -> None:
    file = of_archives(table)
    content = bytearray(file.read_bytes())
    content[len(content) // 3] ^= 4
    file.write_bytes(content)


EVERY_LOSS = [*LOSSES, older, a_file_lost, a_bit_flipped]


@pytest.mark.parametrize("loss", quickly(EVERY_LOSS, last_entry_cut))
def test_what_archives_still_have_is_read_again_until_all_is_as_it_was(twice: Kraken, loss: Loss) -> None:
    before = twice.state()
    loss(twice.home / "candles")
    repairs = twice("doctor", "--repair", "--json").json["repairs"]
    assert any("are gaps" in line for line in repairs)
    assert any(re.search(r"job \d+ read .+: \d[\d,]* candles? restored$", line) for line in repairs)
    assert twice.state() == before
    assert twice("verify", "--json").json["ok"]
    assert twice("doctor", "--repair", "--json").json["repairs"] == []


@pytest.mark.parametrize("loss", quickly(EVERY_LOSS, a_bit_flipped))
def test_where_no_archive_is_there_any_more_what_is_lost_is_missing_and_not_silent(
    kraken: Kraken, little: LittleMarket, tmp_path: Path, loss: Loss
) -> None:
    kraken("ingest", "--home", tmp_path / "other", *asked(little.first)[1:])
    archives = shutil.copytree(little.folder, tmp_path / "archives")
    kraken.ingest(archives)
    before = {(row["pair"], row["interval"]): row for row in kraken.rows("report")}
    loss(kraken.home / "candles")
    shutil.rmtree(archives)
    kraken("doctor", "--repair", "--json")
    after = {(row["pair"], row["interval"]): row for row in kraken.rows("report")}
    assert after.keys() == before.keys()
    assert any(row["missing"] > before[series]["missing"] for series, row in after.items())
    for series, row in after.items():
        assert row["wanted"] == before[series]["wanted"]
        assert row["silent"] <= before[series]["silent"]


@pytest.mark.soak
def test_what_is_spoiled_becomes_gaps_also_while_a_job_waits_to_be_resumed(twice: Kraken, little: LittleMarket) -> None:
    before = twice.state()
    with Workbench.open() as workbench:
        waiting = workbench.runner.start(workbench.plan(sources=[little.first], tier="TIER1", api_backfill=False))
        workbench.ledger.move(waiting, waiting.mark_failed("on purpose"))
    a_file_lost(twice.home / "candles")
    twice("doctor", "--repair", "--quiet")
    assert twice.state() == before


@pytest.mark.soak
def test_a_home_of_an_earlier_version_whose_candles_are_gone_is_refused_and_recovered(
    twice: Kraken, little: LittleMarket
) -> None:
    before = twice.state()
    with closing(sqlite3.connect(twice.home / "ledger.db")) as ledger, ledger:
        ledger.execute("DELETE FROM table_mark")
        ledger.execute("UPDATE ingestion_job SET table_reached = NULL, table_stamp = NULL")
    lost(twice.home / "candles")
    assert "doctor --repair" in refused(twice(*asked(little.folder), "--quiet", code=1))
    twice("doctor", "--repair", "--quiet")
    assert twice.state() == before


@pytest.mark.soak
def test_a_copy_of_all_candles_in_the_place_of_the_table_is_taken_for_it(twice: Kraken, tmp_path: Path) -> None:
    before = twice.state()
    twice("copy", "--to", tmp_path / "copy", "--quiet")
    lost(twice.home / "candles")
    (tmp_path / "copy").rename(twice.home / "candles")
    assert "it is another one" in refused(twice("verify", "--quiet", code=1))
    [line] = twice("doctor", "--repair", "--json").json["repairs"]
    assert "has all counted candles" in line
    assert twice.state() == before


def test_the_table_of_a_home_that_was_moved_is_missed_too(twice: Kraken, tmp_path: Path) -> None:
    """By the name that the table had before: it had another place."""
    before = twice.state()
    moved = Kraken(twice.capsys, tmp_path / "moved")
    twice.home.rename(moved.home)
    here = ["--home", str(moved.home)]
    assert moved.state() == before
    lost(moved.home / "candles")
    for words in (["sql", "select * from candles"], ["verify"], ["export", "--to", "out"]):
        assert "there is none" in refused(moved(*words, *here, "--quiet", code=1))
    moved("doctor", "--repair", "--quiet", *here)
    assert moved.state() == before
