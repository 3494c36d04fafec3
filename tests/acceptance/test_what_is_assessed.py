"""What is stored is assessed, whatever days a job was for; and days that no job looked at are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from kraken_core import Workbench
from tests.support.command_line import Kraken
from tests.support.little_market import FIRST_DAY, PRESENT, LittleMarket

BTC_ONLY = ("--pairs", "BTC/USD", "--intervals", "1,60")


def test_what_is_older_than_the_days_expected_is_reported_all_the_same(kraken: Kraken, little: LittleMarket) -> None:
    """A report of the whole history speaks of the whole history, not of the last days of it."""
    last = ("--start-date", str(PRESENT)[:10])
    kraken.ingest(little.folder, "--pairs", "BTC/USD", "--intervals", "1h", *last)
    (row,) = kraken.rows("report")
    with Workbench.open(kraken.home) as workbench:
        stored = workbench.candles("BTC/USD", 60)
    assert row["start"] == stored.index[0].strftime("%Y-%m-%dT%H:%M:%SZ")
    assert row["missing"] >= 48  # the hole of two days between the releases is none of the days expected


@pytest.mark.parametrize("command", ["report", "gaps", "coverage"])
def test_days_that_no_job_looked_at_are_said_to_be_so(kraken: Kraken, little: LittleMarket, command: str) -> None:
    kraken.ingest(little.folder, "--pairs", "BTC/USD", "--intervals", "60", "--start-date", str(PRESENT)[:10])
    assert "not assessed" not in kraken(command, "--start-date", FIRST_DAY, "--end-date", "2024-04-05").err
    said = kraken(command, "--start-date", FIRST_DAY)
    assert "1 of 1 series not assessed on all of these days (BTC/USD 1h only 2024-03-27 to 2024-04-05)" in said.err


@pytest.mark.parametrize(
    "gate",
    [
        ("report", "--require-complete"),
        ("report", "--fail-under", "1"),
        ("export", "--to", "out", "--require-complete"),
    ],
)
def test_what_has_to_be_complete_is_not_where_no_job_looked_at_the_last_of_its_days(
    kraken: Kraken, little: LittleMarket, gate: tuple[str, ...]
) -> None:
    whole = ("--start-date", FIRST_DAY, "--end-date", "2024-03-30")
    kraken.ingest(little.first, "--pairs", "BTC/USD", "--intervals", "60", *whole, "--as-of", "2024-03-31")
    kraken(*gate, *whole)
    for last in ("2024-03-31", "2024-12-31"):
        refused = kraken(*gate, "--overwrite" if "export" in gate else "--quiet", *whole[:3], last, code=4)
        assert "not assessed on all of these days" in refused.err or "missing" in refused.err


def test_a_report_of_days_without_anything_expected_does_not_call_the_home_empty(
    kraken: Kraken, little: LittleMarket
) -> None:
    kraken.ingest(little.folder, *BTC_ONLY)
    said = kraken("report", "--end-date", "2001-12-31")
    assert said.out.startswith("No candles are expected in this selection; assessed so far: 2024-03-27 to 2024-04-06")


def test_a_job_whose_days_expect_nothing_does_not_call_the_home_empty(kraken: Kraken, tmp_path: Path) -> None:
    source = tmp_path / "dump"
    source.mkdir()
    (source / "XBTUSD_60.csv").write_text("1700006400,1,2,0.5,1.5,10,3\n")  # the day after
    words = ("--source", source, *BTC_ONLY, "--start-date", "2023-11-14", "--end-date", "2023-11-14")
    done = kraken("ingest", *words, "--no-api-backfill", "--yes")
    assert "1 new candle" in done.err
    assert "Nothing is stored" not in done.out + done.err
    assert "No candles are expected on these days" in done.out + done.err
