"""``kraken-history`` as a user runs it: in this process, which is quick, or in one of its own."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kraken_core import Workbench
from kraken_core.cli.main import run
from kraken_core.domain.grades import Grade
from tests.support.helping import table
from tests.support.little_market import FIRST_DAY, PRESENT

NOBODY = "http://127.0.0.1:9"  # where no exchange answers, nor anybody else
ROOT = Path(__file__).parents[2]
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
READING: dict[str, list[str]] = {  # commands that look, with what they need
    "jobs": [],
    "coverage": [],
    "gaps": [],
    "report": [],
    "pairs": [],
    "tiers": [],
    "sql": ["select * from candles"],
    "export": ["--to", "out"],
}


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Kraken:
    """The command line with a home of its own."""

    capsys: pytest.CaptureFixture[str]
    home: Path

    def __call__(self, *words: object, code: int | None = 0) -> Said:
        """Run a command; it must end with the exit code, if one is given."""
        self.capsys.readouterr()
        ended = run([str(word) for word in words])
        said = Said(ended, *self.capsys.readouterr())
        assert code in {None, said.code}, said.err
        return said

    def ingest(self, source: Path, *words: object, code: int = 0) -> Any:
        """Ingest the source as of the market's present; everything in it, unless the words say what. Its JSON."""
        return self(*asked(source, *words), code=code).json

    def rows(self, command: str, *words: object) -> list[dict[str, Any]]:
        """What a command prints with --json."""
        rows: list[dict[str, Any]] = self(command, "--json", *words).json
        return rows

    def state(self) -> dict[str, Any]:
        """All that is held and known, comparable with another home's."""
        with Workbench.open(self.home) as workbench:
            candles = table(workbench).rows()
        coverage, gaps, report = (self.rows(name, "--home", self.home) for name in ("coverage", "gaps", "report"))
        return {"candles": candles, "coverage": coverage, "gaps": [{**g, "id": None} for g in gaps], "report": report}


def but_for_grades(state: dict[str, Any]) -> dict[str, Any]:
    """A :meth:`Kraken.state`, whatever evidence it rests on: another course of things may leave less of it."""
    coverage: list[dict[str, Any]] = []
    for row in state["coverage"]:
        before = coverage[-1] if coverage else {"end": None}
        if (row["start"], *_of(row)) == (before["end"], *_of(before)):
            row = {**before, "end": row["end"], "candles": before["candles"] + row["candles"]}  # noqa: PLW2901 - joined
            coverage.pop()
        coverage.append({name: value for name, value in row.items() if name != "grade"})
    report = [{name: value for name, value in row.items() if name not in set(Grade)} for row in state["report"]]
    return {**state, "coverage": coverage, "report": report}


def _of(row: dict[str, Any]) -> tuple[object, ...]:
    return tuple(row.get(name) for name in ("pair", "interval", "source"))


def asked(source: Path, *words: object) -> list[str]:
    """The arguments of an ingest that is the same on every run."""
    selects = {"--tier", "--tiers", "--pairs", "--expected"} & {str(word) for word in words}
    fixed = {"--start-date": FIRST_DAY, "--as-of": PRESENT, **({} if selects else {"--tier": "ALL"})}
    options = [part for name, value in fixed.items() if name not in words for part in (name, value)]
    network = [] if "--api-backfill" in words else ["--no-api-backfill"]
    return ["ingest", "--csv-source-dir", str(source), *options, *network, "--yes", "--json", *map(str, words)]


def process(
    *words: object, code: int | None = 0, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own, without a terminal; it must end with the exit code, if one is given."""
    done = subprocess.run(
        command(*words),
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env=environment(env),
        cwd=cwd,
        timeout=60,
    )
    assert code is None or done.returncode == code, done.stderr
    return done


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "kraken_core", *map(str, words)]


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's, in which the project is found from every folder."""
    return {**os.environ, "PYTHONPATH": str(ROOT), **(more or {})}


def tree(folder: Path) -> dict[str, tuple[int, int] | None]:
    """Size and time of change of every file below a folder; None for folders, where SQLite's files come and go."""
    found: dict[str, tuple[int, int] | None] = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        found[path.relative_to(folder).as_posix()] = None if path.is_dir() else (status.st_size, status.st_mtime_ns)
    return found


@contextmanager
def shared(home: Path, source: Path, *words: object) -> Iterator[Path]:
    """A new home that holds a source, for many tests to read. Whichever changes it is a fault of all that come after.

    It is made in this process, which has loaded all that is needed for it.
    """
    assert run([*asked(source, *words), "--home", str(home), "--quiet"]) == 0
    before = kept_in(home)
    yield home
    assert kept_in(home) == before, f"a test has changed {home.parent.name}, which others share: let it copy its own"


def kept_in(home: Path) -> tuple[list[str], list[str]]:
    """What a home keeps: its ledger row by row, and the files of its tables."""
    with closing(sqlite3.connect(home / "ledger.db")) as ledger:
        rows = list(ledger.iterdump())
    return rows, [name for name in tree(home) if name.endswith(".parquet")]


def refused(said: Said) -> str:
    """The one line on stderr, where that is all there is."""
    assert said.out == ""
    [line] = said.err.splitlines()
    assert line.startswith("kraken-history: ")
    assert "Traceback" not in line
    assert "unexpected" not in line
    return line
