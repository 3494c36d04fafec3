"""The command line's manners: help, errors, exit codes, streams, documents."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import polars as pl
import pytest

from kraken_core.cli.main import cli
from tests.acceptance.command_line import Kraken, Said, asked, command, environment, process, tree
from tests.acceptance.little_market import PRESENT, LittleMarket

COMMANDS = sorted(cli.commands)
SELECTIVE = ("coverage", "gaps", "report", "export")
READING = {  # commands that look, with what they need
    "jobs": [],
    "coverage": [],
    "gaps": [],
    "report": [],
    "pairs": [],
    "tiers": [],
    "sql": ["select * from candles"],
    "export": ["--to", "out"],
}
HEAVY = ("polars", "duckdb", "deltalake", "sqlalchemy", "pandas", "pyarrow", "numpy")
KEYS = {
    "coverage": ["pair", "interval", "start", "end", "source", "candles"],
    "gaps": [
        *("id", "pair", "interval", "start", "end", "candles", "status", "route", "reason", "requests"),
        *("csv_file", "archive"),
    ],
    "report": [
        *("pair", "interval", "tier", "start", "end", "wanted", "covered", "present", "silent", "missing"),
        *("completeness", "activity"),
    ],
    "jobs": [
        *("job_id", "status", "tiers", "intervals", "start", "end", "created_at", "started_at", "finished_at"),
        *("progress_pct", "files", "records", "gaps", "error"),
    ],
}
MORE_OF_JOBS = {"pairs", "as_of"}  # documented beside the contract's
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def refused(said: Said) -> str:
    """The one line on stderr, where that is all there is."""
    assert said.out == ""
    [line] = said.err.splitlines()
    assert line.startswith("kraken: ")
    assert "Traceback" not in line
    assert "unexpected" not in line
    return line


# Help


def test_every_command_explains_itself_with_an_example(kraken: Kraken) -> None:
    for name in COMMANDS:
        told = kraken(name, "--help").out
        assert re.search(rf"Example:\n +kraken {name}\b", told), name
        assert "--home" in told, name
    assert re.search(r"Example:\n +kraken ingest", kraken("--help").out)


def test_the_command_alone_shows_its_help(kraken: Kraken) -> None:
    assert kraken().out == kraken("--help").out


def test_the_examples_in_the_help_parse(kraken: Kraken) -> None:
    for name in COMMANDS:
        for line in kraken(name, "--help").out.partition("Example:")[2].splitlines():
            for example in filter(None, line.strip().split(" && ")):
                assert_parses(example)


def test_help_loads_no_heavy_library() -> None:
    script = f"""
import sys
from kraken_core.cli.main import run
for name in {COMMANDS!r}:
    assert run([name, "--help"]) == 0
    loaded = set({HEAVY!r}) & set(sys.modules)
    assert not loaded, (name, loaded)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


# Wrong use


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--tier", "TIER9"], "TIER9"),
        (["--tiers", "TIER1,gold"], "gold"),
        (["--tiers", ""], "names nothing"),
        (["--pairs", "FOOBAR"], "FOOBAR"),
        (["--pairs", "XBTUSD.d"], "dark pool"),
        (["--pairs", "BTC/USD", "--tier", "TIER1"], "not both"),
        (["--intervals", "7"], "'7' is no interval"),
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
        needs = READING[name]
        assert why in refused(kraken(name, *needs, *words, code=2)), name
    others = [] if {"--tier", "--tiers", "--pairs"} & set(words) else ["--tier", "ALL"]
    assert why in refused(kraken("ingest", "--yes", *others, *words, code=2))
    assert not kraken.home.exists()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--yes"], "name what to ingest"),
        (["--tier", "ALL"], "no terminal to ask on"),
        (["--tier", "ALL", "--yes", "--csv-source-dir", "nowhere"], "nowhere does not exist"),
        (["--tier", "ALL", "--yes", "--csv-source-dir", "empty"], "no candle files there"),
        (["--tier", "ALL", "--yes", "--csv-source-dir", "notes.zip"], "notes.zip"),
        (["--tier", "ALL", "--yes", "--workers", "-3"], "-3"),
        (["--tier", "ALL", "--yes", "--workers", "many"], "many"),
        (["--tier", "ALL", "--yes", "--as-of", "soon"], "soon"),
        (["--tier", "ALL", "--yes", "--archive-through", "32"], "32"),
        (["--resume", "7", "--yes"], "there is no job 7"),
        (["--resume", "x", "--yes"], "x"),
        (["--resume", "7", "--tier", "TIER1", "--yes"], "--resume goes on with a job as it was asked for"),
    ],
)
def test_an_ingest_that_cannot_be_is_refused_with_one_line(
    kraken: Kraken, words: list[str], why: str, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.zip").write_text("these are no candles")
    assert why in refused(kraken("ingest", *words, code=2))
    assert not kraken.home.exists()


def test_a_job_that_ended_is_not_resumed(full: Kraken) -> None:
    assert "job 1 is completed" in refused(full("ingest", "--resume", "1", "--yes", code=2))


def test_a_job_nobody_knows_is_wrong_use(full: Kraken) -> None:
    assert "there is no job 42" in refused(full("jobs", "42", code=2))


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
    assert "kraken.toml is no valid TOML" in refused(kraken("jobs", code=2))
    (kraken.home / "kraken.toml").unlink()
    (kraken.home / "tiers.toml").write_text('[tiers]\nTIER1 = "BTC"\n')
    assert "tiers.toml: tier TIER1" in refused(kraken("tiers", code=2))


def test_a_home_of_a_newer_format_is_refused_and_left_alone(full: Kraken) -> None:
    (full.home / ".format").write_text("99\n")
    before = tree(full.home)
    assert "format 99, made by a newer kraken" in refused(full("report", code=1))
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


# Streams


@pytest.mark.parametrize("name", READING)
def test_json_is_one_document_on_stdout_and_messages_go_elsewhere(full: Kraken, name: str) -> None:
    rows = json.loads(full(name, *READING[name], "--json").out)
    assert isinstance(rows, list)
    assert rows
    if name in KEYS:
        assert {tuple(key for key in row if key not in MORE_OF_JOBS) for row in rows} == {tuple(KEYS[name])}


@pytest.mark.parametrize("name", ["coverage", "gaps", "report"])
def test_times_in_documents_are_iso_8601_utc_and_ranges_run_forwards(full: Kraken, name: str) -> None:
    for row in full.rows(name):
        assert INSTANT.fullmatch(row["start"])
        assert INSTANT.fullmatch(row["end"])
        assert row["start"] < row["end"]
    [job] = full.rows("jobs")
    assert all(INSTANT.fullmatch(job[name]) for name in ("start", "end", "created_at", "started_at", "finished_at"))


def test_progress_and_messages_go_to_stderr_in_plain_lines_and_quiet_leaves_nothing(
    kraken: Kraken, little: LittleMarket, tmp_path: Path
) -> None:
    words = asked(little.first, "--pairs", "UNI/USD", "--intervals", "60")
    told = process(*words)
    json.loads(told.stdout)
    assert "ingest: 100 %" in told.stderr
    assert "\x1b" not in told.stdout + told.stderr
    quiet = kraken(*words, "--quiet", "--home", tmp_path / "other")
    assert (quiet.err, quiet.json["status"]) == ("", "COMPLETED")
    again = kraken(*[word for word in words if word != "--json"])
    assert "Completeness" in again.out
    assert "Job 2 completed" in again.err


def on_a_terminal(*words: object, columns: int = 120, answer: str = "", **more: str) -> tuple[int, str]:
    """Run a command with a terminal for everything; its exit code and what the terminal got."""
    pty = pytest.importorskip("pty", reason="this system has no pseudo-terminals")
    child, terminal = pty.fork()
    if child == 0:
        os.environ.update(environment(more), COLUMNS=str(columns), LINES="50", TERM="xterm-256color")
        os.execv(sys.executable, command(*words))
    os.write(terminal, answer.encode())
    seen = b""
    while True:
        try:
            part = os.read(terminal, 65_536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        seen += part
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), seen.decode()


def test_no_color_is_honoured_on_a_terminal(full: Kraken) -> None:
    for words in (["report"], ["gaps"], ["report", "--tier", "TIER9"]):
        _, coloured = on_a_terminal(*words)
        _, plain = on_a_terminal(*words, NO_COLOR="1")
        assert re.search(r"\x1b\[[\d;]*m", coloured), words
        assert not re.search(r"\x1b\[[\d;]*3\d", plain), words  # bold is no colour


def test_tables_do_not_wrap_on_120_columns(full: Kraken) -> None:
    for name in ("report", "gaps", "coverage", "pairs", "jobs"):
        _, seen = on_a_terminal(name, NO_COLOR="1")
        lines = [re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", line).rstrip() for line in seen.splitlines()]
        assert max(map(len, lines)) <= 120
        body = [line for line in lines if re.match(r" *\d* *[A-Z]+/[A-Z]+ ", line)]
        assert not any("…" in line for line in body), name
        if name in {"gaps", "coverage"}:
            assert all(len(re.findall(r"2024-\d\d-\d\d \d\d:\d\d", line)) == 2 for line in body), name
            assert body


@pytest.mark.parametrize(("answer", "code", "happened"), [("n\n", 3, False), ("y\n", 0, True)])
def test_on_a_terminal_it_asks_first(
    kraken: Kraken, little: LittleMarket, answer: str, code: int, happened: bool
) -> None:
    words = [word for word in asked(little.first, "--pairs", "UNI/USD", "--intervals", "1440") if word != "--yes"]
    ended, seen = on_a_terminal(*words, answer=answer)
    assert "Go ahead?" in seen
    assert (ended, kraken.home.exists()) == (code, happened), seen


def test_a_reader_that_leaves_early_is_no_error(full: Kraken) -> None:
    query = "select range as n from range(200000)"
    with subprocess.Popen(
        command("sql", "--json", query), env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.readline()
        child.stdout.close()
        assert child.stderr.read() == ""


# Nothing held yet


@pytest.mark.parametrize("name", READING)
def test_an_empty_home_is_answered_sensibly_and_not_created(kraken: Kraken, tmp_path: Path, name: str) -> None:
    before = tree(tmp_path)
    said = kraken(name, *READING[name])
    assert (said.out + said.err).strip()
    assert "100" not in said.out
    rows = kraken(name, *READING[name], "--json").json
    assert rows == [] or (name == "tiers" and all(row["pairs_held"] == row["candles"] == 0 for row in rows))
    assert tree(tmp_path) == before


def test_nothing_held_of_what_is_wanted_is_0_percent(kraken: Kraken, little: LittleMarket) -> None:
    words = ("--pairs", "BTC/USD", "--intervals", "60", "--no-auto-gap-fill")
    kraken.ingest(little.first, *words)
    kraken.ingest(little.first, *words, "--intervals", "5", "--csv-source-dir", little.second, "--start-date", PRESENT)
    report = kraken.rows("report", "--start-date", "2024-04-01")
    assert [(row["covered"], row["completeness"]) for row in report] == [(0, 0.0)]
    assert "Completeness 0.00 %" in kraken("report", "--start-date", "2024-04-01").out


# What is shown


def test_the_reading_commands_take_the_same_selection(full: Kraken) -> None:
    words = ("--pairs", "XBTEUR", "--intervals", "60", "--start-date", "2024-04-02", "--end-date", "2024-04-06")
    for name in ("coverage", "gaps", "report"):
        rows = full.rows(name, *words)
        assert {(row["pair"], row["interval"]) for row in rows} == {("BTC/EUR", 60)}, name
    [line] = full.rows("report", *words)
    assert (line["start"], line["end"]) == ("2024-04-02T00:00:00Z", PRESENT)
    assert (line["wanted"], line["covered"], line["missing"]) == (5 * 24, 3 * 24, 2 * 24)
    [tier] = {row["tier"] for row in full.rows("report", "--tier", "TIER2")}
    assert tier == "TIER2"
    assert {row["pair"] for row in full.rows("report", "--quotes", "EUR")} == {"BTC/EUR"}


def test_a_job_shows_its_history(full: Kraken) -> None:
    assert "COMPLETED" in full("jobs", "1").out
    [job] = full.rows("jobs", "1")
    assert (job["status"], job["progress_pct"], job["tiers"]) == ("COMPLETED", 100.0, ["ALL"])


def assert_parses(line: str) -> None:
    """The line is a command that exists, with options it has; nothing is run."""
    program, name, *words = shlex.split(line)
    assert program == "kraken"
    assert name in cli.commands, line
    cli.commands[name].make_context(name, words)


def test_the_commands_that_output_recommends_exist_and_parse(full: Kraken, little: LittleMarket) -> None:
    full.ingest(little.first, "--as-of", "2024-09-01")
    told = "\n".join(f"{said.out}\n{said.err}" for said in (full("report"), full("gaps"), full("jobs"), full("pairs")))
    recommended = [found for found in re.findall(r"kraken ([a-z]+)((?: [\w./-]+)*)", told) if found[0] in cli.commands]
    assert any(" --csv-source-dir Kraken_OHLCVT" in words for _, words in recommended)
    for name, words in recommended:
        options = {text: param for param in cli.commands[name].params for text in (*param.opts, *param.secondary_opts)}
        left = iter(words.split())
        for word in left:
            if not word.startswith("-"):
                break  # the sentence goes on
            assert word in options, (name, word)
            if not getattr(options[word], "is_flag", False):
                next(left)


def test_pairs_and_tiers_say_what_is_held(full: Kraken) -> None:
    pairs = {row["pair"]: row for row in full.rows("pairs")}
    assert {name: row["tier"] for name, row in pairs.items()} == {
        "BTC/EUR": "TIER1",
        "BTC/USD": "TIER1",
        "EUR/USD": None,
        "PEPE/USD": "TIER4",
        "UNI/USD": "TIER2",
    }
    [counted] = full.rows("sql", "select count(*) as n from candles where pair = 'BTC/USD'")
    assert 0 <= counted["n"] - pairs["BTC/USD"]["candles"] < 8 * 2  # provisional ones are held, not covered
    held = {row["tier"]: row["pairs_held"] for row in full.rows("tiers")}
    assert held == {"TIER1": 2, "TIER2": 1, "TIER3": 0, "TIER4": 1}


# SQL


COLUMNS = {
    "candles": {
        "pair": "VARCHAR",
        "interval_minutes": "INTEGER",
        "time": "TIMESTAMP WITH TIME ZONE",
        **dict.fromkeys(("open", "high", "low", "close", "volume"), "DOUBLE"),
        "trades": "INTEGER",
        "source": "VARCHAR",
    },
    "assets": {"asset_id", "ticker", "tier"},
    "pairs": {"pair", "base", "quote", "tier"},
    "jobs": {"job_id", "status", "tiers", "intervals", "progress_pct", "error"},
    "files": {"pair", "interval_minutes", "job_id", "path", "member", "status"},
    "coverage": {"pair", "interval_minutes", "start_time", "end_time", "source", "candles"},
    "gaps": {"pair", "interval_minutes", "start_time", "end_time", "candles", "status", "route", "archive"},
}


@pytest.mark.parametrize("view", COLUMNS)
def test_sql_has_the_views_of_the_contract_full_or_empty(full: Kraken, tmp_path: Path, view: str) -> None:
    for home in (full.home, tmp_path / "nowhere"):
        described = full.rows("sql", f"describe {view}", "--home", home)
        columns = {row["column_name"]: row["column_type"] for row in described}
        expected = COLUMNS[view]
        assert columns == expected if isinstance(expected, dict) else expected <= columns.keys()
        [counted] = full.rows("sql", f"select count(*) as n from {view.upper()}", "--home", home)
        assert (counted["n"] > 0) == (home == full.home)


def test_sql_joins_the_candles_with_what_is_known_of_them(full: Kraken) -> None:
    rows = full.rows(
        "sql",
        "select a.tier, count(*) as n, min(c.time) as first from candles c "
        "join pairs p using (pair) join assets a on a.ticker = p.base group by 1 order by 1 nulls last",
    )
    assert [row["tier"] for row in rows] == ["TIER1", "TIER2", "TIER4", None]
    assert INSTANT.fullmatch(rows[0]["first"])


@pytest.mark.parametrize(
    "query",
    [
        "select * from '{file}'",
        "select * from read_csv('{file}')",
        "select * from read_text('{file}')",
        "copy (select 1) to '{file}'",
        "copy candles to '{table}/mine.parquet'",
        "attach '{file}' as other",
        "set enable_external_access = true",
        "create table mine as select 1",
        "select 1; select 2",
        "select nothing from candles",
        "selec",
        "",
        "select 1 as n, 2 as n",
    ],
)
def test_sql_only_answers_queries_and_reaches_no_other_file(full: Kraken, tmp_path: Path, query: str) -> None:
    file = tmp_path / "secret.csv"
    file.write_text("a\n1\n")
    before = tree(tmp_path)
    refused(full("sql", query.format(file=file, table=full.home / "candles"), code=2))
    assert tree(tmp_path) == before


# Export


def test_an_export_as_csv_can_be_ingested_again(full: Kraken, tmp_path: Path) -> None:
    words = ("--pairs", "BTC/USD,PEPE/USD", "--intervals", "1,60")
    written = full("export", *words, "--to", tmp_path / "out", "--format", "csv", "--json").json
    assert {Path(row["path"]).name for row in written} == {
        *("XBTUSD_1.csv", "XBTUSD_60.csv", "PEPEUSD_1.csv", "PEPEUSD_60.csv"),
    }
    other = tmp_path / "other"
    back = full.ingest(tmp_path / "out", *words, "--no-auto-gap-fill", "--home", other)
    assert back["records"]["rejected"] == 0
    columns = "pair, interval_minutes, time, open, high, low, close, volume, trades"
    chosen = f"select {columns} from candles where pair in ('BTC/USD', 'PEPE/USD') and interval_minutes in (1, 60)"
    here, there = (full.rows("sql", f"{chosen} order by all", "--home", home) for home in (full.home, other))
    assert here == there
    assert len(here) == sum(row["candles"] for row in written)


@pytest.mark.parametrize(("kind", "read"), [("parquet", pl.read_parquet), ("feather", pl.read_ipc)])
def test_an_export_for_other_tools_has_the_tables_columns(full: Kraken, tmp_path: Path, kind: str, read: Any) -> None:
    full("export", "--pairs", "UNI/USD", "--intervals", "60", "--to", tmp_path / "out", "--format", kind)
    frame = read(tmp_path / "out" / f"UNIUSD_60.{kind}")
    assert frame.columns == list(COLUMNS["candles"])
    rows = full.rows("sql", "select close from candles where pair = 'UNI/USD' and interval_minutes = 60 order by time")
    assert frame["close"].to_list() == [row["close"] for row in rows]


def test_an_export_takes_only_the_days_asked_for(full: Kraken, tmp_path: Path) -> None:
    words = ("--pairs", "BTC/USD", "--intervals", "1440", "--start-date", "2024-03-28", "--end-date", "2024-03-29")
    full("export", *words, "--to", tmp_path / "out", "--format", "csv")
    lines = (tmp_path / "out" / "XBTUSD_1440.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["1711584000", "1711670400"]


def test_an_export_replaces_nothing_unless_told_to(full: Kraken, tmp_path: Path) -> None:
    words = ("export", "--pairs", "UNI/USD", "--to", tmp_path / "out", "--format", "csv")
    full(*words)
    before = tree(tmp_path / "out")
    assert "nothing was written; add --overwrite" in refused(full(*words, code=2))
    assert tree(tmp_path / "out") == before
    full(*words, "--overwrite")
    (tmp_path / "file").write_text("mine")
    assert "cannot be written" in refused(full("export", "--to", tmp_path / "file", code=2))


def test_simulate_says_what_the_archives_lack(kraken: Kraken, tmp_path: Path) -> None:
    said = kraken("simulate", tmp_path / "market", "--json").json
    assert set(said) == {"paths", "holes"}
    assert all(Path(path).exists() for path in said["paths"])
    assert any("ADAUSD_1.csv" in hole for hole in said["holes"])


def test_click_and_the_contract_agree_on_the_commands() -> None:
    first = {"ingest", "jobs", "coverage", "gaps", "report", "export", "sql", "pairs", "tiers", "simulate"}
    assert first <= set(cli.commands)
    assert all(isinstance(each, click.Command) for each in cli.commands.values())
