"""Homes that earlier versions made are opened, migrated and gone on with; scripts/keep_home.py keeps them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from kraken_core.ledger.models import REVISION
from kraken_core.workbench.jobs import stalled
from kraken_core.workbench.jobs.worker_process import this_worker
from scripts.keep_home import KEPT, change_texts
from tests.support.command_line import ROOT, Kraken
from tests.support.helping import in_soak

HOMES = sorted((ROOT / "tests" / "homes").glob("*.zip"))
FIRST_AND_LAST = (HOMES[0], HOMES[-1])
BEFORE_VWAP = ROOT / "tests" / "homes" / "ledger-0026.zip"


@pytest.fixture(params=HOMES, ids=lambda path: path.stem)
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """What a version left, as if it had been here."""
    with zipfile.ZipFile(request.param) as file:
        file.extractall(tmp_path)
    for home in ("ended", "killed"):
        change_texts(tmp_path / home / "ledger.db", KEPT, str(tmp_path))
    return tmp_path


def candles(kraken: Kraken, home: Path) -> list[dict[str, Any]]:
    query = "select pair, interval_minutes, time, open, high, low, close, volume, trades from candles order by all"
    rows: list[dict[str, Any]] = kraken("sql", query, "--home", home, "--json").json
    return rows


def ingested(kraken: Kraken, kept: Path, home: str, number: int) -> dict[str, Any]:
    words = ["--tier", "ALL", "--start-date", "2024-01-01", "--as-of", f"2024-0{4 * number}-01"]
    more = ["--no-api-backfill", "--yes", "--json"]
    document: dict[str, Any] = kraken(
        "ingest", "--home", kept / home, "--csv-source-dir", kept / f"archive{number}", *words, *more
    ).json
    return document


def test_a_home_that_was_in_order_is_migrated_read_and_proven(kraken: Kraken, kept: Path) -> None:
    report = kraken("report", "--home", kept / "ended", "--json").json
    hourly = {row["pair"]: row["present"] for row in report if row["interval"] == 60}
    rows = 10 * 24 - 1
    assert hourly.keys() == {"BTC/USD", "ETH/USD"}
    assert set(hourly.values()) <= {rows, rows - 1}  # whether the last row of a file is a whole candle is not known
    assert f"revision {REVISION}" in json.dumps(kraken("doctor", "--home", kept / "ended", "--json", code=None).json)
    kraken("verify", "--home", kept / "ended")
    assert ingested(kraken, kept, "ended", 1)["records"]["changed"] == 0


@pytest.mark.parametrize("kept", [*FIRST_AND_LAST, *in_soak(*HOMES[1:-1])], ids=lambda path: path.stem, indirect=True)
@pytest.mark.parametrize("host", ["elsewhere", "here"])
def test_a_job_that_was_killed_under_it_is_taken_up(
    kraken: Kraken, kept: Path, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stalled, "HEARTBEAT_S", 0.05)  # its worker is of long ago: nobody waits for one more of it
    if host == "here":
        ours, _, _ = this_worker().rsplit(":", 2)
        change_texts(kept / "killed" / "ledger.db", "elsewhere:", f"{ours}:")
    assert ingested(kraken, kept, "killed", 2)["job_id"] == 2
    assert [job["status"] for job in kraken.rows("jobs", "--home", kept / "killed")] == ["COMPLETED"] * 2
    ingested(kraken, kept, "ended", 2)
    assert candles(kraken, kept / "killed") == candles(kraken, kept / "ended")
    checks = kraken("verify", "--home", kept / "killed", "--json", code=None).json["checks"]
    failed = {check["name"] for check in checks if check["failed"]}
    assert failed <= {"covered"}  # the last rows of files, which earlier versions stored, and no source covers today


@pytest.mark.parametrize("kept", in_soak(BEFORE_VWAP), ids=lambda path: path.stem, indirect=True)
def test_a_job_killed_behind_the_new_column_of_an_old_table_is_run_again(kraken: Kraken, kept: Path) -> None:
    where = ["--home", str(kept / "ended"), "--csv-source-dir", str(kept / "archive2")]
    words = ["--tier", "ALL", "--start-date", "2024-01-01", "--as-of", "2024-08-01", "--no-api-backfill", "--yes"]
    killed, again = (
        subprocess.run(
            [sys.executable, "-m", "kraken_core", "ingest", *where, *words],
            env={**os.environ, "KRAKEN_FAILPOINT": point},
            capture_output=True,
            text=True,
            check=False,
        )
        for point in ("table.widened", "")
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert again.returncode == 0, again.stderr
    ingested(kraken, kept, "killed", 2)
    assert candles(kraken, kept / "ended") == candles(kraken, kept / "killed")
    kraken("verify", "--home", kept / "ended", code=None)


def test_a_home_of_this_version_is_kept() -> None:
    assert f"ledger-{REVISION}" in {path.stem for path in HOMES}, "python scripts/keep_home.py tests/homes/…"
