"""Whatever cannot be is refused with one line that says why and what would be right."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kraken_core import Workbench
from kraken_core.domain.errors import SettingError
from tests.support.command_line import READING, Kraken, asked, refused, tree
from tests.support.little_market import LittleMarket

SELECTIVE = ("coverage", "gaps", "report", "export", "verify")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--tier", "TIER9"], "TIER9"),
        (["--tiers", "TIER1,gold"], "gold"),
        (["--tiers", ""], "is empty"),
        (["--pairs", "FOOBAR"], "FOOBAR"),
        (["--pairs", "XBTUSD.d"], "dark pool"),
        (["--pairs", "BTC/USD", "--tier", "TIER1"], "not both"),
        (["--tier", "TIER1", "--tiers", "TIER2,TIER3"], "several with --tiers TIER1,TIER2,TIER3; not both"),
        (["--intervals", "7"], "'7' is not an interval"),
        (["--intervals", "60,sixty"], "sixty"),
        (["--quotes", "XYZ"], "XYZ"),
        (["--start-date", "yesterday"], "yesterday"),
        (["--end-date", "2024-02-30"], "2024-02-30"),
        (["--start-date", "2024-05-01", "--end-date", "2024-04-01"], "after"),
        (["--unheard-of"], "unheard-of"),
    ],
)
def test_a_selection_that_cannot_be_is_refused_with_one_line(kraken: Kraken, words: list[str], why: str) -> None:
    for name in SELECTIVE:
        needs = READING.get(name, [])
        assert why in refused(kraken(name, *needs, *words, code=2)), name
    others = [] if {"--tier", "--tiers", "--pairs"} & set(words) else ["--tier", "ALL"]
    assert why in refused(kraken("ingest", "--yes", *others, *words, code=2))
    assert not kraken.home.exists()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--yes"], "name what to ingest"),
        (["--tier", "ALL"], "no terminal to confirm on"),
        (["--tier", "ALL", "--yes", "--csv-source-dir", "nowhere"], "nowhere does not exist"),
        (["--tier", "ALL", "--yes", "--csv-source-dir", "empty"], "no candle files there"),
        (["--tier", "ALL", "--yes", "--csv-source-dir", "notes.zip"], "notes.zip"),
        (["--tier", "ALL", "--yes", "--workers", "-3"], "-3"),
        (["--tier", "ALL", "--yes", "--workers", "many"], "many"),
        (["--tier", "ALL", "--yes", "--as-of", "soon"], "soon"),
        (["--tier", "ALL", "--yes", "--archive-through", "32"], "32"),
        (["--resume", "7", "--yes"], "there is no job 7"),
        (["--resume", "x", "--yes"], "x"),
        (["--resume", "7", "--tier", "TIER1", "--yes"], "--resume continues a job with its own request"),
    ],
)
def test_an_ingest_that_cannot_be_is_refused_with_one_line(
    kraken: Kraken, words: list[str], why: str, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.zip").write_text("these are no candles")
    assert why in refused(kraken("ingest", *words, code=2))
    assert not kraken.home.exists()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["simulate", "/dev/null"], "/dev/null cannot be written"),
        (["jobs", "0"], "0 is not in the range"),
        (["undo", "9" * 30, "--yes"], "is not in the range"),
        (["backfill", "--gap", "9" * 30, "--yes"], "is not in the range"),
        (["ingest", "--resume", "9" * 30, "--yes"], "is not in the range"),
        (["watch", "--tier", "ALL", "--webhook", "http://[::1"], "the webhook is not an http or https address"),
        (["watch", "--tier", "ALL", "--webhook", "http://a:99999"], "the webhook is not an http or https address"),
        (["report", "--pairs", "X" * 100_000], "XXX…"),
        (["sql", "x" * 100_000], "xxx…"),
        (["--json"], "--json is an option of a command: name one"),
        (["--home", "anywhere"], "--home is an option of a command: name one"),
        (["--jsn", "report"], "No such option '--jsn'"),
        (["backfill", "--yes"], "begin with kraken-history ingest"),
    ],
)
def test_whatever_else_cannot_be_is_refused_with_one_short_line(kraken: Kraken, words: list[str], why: str) -> None:
    line = refused(kraken(*words, code=2))
    assert why in line
    assert len(line) < 2000
    assert not kraken.home.exists()


def test_a_job_that_ended_is_not_resumed(full: Kraken) -> None:
    assert "job 1 is completed" in refused(full("ingest", "--resume", "1", "--yes", code=2))


@pytest.mark.parametrize("name", ["jobs", "pause", "resume", "cancel"])
def test_a_job_nobody_knows_is_wrong_use(full: Kraken, name: str) -> None:
    assert "there is no job 42" in refused(full(name, "42", code=2))


@pytest.mark.parametrize("name", ["pause", "resume", "cancel"])
def test_a_job_that_ended_is_not_controlled_any_more(full: Kraken, name: str) -> None:
    refused(full(name, "1", code=1))
    assert full.rows("jobs", "1")[0]["status"] == "COMPLETED"


@pytest.mark.parametrize(
    ("setting", "value", "right"),
    [
        ("workers", "0", "a whole number from 1 to 256"),
        ("requests_per_second", '"fast"', "a number from"),
        ("api_url", '"ftp://x"', "https://"),
        ("ledger", '"mysql://x"', "postgresql+psycopg://"),
        ("csv_source_dirs", "3", "a list of paths"),
        ("colour", '"red"', "there is no setting 'colour'"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it_where_it_stands_and_what_would_be_right(
    kraken: Kraken, monkeypatch: pytest.MonkeyPatch, setting: str, value: str, right: str
) -> None:
    kraken.home.mkdir()
    file = kraken.home / "kraken.toml"
    file.write_text(f"{setting} = {value}\n")
    line = refused(kraken("jobs", code=2))
    assert all(part in line for part in (str(file), setting, right))
    file.unlink()
    if setting not in {"colour", "csv_source_dirs"}:  # a text is a list of one there, and no setting here
        monkeypatch.setenv(f"KRAKEN_{setting.upper()}", value.strip('"'))
        line = refused(kraken("jobs", code=2))
        assert all(part in line for part in (f"KRAKEN_{setting.upper()}", setting, right))


def test_settings_that_are_no_toml_and_tiers_that_are_none_are_refused(kraken: Kraken) -> None:
    kraken.home.mkdir()
    (kraken.home / "kraken.toml").write_text("workers =")
    assert "kraken.toml is not valid TOML" in refused(kraken("jobs", code=2))
    (kraken.home / "kraken.toml").unlink()
    (kraken.home / "tiers.toml").write_text('[tiers]\nTIER1 = "BTC"\n')
    assert "tiers.toml: tier TIER1" in refused(kraken("tiers", code=2))
    (kraken.home / "tiers.toml").write_bytes(b"\xff\xfe")
    assert "tiers.toml is not UTF-8 text" in refused(kraken("tiers", code=2))


def test_a_home_of_a_newer_format_is_refused_and_left_alone(full: Kraken) -> None:
    (full.home / ".format").write_text("99\n")
    before = tree(full.home)
    assert "format 99, made by a newer version" in refused(full("report", code=1))
    assert tree(full.home) == before


def test_a_home_that_is_a_file_is_refused(kraken: Kraken) -> None:
    kraken.home.write_text("mine")
    assert "is a file, not a folder" in refused(kraken("report", code=1))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://me:s3cret@127.0.0.1:1/history",
        "postgresql+psycopg://127.0.0.1:1/history?user=me&password=s3cret",
        "mysql://me:s3cret@localhost/history",
    ],
)
def test_a_password_in_the_ledgers_address_is_never_shown(
    kraken: Kraken, little: LittleMarket, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("KRAKEN_LEDGER", url)
    for words in (["jobs"], ["jobs", "--verbose"], [*asked(little.first), "--verbose"]):
        said = kraken(*words, code=None)
        assert said.code in {1, 2}
        assert "s3cret" not in said.out + said.err
        assert said.err
    logs = [path.read_text() for path in kraken.home.rglob("*") if path.suffix == ".log"]
    assert not any("s3cret" in text for text in logs)


DRY_RUN = ["ingest", "--dry-run", "--tier", "ALL", "--csv-source-dir"]


@pytest.mark.parametrize("words", [["check-certificate"], ["cite"], DRY_RUN])
def test_a_pipe_in_the_place_of_a_file_is_refused_at_once(full: Kraken, tmp_path: Path, words: list[str]) -> None:
    """Who opens a pipe waits for whoever writes into it."""
    os.mkfifo(tmp_path / "pipe.json")
    assert "regular file" in refused(full(*words, tmp_path / "pipe.json", code=2))


@pytest.mark.parametrize("name", ["kraken.toml", "tiers.toml", "identities.toml"])
def test_a_pipe_among_the_settings_is_refused_at_once(full: Kraken, name: str) -> None:
    os.mkfifo(full.home / name)

    def all_read() -> None:
        with Workbench.open(full.home) as workbench:
            _ = workbench.tiers, workbench.identities

    with pytest.raises(SettingError, match="regular file"):
        all_read()


def test_what_nobody_expected_is_one_line_and_with_verbose_its_traceback_too(
    kraken: Kraken, little: LittleMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    kraken(*asked(little.first))

    def broken(*_: object) -> None:
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr(Workbench, "holdings_at", broken)
    [line] = kraken("report", code=1).err.splitlines()
    assert line.startswith("kraken-history: unexpected ZeroDivisionError")
    assert "--verbose shows the details" in line
    assert "Traceback" in kraken("report", "--verbose", code=1).err
    assert "Traceback" not in kraken("report", code=1).err, "the next command is not verbose"
