"""`kraken-history ingest` as a user runs it, again and again, with other selections and other archives."""

from __future__ import annotations

import shutil
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from kraken_core import Workbench
from tests.support.command_line import Kraken, asked, tree
from tests.support.little_market import FIRST_DAY, FIRST_HOLE, LAST_HOLE, PRESENT, LittleMarket

BTC_ONLY = ("--pairs", "BTC/USD", "--intervals", "1,60")
COUNTS = {
    "files": {"total", "ingested", "skipped", "failed"},
    "records": {"read", "new", "changed", "rejected"},
    "gaps": {"detected", "filled", "unfillable", "failed", "open"},
    "api": {"requests", "retries"},
    "completeness": {
        *("wanted", "covered", "present", "silent", "missing"),
        *("proved", "confirmed", "claimed", "doubtful"),
    },
}
SECONDS = {"total", "plan", "ingest", "cover", "detect", "backfill", "check", "report"}
GAP = {
    *("id", "pair", "interval", "start", "end", "candles", "status", "route", "reason", "requests"),
    *("csv_file", "archive"),
}


def held_pairs(kraken: Kraken) -> set[str]:
    return {row["pair"] for row in kraken.rows("coverage")}


def held_intervals(kraken: Kraken) -> set[int]:
    return {row["interval"] for row in kraken.rows("coverage")}


def version(kraken: Kraken) -> int:
    with Workbench.open(kraken.home) as workbench:
        return workbench.store.version


def unpacked(zipped: Path, folder: Path, *members: str) -> Path:
    with zipfile.ZipFile(zipped) as archive:
        archive.extractall(folder, members or None)
    return folder


def without_what_differs(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "seconds": None, "download_list": None}


# What is asked for


@pytest.mark.parametrize(
    ("words", "pairs"),
    [
        (["--tier", "TIER1"], {"BTC/USD", "BTC/EUR"}),
        (["--tiers", "TIER1,TIER2"], {"BTC/USD", "BTC/EUR", "UNI/USD"}),
        (["--tier", "tier4"], {"PEPE/USD"}),
        (["--tier", "ALL"], {"BTC/USD", "BTC/EUR", "UNI/USD", "EUR/USD", "PEPE/USD"}),
        (["--tier", "TIER1", "--quotes", "EUR"], {"BTC/EUR"}),
        (["--pairs", "XBTUSD,uni/usd"], {"BTC/USD", "UNI/USD"}),
    ],
)
def test_an_ingest_takes_the_pairs_it_was_asked_for_and_no_others(
    kraken: Kraken, little: LittleMarket, words: list[str], pairs: set[str]
) -> None:
    kraken.ingest(little.folder, *words, "--intervals", "240,1440")
    assert held_pairs(kraken) == pairs
    assert held_intervals(kraken) == {240, 1440}


def test_an_ingest_without_intervals_takes_all_eight(full: Kraken) -> None:
    assert held_intervals(full) == {1, 5, 15, 30, 60, 240, 720, 1440}


def test_the_document_has_the_contracts_keys_and_types(kraken: Kraken, little: LittleMarket) -> None:
    done = kraken.ingest(little.folder, "--tiers", "TIER2,TIER1", "--intervals", "1440,60")
    assert set(done) == {
        *COUNTS,
        "differences",
        "job_id",
        "status",
        "as_of",
        "tiers",
        "intervals",
        "seconds",
        "download_list",
        "error",
        "ignored",
        "notes",
    }
    assert {name: set(done[name]) for name in COUNTS} == COUNTS
    assert all(isinstance(count, int) for name in COUNTS for count in done[name].values())
    assert set(done["seconds"]) == SECONDS
    assert all(isinstance(seconds, float) for seconds in done["seconds"].values())
    assert (done["job_id"], done["status"], done["as_of"], done["error"]) == (1, "COMPLETED", PRESENT, None)
    assert (done["tiers"], done["intervals"]) == (["TIER2", "TIER1"], [60, 1440])
    assert Path(done["download_list"]).is_file()


def test_what_the_document_counts_is_what_is_held(kraken: Kraken, little: LittleMarket) -> None:
    done = kraken.ingest(little.folder, *BTC_ONLY)
    files, records, gaps, slots = (done[name] for name in ("files", "records", "gaps", "completeness"))
    stored = kraken.rows("sql", "select source, count(*) as n from candles group by 1")
    assert files == {"total": 4, "ingested": 4, "skipped": 0, "failed": 0}
    assert sum(row["n"] for row in stored if row["source"] == "csv") <= records["new"] == records["read"]
    assert gaps["detected"] == gaps["filled"] + gaps["open"]
    assert gaps["open"] == len(kraken.rows("gaps"))
    assert (gaps["unfillable"], gaps["failed"]) == (0, 0)
    assert slots["wanted"] == slots["covered"] + slots["missing"]
    assert slots["covered"] == slots["present"] + slots["silent"]
    assert slots["missing"] == sum(gap["candles"] for gap in kraken.rows("gaps"))


def test_the_days_in_no_release_are_the_gaps_and_each_names_the_archive_to_get(
    kraken: Kraken, little: LittleMarket
) -> None:
    kraken.ingest(little.folder, *BTC_ONLY)
    gaps = kraken.rows("gaps")
    assert [(gap["interval"], gap["start"], gap["end"]) for gap in gaps] == [
        (interval, *hole) for interval in (1, 60) for hole in (FIRST_HOLE, LAST_HOLE)
    ]
    assert {(gap["archive"], gap["csv_file"]) for gap in gaps} == {("", "")}, "the quarter is not over"
    later = kraken.ingest(little.folder, *BTC_ONLY, "--as-of", "2024-08-01")
    named = {(gap["archive"], gap["csv_file"]) for gap in kraken.rows("gaps", "--intervals", "60")}
    assert ("Kraken_OHLCVT_Q2_2024.zip", "XBTUSD_60.csv") in named
    listed = pl.read_csv(later["download_list"])
    assert listed.columns == ["archive", "csv_file", "pair", "interval", "start", "end", "candles", "reason"]
    assert set(listed["csv_file"]) == {"XBTUSD_1.csv", "XBTUSD_60.csv"}


# Dry runs


def test_a_dry_run_writes_nothing_anywhere(full: Kraken, little: LittleMarket, tmp_path: Path) -> None:
    for home in (full.home, tmp_path / "nowhere"):
        before = tree(tmp_path), tree(little.folder)
        full.ingest(little.folder, "--dry-run", "--home", home)
        full(*[word for word in asked(little.folder) if word != "--json"], "--dry-run", "--home", home)
        assert (tree(tmp_path), tree(little.folder)) == before


def test_the_document_of_a_dry_run_has_the_contracts_keys(full: Kraken, little: LittleMarket) -> None:
    plan = full.ingest(little.folder, "--dry-run")
    assert set(plan) == {
        *(
            "files",
            "gaps",
            "requests",
            "requests_at_most",
            "download_bytes",
            "disk_bytes",
            "estimated_seconds",
            "ignored",
            "notes",
        ),
    }
    keys = {"path", "member", "pair", "interval", "bytes", "action", "reason"}
    assert {frozenset(file) for file in plan["files"]} == {frozenset(keys)}
    assert {frozenset(gap) for gap in plan["gaps"]} == {frozenset(GAP)}


def test_a_dry_run_shows_what_the_run_then_does(one_release: Kraken, little: LittleMarket) -> None:
    plan = one_release.ingest(little.folder, "--dry-run")
    todo = {(file["path"], file["member"]) for file in plan["files"] if file["action"] == "ingest"}
    skipped = [file for file in plan["files"] if file["action"] == "skip"]
    assert {Path(path) for path, _ in todo} == {little.second}
    assert {Path(file["path"]) for file in skipped} == {little.first}
    done = one_release.ingest(little.folder)
    read = one_release.rows(
        "sql", f"select path, member from files where job_id = {done['job_id']} and status = 'COMPLETED'"
    )
    assert {(row["path"], row["member"]) for row in read} == todo
    assert done["files"] == {"total": len(plan["files"]), "ingested": len(todo), "skipped": len(skipped), "failed": 0}


def test_a_dry_run_over_what_is_held_foresees_the_gaps_that_are_left(full: Kraken, little: LittleMarket) -> None:
    foreseen = [{**gap, "id": None} for gap in full.ingest(little.folder, "--dry-run")["gaps"]]
    assert foreseen == full.state()["gaps"]


# Again, and wider


def test_a_second_run_changes_nothing(full: Kraken, little: LittleMarket) -> None:
    before, table_before = full.state(), version(full)
    again = full.ingest(little.folder)
    assert again["files"]["skipped"] == again["files"]["total"] > 0
    assert again["records"] == {"read": 0, "new": 0, "changed": 0, "rejected": 0}
    assert again["gaps"]["filled"] == 0
    assert (full.state(), version(full)) == (before, table_before)


def test_runs_as_of_the_same_instant_say_the_same(kraken: Kraken, little: LittleMarket, tmp_path: Path) -> None:
    first = kraken.ingest(little.folder, *BTC_ONLY)
    other = kraken.ingest(little.folder, *BTC_ONLY, "--home", tmp_path / "other")
    later = kraken.ingest(little.folder, *BTC_ONLY, "--home", tmp_path / "later", "--as-of", "2024-04-08")
    assert without_what_differs(first) == without_what_differs(other)
    assert later["completeness"]["missing"] == first["completeness"]["missing"] + 1440 + 24


def test_the_same_bytes_under_another_name_are_not_taken_twice(
    one_release: Kraken, little: LittleMarket, tmp_path: Path
) -> None:
    before = one_release.state()
    (tmp_path / "copies").mkdir()
    renamed = shutil.copy(little.first, tmp_path / "copies" / "backup.zip")
    again = one_release.ingest(Path(renamed))
    assert again["files"]["skipped"] == again["files"]["total"] > 0
    assert again["records"]["new"] == again["records"]["changed"] == 0
    assert one_release.state() == before


def test_skipping_the_rows_of_a_file_does_not_skip_its_claim(
    kraken: Kraken, little: LittleMarket, tmp_path: Path
) -> None:
    """Among finer files an hourly one leaves its last slot provisional; alone in a folder it does not.

    The slot's candle was there before, and is held now as if the claim had come first: its rank is settled too.
    """
    words = ("--pairs", "BTC/USD", "--intervals", "60")
    kraken.ingest(little.first, *words)
    [covered] = kraken.rows("coverage")
    assert covered["end"] == "2024-03-31T23:00:00Z"
    alone = unpacked(little.first, tmp_path / "Q1_2024", "XBTUSD_60.csv")
    again = kraken.ingest(alone, *words)
    assert again["files"] == {"total": 1, "ingested": 0, "skipped": 1, "failed": 0}
    assert again["records"]["new"] == 0
    [covered] = kraken.rows("coverage")
    assert covered["end"] == FIRST_HOLE[0]
    once = kraken.state()
    kraken.ingest(alone, *words, "--home", tmp_path / "reverse")
    kraken.ingest(little.first, *words, "--home", tmp_path / "reverse")
    assert replace(kraken, home=tmp_path / "reverse").state() == once


def test_later_runs_may_ask_for_wider_dates_and_read_nothing_again(kraken: Kraken, little: LittleMarket) -> None:
    narrow = kraken.ingest(little.folder, *BTC_ONLY, "--start-date", "2024-04-04", "--end-date", "2024-04-05")
    assert narrow["completeness"]["wanted"] == 2 * (1440 + 24)
    assert narrow["completeness"]["missing"] == 0
    wide = kraken.ingest(little.folder, *BTC_ONLY)
    assert wide["records"]["read"] == 0
    assert {(gap["start"], gap["end"]) for gap in kraken.rows("gaps")} == {FIRST_HOLE, LAST_HOLE}
    once = kraken.state()
    again = kraken.ingest(little.folder, *BTC_ONLY, "--start-date", "2024-04-04", "--end-date", "2024-04-05")
    assert again["completeness"] == narrow["completeness"]
    assert kraken.state()["gaps"] == once["gaps"]  # what was ever wanted stays a gap


def test_sources_may_come_one_by_one_together_or_as_a_folder(
    kraken: Kraken, little: LittleMarket, tmp_path: Path
) -> None:
    kraken.ingest(little.first, "--csv-source-dir", little.second, *BTC_ONLY)
    together = kraken.state()
    for number, sources in enumerate([[little.folder], [little.first, little.second], [little.second, little.first]]):
        home = tmp_path / f"home{number}"
        for source in sources:
            kraken.ingest(source, *BTC_ONLY, "--home", home)
        assert Kraken(kraken.capsys, home).state() == together


def test_sources_are_never_changed(kraken: Kraken, little: LittleMarket, tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(little.folder, source)
    unpacked(little.second, source / "unpacked")
    before = tree(source)
    kraken.ingest(source, "--tier", "TIER2")
    assert tree(source) == before


def test_without_gap_fill_the_derivable_gaps_stay_open_and_a_run_with_it_fills_them(
    kraken: Kraken, little: LittleMarket
) -> None:
    words = ("--pairs", "BTC/EUR", "--intervals", "1,60")
    detected = kraken.ingest(little.folder, *words, "--no-auto-gap-fill")
    assert (detected["gaps"]["filled"], detected["seconds"]["backfill"]) == (0, 0)
    assert detected["gaps"]["open"] > 0
    routes = {gap["route"] for gap in kraken.rows("gaps") if "the exchange was not queried" not in gap["reason"]}
    assert routes == {"derive"}
    assert kraken.rows("sql", "select * from candles where source = 'derived'") == []
    filled = kraken.ingest(little.folder, *words)
    assert filled["gaps"]["filled"] > 0
    assert {(gap["start"], gap["end"]) for gap in kraken.rows("gaps")} == {FIRST_HOLE, LAST_HOLE}


def test_an_archive_that_states_no_end_may_be_told_what_it_is_complete_through(
    kraken: Kraken, little: LittleMarket, tmp_path: Path
) -> None:
    unnamed = Path(shutil.copy(little.first, tmp_path / "dump.zip"))
    words = ("--pairs", "UNI/USD", "--intervals", "1")
    kraken.ingest(unnamed, *words)
    [untold] = kraken.rows("coverage")
    last = kraken.rows("sql", "select max(time) as last from candles")[0]["last"]
    assert untold["end"] == last < FIRST_HOLE[0]  # up to its last candle, which is provisional
    kraken.ingest(unnamed, *words, "--archive-through", "2024-03-31")
    [told] = kraken.rows("coverage")
    assert (told["start"], told["end"]) == (untold["start"], FIRST_HOLE[0])


def test_complete_exits_4_while_something_is_missing_and_0_when_nothing_is(
    kraken: Kraken, little: LittleMarket
) -> None:
    gappy = kraken(*asked(little.folder, *BTC_ONLY, "--complete"), code=4)
    assert gappy.json["completeness"]["missing"] == 3 * (1440 + 24)
    assert f"{3 * (1440 + 24):,} expected candles still missing" in gappy.err
    whole = kraken.ingest(little.folder, *BTC_ONLY, "--complete", "--end-date", "2024-03-31")
    assert (whole["completeness"]["missing"], whole["status"]) == (0, "COMPLETED")


# Bad files


@pytest.fixture
def spoilt(little: LittleMarket, tmp_path: Path) -> Path:
    """The first release in a folder, with one file that is no candle file and one with a bad row."""
    folder = unpacked(little.first, tmp_path / "Kraken_OHLCVT_Q1_2024")
    (folder / "UNIUSD_60.csv").write_text("<html>sorry</html>\n")
    hours = (folder / "XBTEUR_60.csv").read_text().splitlines()
    hours[4] = hours[4].replace(",", ";", 1)
    (folder / "XBTEUR_60.csv").write_text("\n".join(hours))
    return folder


def test_a_bad_file_is_listed_with_its_reason_and_the_job_goes_on(kraken: Kraken, spoilt: Path) -> None:
    done = kraken(*asked(spoilt, "--intervals", "60"))
    assert done.json["status"] == "COMPLETED"
    assert done.json["files"] == {"total": 5, "ingested": 4, "skipped": 0, "failed": 1}
    assert "UNIUSD_60.csv: none of its 1 rows is a candle" in done.err
    assert "UNIUSD_60.csv" in kraken("jobs", "1").out
    assert "UNI/USD" not in held_pairs(kraken)
    assert "BTC/USD" in held_pairs(kraken)


def test_a_failed_file_is_tried_again_by_the_next_run(kraken: Kraken, spoilt: Path, little: LittleMarket) -> None:
    kraken.ingest(spoilt, "--intervals", "60")
    again = kraken.ingest(spoilt, "--intervals", "60")
    assert (again["files"]["failed"], again["files"]["skipped"]) == (1, 4)
    unpacked(little.first, spoilt, "UNIUSD_60.csv")
    mended = kraken.ingest(spoilt, "--intervals", "60")
    assert (mended["files"]["ingested"], mended["files"]["failed"]) == (1, 0)
    assert "UNI/USD" in held_pairs(kraken)


def test_a_bad_row_is_set_aside_with_file_line_text_and_reason(kraken: Kraken, spoilt: Path) -> None:
    done = kraken(*asked(spoilt, "--pairs", "BTC/EUR", "--intervals", "60"))
    assert done.json["records"]["rejected"] == 1
    rejects = kraken.home / "rejects" / "1.csv"
    assert str(rejects) in done.err
    [row] = pl.read_csv(rejects).to_dicts()
    assert set(row) == {"file", "line", "text", "reason"}
    assert (Path(row["file"]).name, row["line"]) == ("XBTEUR_60.csv", 5)
    assert ";" in row["text"]
    assert row["reason"] == "6 columns instead of 7"
    gap = kraken.rows("gaps")[0]  # its slot is neither held nor silent
    assert gap["candles"] == 1


def test_stop_on_error_fails_the_job_at_the_bad_file_and_keeps_the_rest(
    kraken: Kraken, spoilt: Path, little: LittleMarket
) -> None:
    words = ("--intervals", "60", "--stop-on-error")
    stopped = kraken(*asked(spoilt, *words), code=1)
    assert "UNIUSD_60.csv" in stopped.err
    assert stopped.err.rstrip().endswith("--resume 1")
    assert (stopped.json["status"], stopped.json["files"]["failed"]) == ("FAILED", 1)
    assert "UNIUSD_60.csv" in stopped.json["error"]
    assert kraken.rows("jobs")[0]["status"] == "FAILED"
    unpacked(little.first, spoilt, "UNIUSD_60.csv")
    done = kraken.ingest(spoilt, *words)
    assert (done["job_id"], done["status"], done["files"]["failed"]) == (1, "COMPLETED", 0)
    assert held_pairs(kraken) == {"BTC/USD", "BTC/EUR", "UNI/USD", "EUR/USD", "PEPE/USD"}


def test_a_source_that_vanished_is_refused_before_anything_is_written(kraken: Kraken, tmp_path: Path) -> None:
    refused = kraken(*asked(tmp_path / "gone.zip"), code=2)
    assert "gone.zip does not exist" in refused.err
    assert not kraken.home.exists()


def test_the_first_day_is_where_the_market_began(full: Kraken) -> None:
    starts = {row["start"][:10] for row in full.rows("report")}
    assert starts == {FIRST_DAY}


def test_source_is_the_short_name_of_where_archives_are(kraken: Kraken, little: LittleMarket) -> None:
    words = ("ingest", "--tier", "TIER1", "--intervals", 60, "--dry-run", "--json")
    plans = [kraken(*words, name, little.first).json for name in ("--source", "--csv-source-dir")]
    assert plans[0]["files"] == plans[1]["files"] != []
