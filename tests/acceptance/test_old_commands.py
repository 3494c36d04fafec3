"""The commands of the process before: they do the same through the pipeline, and print what to use instead."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import pytest

from kraken_core import Workbench
from kraken_core.domain.timerange import day_start
from tests.support.command_line import Kraken, refused
from tests.support.little_market import BTC_USD, LittleMarket


def test_a_sequential_ingest_is_an_ingest(kraken: Kraken, little: LittleMarket) -> None:
    said = kraken(
        "ingest-sequential", "--data-dir", little.folder, "--tier", "TIER1", "--intervals", "60,1440", "--yes"
    )
    assert said.err.splitlines()[0] == (
        "kraken-history ingest-sequential is deprecated; use: kraken-history ingest --tier TIER1 --no-api-backfill "
        f"--intervals 60,1440 --csv-source-dir {little.folder} --yes"
    )
    held = {(row["pair"], row["interval"]) for row in kraken.rows("coverage")}
    assert held == {(pair, interval) for pair in ("BTC/USD", "BTC/EUR") for interval in (60, 1440)}


def test_it_stops_at_a_bad_file_and_asks_as_it_did(kraken: Kraken, tmp_path: Path) -> None:
    (tmp_path / "XBTUSD_60.csv").write_bytes(b"\0nothing\n")
    words = ("ingest-sequential", "--data-dir", tmp_path, "--stop-on-error")
    assert "add --yes" in kraken(*words, code=2).err
    assert "stopped because of --stop-on-error" in kraken(*words, "--yes", "--quiet", code=1).err


def test_filling_gaps_is_a_backfill(full: Kraken) -> None:
    said = full("backfill-gaps", "--asset", "XBT", "--interval", "60", "--dry-run", "--home", full.home)
    typed = "kraken-history backfill --pairs BTC/EUR,BTC/USD --intervals 60 --dry-run"
    expected = f"kraken-history backfill-gaps is deprecated; use: {typed}"
    assert said.err.splitlines()[0] == expected
    today = full("backfill", "--pairs", "BTC/EUR,BTC/USD", "--intervals", "60", "--dry-run")
    assert said.out.splitlines()[1:] == today.out.splitlines()[1:]  # but for the time


def test_a_tier_and_an_asset_mean_the_pairs_that_are_of_both(full: Kraken) -> None:
    said = full("backfill-gaps", "--tier", "tier1", "--asset", "BTC", "--dry-run", "--home", full.home)
    typed = "kraken-history backfill --pairs BTC/EUR,BTC/USD --dry-run"
    assert said.err.splitlines()[0].endswith(f"use: {typed}")
    full("backfill-gaps", "--tier", "TIER1", "--asset", "BTC", "--show-unfillable-only")
    refusal = refused(full("backfill-gaps", "--tier", "TIER2", "--asset", "BTC", "--dry-run", code=2))
    assert "no pair of BTC is stored in TIER2" in refusal


def test_filling_from_the_last_candle_is_an_incremental_ingest(full: Kraken) -> None:
    said = full("backfill-gaps", "--tier", "TIER1", "--from-last", "--dry-run")
    assert said.err.splitlines()[0].endswith("use: kraken-history ingest --tier TIER1 --dry-run --incremental")
    assert full("backfill-gaps", "--from-last", "--dry-run").err.splitlines()[0].endswith("--incremental --tier ALL")


@pytest.fixture
def delisted(full: Kraken, little: LittleMarket) -> Kraken:
    """The home, of which one pair is known to have left the exchange: what is missing of it nothing fills."""
    with Workbench.open(full.home) as wb:
        record = next(record for record in wb.ledger.pairs() if record.pair == BTC_USD)
        lives = (record.lives[0]._replace(end=day_start(date(2024, 4, 7))),)
        wb.ledger.record_pairs([record._replace(lives=lives)])
    full.ingest(little.folder)
    return full


def test_what_no_route_fills_is_listed_and_nothing_is_filled(delisted: Kraken) -> None:
    full = delisted
    before = full.state()
    unfillable = [gap for gap in full.rows("gaps", "--tier", "TIER1") if gap["route"] == "none"]
    assert unfillable
    assert full.rows("backfill-gaps", "--tier", "TIER1", "--show-unfillable-only") == unfillable
    assert full.state() == before


def test_what_no_route_fills_is_written_to_a_file(delisted: Kraken, tmp_path: Path) -> None:
    full = delisted
    file = tmp_path / "unfillable.csv"
    full("backfill-gaps", "--interval", "1", "--export-unfillable", file)
    with file.open(newline="") as lines:
        listed = list(csv.DictReader(lines))
    gaps = [gap for gap in full.rows("gaps", "--intervals", "1") if gap["route"] == "none"]
    assert listed == [{name: str(value) for name, value in gap.items()} for gap in gaps] != []


@pytest.mark.parametrize(
    ("words", "reason"), [(("--asset", "SOL"), "no pair of SOL is stored"), (("--tier", "T9"), "T9")]
)
def test_what_cannot_be_is_refused(words: tuple[str, str], reason: str, full: Kraken) -> None:
    assert reason in refused(full("backfill-gaps", *words, "--yes", "--quiet", code=2))
