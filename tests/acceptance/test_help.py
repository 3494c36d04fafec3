"""Every command explains itself, at once, and what it recommends exists."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from kraken_core.cli.main import cli
from tests.support.command_line import Kraken, environment

COMMANDS = sorted(cli.commands)
HEAVY = (
    *("polars", "duckdb", "deltalake", "sqlalchemy", "pandas", "pyarrow", "numpy"),
    *("anyio", "mcp", "starlette", "uvicorn"),
)


def test_every_command_explains_itself_with_an_example(kraken: Kraken) -> None:
    for name in COMMANDS:
        told = kraken(name, "--help").out
        assert re.search(rf"Example:\n +kraken-history {name}\b", told), name
        assert "--home" in told or name == "completion", name  # a shell's script has nothing to do with a home
    assert re.search(r"Example:\n +kraken-history ingest", kraken("--help").out)


def test_the_command_alone_shows_its_help(kraken: Kraken) -> None:
    assert kraken().out == kraken("--help").out


def test_the_examples_in_the_help_parse(kraken: Kraken) -> None:
    for name in COMMANDS:
        for line in kraken(name, "--help").out.partition("Example:")[2].splitlines():
            for example in filter(None, line.strip().split(" && ")):
                assert_parses(example)


def test_every_summary_is_whole_at_80_columns(kraken: Kraken, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    listed = kraken("--help").out.partition("Commands:")[2].partition("Example:")[0].strip().splitlines()
    assert [line.split()[0] for line in listed] == COMMANDS, "one line each"
    for line in listed:
        assert line.endswith("."), line
        assert not line.endswith(".."), line


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


def assert_parses(line: str) -> None:
    """The line is a command that exists, with options it has; nothing is run."""
    program, name, *words = shlex.split(line)
    assert program == "kraken-history"
    assert name in cli.commands, line
    cli.commands[name].make_context(name, words)


def test_simulate_says_what_the_archives_lack(kraken: Kraken, tmp_path: Path) -> None:
    said = kraken("simulate", tmp_path / "market", "--json").json
    assert set(said) == {"paths", "holes"}
    assert all(Path(path).exists() for path in said["paths"])
    assert any("ADAUSD_1.csv" in hole for hole in said["holes"])


def test_click_and_the_contract_agree_on_the_commands() -> None:
    first = {"ingest", "jobs", "coverage", "gaps", "report", "export", "sql", "pairs", "tiers", "simulate"}
    assert first <= set(cli.commands)
    assert all(isinstance(each, click.Command) for each in cli.commands.values())
