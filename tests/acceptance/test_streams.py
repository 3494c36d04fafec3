"""What goes to stdout and what to stderr: into pipes, on terminals, and when nothing is held."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from kraken_core.domain.grades import Grade
from kraken_core.domain.jobs import STAGES
from tests.support.command_line import INSTANT, READING, Kraken, asked, command, environment, process, tree
from tests.support.little_market import LittleMarket

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
MORE = {"pairs", "as_of", "undone_at", "grade", "reason", "trigger", "kind", *Grade}  # documented beside the contract's


@pytest.mark.parametrize("name", READING)
def test_json_is_one_document_on_stdout_and_messages_go_elsewhere(full: Kraken, name: str) -> None:
    rows = json.loads(full(name, *READING[name], "--json").out)
    assert isinstance(rows, list)
    assert rows
    if name in KEYS:
        assert {tuple(key for key in row if key in KEYS[name] or key not in MORE) for row in rows} == {
            tuple(KEYS[name])
        }


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
    assert again.out.startswith("Is my data complete? ")
    assert "Job 2 completed" in again.err


def on_a_terminal(*commands: list[str], columns: int = 120, answer: str = "", **more: str) -> tuple[int, str]:
    """Run commands in one process that has a terminal for everything: the last exit code, and what the terminal got."""
    pty = pytest.importorskip("pty", reason="this system has no pseudo-terminals")
    script = f"import sys; from kraken_core.cli.main import run; sys.exit([run(words) for words in {commands!r}][-1])"
    terminal, other_end = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=other_end,
        stdout=other_end,
        stderr=other_end,
        env=environment({"COLUMNS": str(columns), "LINES": "50", "TERM": "xterm-256color", **more}),
    ) as child:
        os.close(other_end)
        os.write(terminal, answer.encode())
        seen = b"".join(iter(partial(read_or_end, terminal), b""))
    os.close(terminal)
    return child.returncode, seen.decode()


def read_or_end(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # how Linux says that the other end is closed
        return b""


def test_no_color_is_honoured_on_a_terminal(full: Kraken) -> None:
    commands = ["report"], ["gaps"], ["report", "--tier", "TIER9"]
    _, coloured = on_a_terminal(*commands)
    _, plain = on_a_terminal(*commands, NO_COLOR="1")
    colour = re.compile(r"\x1b\[[\d;]*3\d")  # bold is none
    assert colour.search(coloured)
    assert not colour.search(plain)


def test_tables_do_not_wrap_on_120_columns(full: Kraken) -> None:
    _, seen = on_a_terminal(["gaps"], ["coverage"], ["report"], ["pairs"], ["jobs"], NO_COLOR="1")
    lines = [re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", line).rstrip() for line in seen.splitlines()]
    series = [line for line in lines if re.match(r" *\d* *[A-Z]+/[A-Z]+ ", line)]
    ranges = [line for line in series if len(re.findall(r"2024-\d\d-\d\d \d\d:\d\d", line)) == 2]
    assert max(map(len, lines)) <= 120
    assert len(ranges) >= 50
    assert not any("…" in line for line in series)
    assert len([line for line in lines if re.match(r" *2024-|  +\d\d:\d\d", line)]) == 0  # a time is not cut in two


@pytest.mark.parametrize(("answer", "code", "happened"), [("n\n", 3, False), ("y\n", 0, True)])
def test_on_a_terminal_it_asks_first(
    kraken: Kraken, little: LittleMarket, answer: str, code: int, happened: bool
) -> None:
    words = [word for word in asked(little.first, "--pairs", "UNI/USD", "--intervals", "1440") if word != "--yes"]
    ended, seen = on_a_terminal(words, answer=answer)
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
    report = kraken.rows("report", "--start-date", "2024-04-01")
    assert [(row["covered"], row["completeness"]) for row in report] == [(0, 0.0)]
    answer = kraken("report", "--start-date", "2024-04-01").out.splitlines()[0]
    assert answer == "Is my data complete? No: of BTC/USD 1h all 144 candles expected are missing."


def test_a_terminal_shows_how_far_the_whole_job_is_and_below_it_its_stage(little: LittleMarket) -> None:
    ended, seen = on_a_terminal(asked(little.first, "--pairs", "UNI/USD", "--intervals", "1440"), columns=80)
    assert ended == 0, seen
    lines = [re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", line).strip() for line in re.split(r"[\r\n]+", seen)]
    bars = [
        (name, re.search(r"(\d+)%", line)) for line in lines for name in ("job", *STAGES) if line.startswith(f"{name} ")
    ]
    drawn = [(name, int(found[1])) for name, found in bars if found]
    whole = [percent for name, percent in drawn if name == "job"]
    assert whole == sorted(whole), "never less than before"
    assert whole[-1] == 100
    stages = [(above[0], below[0]) for above, below in pairwise(drawn) if below[0] != "job"]
    assert {above for above, _ in stages} == {"job"}, "one stage at a time, below the job"
    assert {"ingest", "report"} <= {below for _, below in stages}
