"""``kraken-history expect``: what is not expected is neither missing nor backfilled, and can be expected again."""

from __future__ import annotations

from typing import Any

import pytest

from kraken_core import Workbench
from tests.support.command_line import Kraken
from tests.support.little_market import LittleMarket

PAIR = ("--pairs", "BTC/EUR")
HOURS = (*PAIR, "--intervals", "1h")


def but_for_ids(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, "id": None} for row in rows]


def test_jobs_make_series_expected_on_their_days(full: Kraken) -> None:
    (row,) = full.rows("expect", *HOURS)
    assert row == {
        "pair": "BTC/EUR",
        "interval": 60,
        "expected": True,
        "limit": None,
        "start": "2024-03-27T00:00:00Z",
        "end": "2024-04-07T00:00:00Z",
    }
    assert len(full.rows("expect")) == len(full.rows("report"))


def test_what_is_dropped_is_neither_missing_nor_a_gap_and_keeps_its_candles(full: Kraken) -> None:
    assert full.rows("gaps", *HOURS)
    candles = full.state()["candles"]
    full("expect", *HOURS, "--drop")
    assert full.rows("report", *HOURS) == full.rows("gaps", *HOURS) == []
    assert full.rows("report", *PAIR, "--intervals", "5m") != []
    assert full.state()["candles"] == candles
    assert [row["expected"] for row in full.rows("expect", *HOURS)] == [False]


def test_what_is_dropped_stays_so_whatever_later_jobs_select(full: Kraken, little: LittleMarket) -> None:
    full("expect", *HOURS, "--drop")
    full.ingest(little.folder)
    assert full.rows("report", *HOURS) == full.rows("gaps", *HOURS) == []


def test_restored_all_is_as_it_was(full: Kraken) -> None:
    report, gaps = full.rows("report"), full.rows("gaps")
    full("expect", *PAIR, "--drop")
    assert full.rows("gaps") != gaps
    full("expect", *PAIR, "--restore")
    assert but_for_ids(full.rows("report")) == but_for_ids(report)
    assert but_for_ids(full.rows("gaps")) == but_for_ids(gaps)


def test_a_limit_leaves_some_days_expected(full: Kraken) -> None:
    days = ("--start-date", "2024-04-03", "--end-date", "2024-04-04")
    full("expect", *HOURS, *days, "--limit")
    (row,) = full.rows("report", *HOURS)
    assert (row["wanted"], row["start"]) == (48, "2024-04-03T00:00:00Z")
    assert {gap["start"] >= "2024-04-03" for gap in full.rows("gaps", *HOURS)} <= {True}
    full("expect", *HOURS, "--restore")
    (row,) = full.rows("report", *HOURS)
    assert row["wanted"] == 11 * 24


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--drop"], "name the series"),
        (["--tier", "TIER3", "--drop"], "no pair is known that is selected"),
        ([*HOURS, "--limit"], "name the days"),
    ],
)
def test_a_change_says_what_it_needs(full: Kraken, words: list[str], line: str) -> None:
    assert line in full("expect", *words, code=2).err


def test_nothing_is_changed_while_a_job_runs(full: Kraken, monkeypatch: pytest.MonkeyPatch) -> None:
    with Workbench.open(full.home) as wb:
        job = wb.jobs()[0]
        monkeypatch.setattr(type(wb.ledger), "jobs", lambda *_: [job])
    assert (
        f"job {job.id} is running: change what is expected once it has ended"
        in full("expect", *HOURS, "--drop", code=1).err
    )
    assert [row["expected"] for row in full.rows("expect", *HOURS)] == [True]
