"""The guide's troubleshooting, line by line: the symptom is brought about, the advice is followed, and it helps."""

from __future__ import annotations

import importlib
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kraken_core import Workbench
from tests.support.command_line import ROOT, Kraken, asked, process, refused
from tests.support.layouts import cut
from tests.support.little_market import FIRST_DAY, FIRST_HOLE, LAST_HOLE, PRESENT, LittleMarket
from tests.support.web_server import Fault, FileServer, serving

GUIDE = ROOT / "docs" / "guide" / "ohlcv-ingestion.md"
ACCEPTANCE = "tests.acceptance"
SHOWN: dict[str, str] = {  # by symptom, as the guide begins it; those below add themselves
    "too little disk": f"{ACCEPTANCE}.test_full_disk.test_a_plan_that_does_not_fit_is_refused_"
    "with_what_it_needs_and_what_is_free",
    "on a network file system": f"{ACCEPTANCE}.doctor.test_checks.test_sqlite_on_a_network_file_system_is_a_problem_"
    "and_no_job_runs_there",
    "the first day or week of a pair is missing": f"{ACCEPTANCE}.test_edges_and_damage.test_the_day_inside_which_"
    "a_file_begins_is_not_complete",
    "missing slots in the middle of one file": f"{ACCEPTANCE}.test_edges_and_damage.test_damage_in_the_middle_of_"
    "a_file_is_missing_and_no_silence",
    "it states …, but its rows go from": f"{ACCEPTANCE}.test_statements_that_do_not_fit.test_a_quarter_whose_rows_end_"
    "on_9_november_in_every_member_leaves_the_rest_missing",
    "COVERAGE.json beside it does not match its content": f"{ACCEPTANCE}.test_export.test_an_exported_file_that_"
    "was_changed_is_refused_for_nobody_knows_what_it_covers",
    "N ambiguous pair names": f"{ACCEPTANCE}.test_names.test_offline_known_assets_tell_where_names_are_split_"
    "and_ambiguous_ones_are_noted",
    "entries of the exchange's list of pairs": f"{ACCEPTANCE}.test_odd_answers.test_an_entry_that_cannot_be_read_is_"
    "named_in_the_plan_and_delists_nothing",
    "the listing of N pairs is assumed": f"{ACCEPTANCE}.test_odd_answers.test_a_listing_that_does_not_prove_itself_is_"
    "assumed_and_asked_for_again",
    "rows the exchange returned": f"{ACCEPTANCE}.test_odd_answers.test_one_odd_trade_leaves_its_minute_unknown_"
    "and_all_else_complete",
    "job N is running": f"{ACCEPTANCE}.test_interrupted_jobs.test_a_second_ingest_is_refused_"
    "while_one_runs_and_names_it",
    "is not the one that the ledger counts candles of": f"{ACCEPTANCE}.test_lost_tables.test_no_job_runs_on_a_table_"
    "that_lost_candles_and_no_count_is_lowered",
    "the ledger is of candles in": f"{ACCEPTANCE}.test_transfer.test_a_ledger_is_not_used_with_a_table_that_lacks_"
    "what_it_tells_of_until_that_is_copied",
}


def shows(symptom: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Marks the test that brings about a symptom of the guide's table."""

    def mark(test: Callable[..., None]) -> Callable[..., None]:
        SHOWN[symptom] = f"{__name__}.{test.__name__}"
        return test

    return mark


def symptoms() -> list[str]:
    """The first column of the guide's table, without its quotes and links."""
    table = GUIDE.read_text(encoding="utf-8").partition("## Troubleshooting")[2].partition("\n## ")[0]
    first = [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("| ")][1:]
    return [re.sub(r"\[([^]]*)\]\([^)]*\)|[\"*`]", r"\1", cell) for cell in first]


def test_every_symptom_of_the_guide_is_brought_about() -> None:
    listed = symptoms()
    assert len(listed) > 15
    assert [symptom for symptom in listed if not any(shown in symptom for shown in SHOWN)] == []
    for name in SHOWN.values():
        module, _, test = name.rpartition(".")
        assert callable(getattr(importlib.import_module(module), test)), name
    assert [shown for shown in SHOWN if not any(shown in symptom for symptom in listed)] == []


@pytest.fixture
def server(little: LittleMarket, tmp_path: Path) -> Iterator[FileServer]:
    (tmp_path / "www").mkdir()
    shutil.copy(little.first, tmp_path / "www")
    with serving(tmp_path / "www") as files:
        yield files


def remote(url: str, *words: str) -> list[str]:
    """As ``asked``, of an address, and only the days of Bitcoin."""
    rest = asked(Path("-"), "--pairs", "BTC/USD", "--intervals", "1440", *words)
    return [*rest[:2], url, *rest[3:]]


@shows("no candle files there")
def test_a_folder_without_candle_files_is_said_to_be_one(kraken: Kraken, little: LittleMarket, tmp_path: Path) -> None:
    (tmp_path / "downloads").mkdir()
    (tmp_path / "downloads" / "notes.txt").write_text("mine")
    assert "no candle files there" in refused(kraken(*asked(tmp_path / "downloads"), code=2))
    kraken.ingest(little.first)


@shows("X.zip.part01 is missing")
def test_a_split_zip_wants_all_its_parts_in_one_folder(kraken: Kraken, little: LittleMarket, tmp_path: Path) -> None:
    whole = Path(shutil.copy(little.first, tmp_path))
    cut(whole, 3)
    first, second = (whole.with_name(f"{whole.name}.part0{number}") for number in (0, 1))
    away = second.rename(tmp_path / "away")
    assert f"{second.name} is missing" in refused(kraken(*asked(first), code=2))
    away.rename(second)
    kraken.ingest(first)


@shows("there is nothing at that address")
def test_an_address_that_leads_nowhere_is_said_to(kraken: Kraken, little: LittleMarket, server: FileServer) -> None:
    assert "there is nothing at that address" in refused(kraken(*remote(server.url("Kraken_OHLCVT_Q9.zip")), code=2))
    kraken(*remote(server.url(little.first.name)))


@shows("its server returned HTTP status 503, 5 times in a row")
def test_a_server_that_is_down_is_asked_later(kraken: Kraken, little: LittleMarket, server: FileServer) -> None:
    server.faults = [Fault(status=503)] * 1000
    said = kraken(*remote(server.url(little.first.name)), code=None)
    assert said.code
    assert "its server returned HTTP status 503, 5 times in a row" in said.err
    server.faults = []
    kraken(*remote(server.url(little.first.name)))


@shows("gives whole files only")
def test_a_server_without_ranges_gives_the_file_once(kraken: Kraken, little: LittleMarket, tmp_path: Path) -> None:
    (tmp_path / "www").mkdir()
    shutil.copy(little.first, tmp_path / "www")
    with serving(tmp_path / "www", ranges=False) as whole:
        said = kraken(*(word for word in remote(whole.url(little.first.name)) if word != "--json"))
        assert "gives whole files only" in said.err
    assert (kraken.home / "downloads").is_dir()


@shows("it has changed since it was listed")
@pytest.mark.soak
def test_an_archive_that_is_published_anew_is_planned_anew(
    kraken: Kraken, little: LittleMarket, server: FileServer, tmp_path: Path
) -> None:
    url = server.url(little.first.name)
    with Workbench.open(kraken.home) as wb:
        plan = wb.plan(pairs=["BTC/USD"], sources=[url], start_date=FIRST_DAY, as_of=PRESENT)
        with zipfile.ZipFile(server.folder / little.first.name, "a") as archive:
            archive.writestr("more.txt", "made anew")
        job = wb.run(plan)
        assert job.metrics.files_failed
        assert {file.error for file in wb.ledger.files(job.id) if file.error} == {
            error
            for file in wb.ledger.files(job.id)
            if (error := file.error) and "changed since it was listed" in error
        }
    again = kraken(*asked(Path("-"), "--pairs", "BTC/USD")[:2], url, *asked(Path("-"), "--pairs", "BTC/USD")[3:]).json
    assert again["files"]["failed"] == 0
    assert again["files"]["ingested"] > 0


@shows("many files ignored in the plan")
@shows("with no known pair in the name")
def test_what_is_no_candle_file_is_left_out_and_the_rest_is_read(
    kraken: Kraken, little: LittleMarket, tmp_path: Path
) -> None:
    mixed = Path(shutil.copy(little.first, tmp_path))
    with zipfile.ZipFile(mixed, "a") as archive:
        archive.writestr("__MACOSX/._XBTUSD_60.csv", "junk")
        archive.writestr("FOOBAR_60.csv", "1711497600,1,1,1,1,1,1\n")
    said = kraken(*(word for word in asked(mixed) if word != "--json"))
    assert "ignored" in said.err
    assert re.search("1 file skipped, with no known pair in the name", said.err)
    [counted] = kraken.rows("sql", "select count(distinct pair) as n from candles")
    assert counted["n"] == len(little.market.listings)


@shows("one slot missing at the end of every archive")
@shows("a lone coarse gap that stays")
def test_a_provisional_slot_is_settled_by_the_finer_intervals(kraken: Kraken, little: LittleMarket) -> None:
    words = ("--pairs", "BTC/USD", "--end-date", "2024-03-31")
    kraken.ingest(little.first, *words, "--intervals", "1440")
    [gap] = kraken.rows("gaps", "--intervals", "1440")
    assert (gap["candles"], gap["end"]) == (1, FIRST_HOLE[0])
    kraken.ingest(little.first, *words)
    assert kraken.rows("gaps", "--intervals", "1440") == []


@shows("everything after the last row missing")
def test_an_archive_that_states_no_end_is_told_it(kraken: Kraken, little: LittleMarket, tmp_path: Path) -> None:
    unnamed = Path(shutil.copy(little.first, tmp_path / "dump.zip"))
    words = ("--pairs", "UNI/USD", "--intervals", "1", "--end-date", "2024-03-31")
    kraken.ingest(unnamed, *words)
    [gap] = kraken.rows("gaps")
    assert gap["end"] == FIRST_HOLE[0]
    kraken.ingest(unnamed, *words, "--archive-through", "2024-03-31")
    assert kraken.rows("gaps") == []


@shows("a pair is missing since the day it left the exchange")
def test_a_pair_that_left_is_wanted_until_an_end_date_says_otherwise(kraken: Kraken, little: LittleMarket) -> None:
    words = ("--pairs", "PEPE/USD", "--intervals", "1")
    kraken.ingest(little.folder, *words)
    assert LAST_HOLE[0] in {gap["start"] for gap in kraken.rows("gaps")}
    before = kraken.rows("report", *words, "--end-date", "2024-03-31")
    assert [row["missing"] for row in before] == [0]


@shows("a pair begins later than it should")
def test_an_older_archive_moves_an_assumed_listing_back(kraken: Kraken, little: LittleMarket) -> None:
    words = ("--pairs", "BTC/USD", "--intervals", "60")
    kraken.ingest(little.second, *words)
    [late] = kraken.rows("pairs")
    kraken.ingest(little.first, *words)
    [early] = kraken.rows("pairs")
    assert (late["listing_assumed"], early["listing_assumed"]) == (True, True)
    assert early["listed"] < late["listed"]


@shows("files failed")
@shows("rows rejected")
def test_a_bad_file_fails_alone_and_a_bad_row_is_set_aside(
    kraken: Kraken, little: LittleMarket, tmp_path: Path
) -> None:
    good = little.market.truth(next(iter(little.market.listings)), 60)["time"].dt.epoch("s")[0]
    dump = tmp_path / "dump"
    dump.mkdir()
    (dump / "XBTUSD_60.csv").write_text("")
    (dump / "ETHUSD_60.csv").write_text(f"{good},1,2,0.5,1.5,10,3\n{good + 3600},1,2,3,1.5,10,3\n")
    first = kraken.ingest(dump)
    assert (first["files"]["failed"], first["records"]["rejected"]) == (1, 1)
    assert "it is empty; get it again" in kraken("jobs", "1").out
    assert "its high is not the highest price" in (kraken.home / "rejects" / "1.csv").read_text()
    (dump / "XBTUSD_60.csv").write_text(f"{good},1,2,0.5,1.5,10,3\n")
    again = kraken.ingest(dump)
    assert (again["files"]["ingested"], again["files"]["failed"]) == (1, 0)


@shows("changed is not 0")
def test_a_newer_vintage_with_other_values_is_in_force(kraken: Kraken, tmp_path: Path) -> None:
    closes = {"Kraken_OHLCVT_Full_2024Q1": 1.5, "Kraken_OHLCVT_Full_2024Q2": 1.75}
    for name, close in closes.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "XBTUSD_60.csv").write_text(f"1711584000,1,2,0.5,{close},10,3\n1711587600,1,2,0.5,1,10,3\n")
    counted = [kraken.ingest(tmp_path / name)["records"]["changed"] for name in closes]
    assert counted == [0, 1]
    held = kraken.rows("sql", "select close from candles where interval_minutes = 60 order by time limit 1")
    assert held == [{"close": 1.75}]


@shows("made by a newer version")
def test_a_home_of_a_newer_kraken_is_refused_and_another_is_used(full: Kraken, tmp_path: Path) -> None:
    (full.home / ".format").write_text("99\n")
    assert "made by a newer version" in refused(full("report", code=1))
    full("report", "--home", tmp_path / "another")


@shows("exit 2 in a script")
def test_a_script_says_yes_beforehand(kraken: Kraken, little: LittleMarket) -> None:
    words = [word for word in asked(little.first) if word not in {"--yes", "--json"}]
    assert "add --yes" in process(*words, "--home", kraken.home, code=2).stderr
    process(*words, "--yes", "--home", kraken.home)
