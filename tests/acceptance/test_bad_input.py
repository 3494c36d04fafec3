"""Hostile and broken input: every good row is kept, every bad one is listed, and nothing else happens."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from kraken_core import Workbench
from kraken_core.domain.jobs import FileIngestionRecord, FileStatus
from kraken_core.domain.timerange import iso
from kraken_core.workbench.jobs.runner import JobRunner
from tests.acceptance.spoiled import (
    BOMB_BYTES,
    DAMAGED,
    DAY_S,
    FLIPPED,
    HOPELESS,
    NAMES,
    SPOILED,
    START,
    THREE,
    named,
    row,
    text_of,
    write_all,
)
from tests.support.command_line import Kraken, asked, environment, process, refused, tree
from tests.support.helping import table
from tests.support.layouts import write_zip

PRESENT = "2024-04-07T00:00:00Z"
OPTIONS = ("--start-date", "2024-01-01", "--as-of", PRESENT, "--intervals", "1440")
GOOD_FILES = {named(base) for base in [*SPOILED, "SOUND", "CAREFUL"]}
BAD_FILES = {named(base): reason for base, reason in {**DAMAGED, **FLIPPED}.items()} | {
    named(base): reason for base, (_, reason) in HOPELESS.items()
}
# Runs the command line, and then tells the most memory it ever took (KiB; bytes on macOS) on the last line of stderr.
MEASURED = """
import resource, sys
from kraken_core.cli.main import run
code = run(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""
RSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Ingested:
    """A folder in which everything is spoiled, and what an ingest of it left behind."""

    place: Path
    document: dict[str, Any]
    err: str
    peak: int  # bytes
    files: dict[str, FileIngestionRecord]

    @property
    def home(self) -> Path:
        return self.place / "home"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("bad") / "place"
    write_all(place / "archives")
    for folder in ("cwd", "user", "tmp"):
        (place / folder).mkdir()
    return place


@pytest.fixture(scope="module")
def ingested(place: Path) -> Ingested:
    """The one ingest that most tests look at."""
    before = tree(place)
    document, err, peak = measured_ingest(place / "archives", place)
    after = {name: found for name, found in tree(place).items() if name.split("/")[0] != "home"}
    assert after == before, "the sources are as they were, and nothing was written outside of the home"
    with Workbench.open(place / "home") as workbench:
        files = {file.member: file for file in workbench.ledger.files(1)}
    return Ingested(place, document, err, peak, files)


def measured_ingest(source: Path, place: Path, home: str = "home") -> tuple[dict[str, Any], str, int]:
    """Ingest in a process of its own whose every folder is in ``place``: its document, its messages, its memory."""
    words = [
        "ingest",
        "--csv-source-dir",
        str(source),
        "--tier",
        "ALL",
        *OPTIONS,
        "--no-api-backfill",
        "--yes",
        "--json",
    ]
    folders = {"HOME": str(place / "user"), "TMPDIR": str(place / "tmp")}
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *words, "--home", str(place / home)],
        env=environment(folders),
        cwd=place / "cwd",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *messages, peak = done.stderr.splitlines()
    return json.loads(done.stdout), "\n".join(messages), int(peak) * RSS_UNIT


def candles(home: Path) -> dict[str, list[tuple[int, ...]]]:
    """The table's rows by base asset: day of the quarter, then the values."""
    with Workbench.open(home) as workbench:
        held = table(workbench).select("pair", "time", "open", "high", "low", "close", "volume", "trades").rows()
    by_base: dict[str, list[tuple[int, ...]]] = {}
    for pair, time, *values in held:
        day, rest = divmod(int(time.timestamp()) - START, DAY_S)
        assert rest == 0
        by_base.setdefault(pair.partition("/")[0], []).append((day, *values))
    return by_base


def test_all_good_rows_are_kept_as_they_are_and_no_other(ingested: Ingested) -> None:
    held = candles(ingested.home)
    expected = {base: spoiled.taken for base, spoiled in SPOILED.items()} | dict.fromkeys(
        ("SOUND", "CAREFUL"), (0, 1, 2)
    )
    assert held.keys() == expected.keys()
    for base, days in expected.items():
        assert held[base] == [(day, 100, 110, 90, 105, 1.5, 7) for day in days], base


def test_every_row_that_was_not_taken_is_listed_with_its_file_line_text_and_reason(ingested: Ingested) -> None:
    with (ingested.home / "rejects" / "1.csv").open(encoding="utf-8", newline="") as file:
        listed = [tuple(found.values()) for found in csv.DictReader(file)]
    archive = ingested.place / "archives" / "Kraken_OHLCVT_Q1_2024.zip"
    expected = [
        (f"{archive}/{named(base)}", str(lost.line), lost.text, lost.reason)
        for base, spoiled in SPOILED.items()
        for lost in spoiled.rejected
    ]
    assert sorted(listed) == sorted(expected)
    assert ingested.document["records"]["rejected"] == len(expected)


def test_what_a_bad_row_spoke_of_is_not_covered(ingested: Ingested) -> None:
    rows = json.loads(process("coverage", "--home", ingested.home, "--json").stdout)
    covered: dict[str, list[tuple[str, str]]] = {}
    for found in rows:
        ranges = covered.setdefault(found["pair"].partition("/")[0], [])
        joins = ranges and ranges[-1][1] == found["start"]  # a range of another grade
        ranges.append((ranges.pop()[0] if joins else found["start"], found["end"]))
    for base, spoiled in SPOILED.items():
        expected = [(iso(START + first * DAY_S), iso(START + last * DAY_S)) for first, last in spoiled.known]
        assert covered[base] == expected, base
    assert not covered.keys() & {*HOPELESS, *DAMAGED, *FLIPPED}


def test_a_file_of_which_nothing_can_be_taken_is_failed_with_its_reason_and_the_job_goes_on(ingested: Ingested) -> None:
    assert ingested.files.keys() == GOOD_FILES | BAD_FILES.keys()
    for member, file in ingested.files.items():
        reason = BAD_FILES.get(member)
        assert file.status is (FileStatus.FAILED if reason else FileStatus.COMPLETED), file.error
        assert (reason or "") in (file.error or ""), member
    counts = {"total": len(ingested.files), "ingested": len(GOOD_FILES), "skipped": 0, "failed": len(BAD_FILES)}
    assert (ingested.document["status"], ingested.document["files"]) == ("COMPLETED", counts)


def test_it_says_all_that_in_plain_lines(ingested: Ingested) -> None:
    assert "Traceback" not in ingested.err
    assert "unexpected" not in ingested.err
    assert f"{len(BAD_FILES)} failed" in ingested.err
    assert f"Rejected rows, with reasons: {ingested.home / 'rejects' / '1.csv'}" in ingested.err
    for broken in ("truncated.zip", "text.zip"):
        assert f"{broken}: it is not a zip, or not a whole one" in ingested.err
    assert "FOOBAR_1440.csv, XBTUSD.d_1440.csv" in ingested.err
    failed = [line for line in ingested.err.splitlines() if line.startswith("  ") and "get it again" in line]
    assert failed
    log = (ingested.home / "logs" / "1.log").read_text()
    assert "Traceback" not in log


def test_members_with_unsafe_or_unknown_names_are_counted_and_left_out(ingested: Ingested) -> None:
    assert not any(name in ingested.files for name in NAMES)
    outside = {path.name for path in ingested.place.parent.rglob("*") if "USD_1440" in path.name}
    assert outside == set()


def test_no_bomb_takes_memory(ingested: Ingested, tmp_path: Path) -> None:
    for folder in ("cwd", "user", "tmp"):
        (tmp_path / folder).mkdir()
    write_zip(tmp_path / "harmless.zip", {named("FINE"): THREE})
    _, _, harmless = measured_ingest(tmp_path / "harmless.zip", tmp_path)
    assert ingested.peak - harmless < BOMB_BYTES / 2


def test_the_next_run_reads_the_failed_files_again_and_those_with_rows_too_new_for_our_clock(
    ingested: Ingested,
) -> None:
    again, _, _ = measured_ingest(ingested.place / "archives", ingested.place)
    assert again["files"] == {
        "total": len(ingested.files),
        "ingested": 1,  # FUTURE
        "skipped": len(GOOD_FILES) - 1,
        "failed": len(BAD_FILES),
    }
    future = SPOILED["FUTURE"]
    assert again["records"] == {
        "read": len(future.taken) + len(future.rejected),
        "new": 0,
        "changed": 0,
        "rejected": len(future.rejected),
    }


@pytest.fixture
def archives(tmp_path: Path) -> Path:
    """Two harmless archives in a folder."""
    folder = tmp_path / "archives"
    write_zip(folder / "first.zip", {named("FIRST"): THREE})
    write_zip(folder / "second.zip", {named("SECOND"): text_of(row(0), row(1), "x")})
    return folder


def test_asked_to_it_stops_at_the_first_file_that_fails(kraken: Kraken, archives: Path) -> None:
    write_zip(archives / "third.zip", {named("THIRD"): b"busy"})
    said = kraken(*asked(archives, *OPTIONS, "--stop-on-error"), "--quiet", code=1)
    [line] = said.err.splitlines()
    assert f"job 1 failed: {named('THIRD')}" in line
    assert "kraken-history ingest --resume 1" in line
    [job] = kraken.rows("jobs", "1")
    assert (job["status"], job["files"]["failed"]) == ("FAILED", 1)
    write_zip(archives / "third.zip", {named("THIRD"): THREE})
    assert kraken.ingest(archives, *OPTIONS, "--stop-on-error")["status"] == "COMPLETED"
    assert candles(kraken.home).keys() == {"FIRST", "SECOND", "THIRD"}


def test_nothing_is_read_together_with_the_file_that_fails(kraken: Kraken, tmp_path: Path) -> None:
    """One bad file and forty good ones of one archive: all of them would be read as one batch otherwise."""
    archive = tmp_path / "archive.zip"
    write_zip(archive, {named("AAA"): b"busy", **{named(f"B{n}"): THREE for n in range(40)}})
    kraken(*asked(archive, *OPTIONS, "--stop-on-error", "--workers", 1), "--quiet", code=1)
    [job] = kraken.rows("jobs", "1")
    assert job["files"]["failed"] == 1
    assert job["files"]["ingested"] <= 1  # which was being read beside it


def begun(home: Path, source: Path) -> JobRunner:
    """A job that was planned, and whose worker then died."""
    with Workbench.open(home) as workbench:
        workbench.create_home()
        request = {"tier": "ALL", "intervals": [1440], "start_date": "2024-01-01", "as_of": PRESENT}
        workbench.runner.start(workbench.plan(sources=[source], api_backfill=False, **request))
        return workbench.runner


def test_files_that_vanished_since_the_job_began_are_failed_and_the_others_taken(
    kraken: Kraken, archives: Path
) -> None:
    begun(kraken.home, archives)
    (archives / "first.zip").unlink()
    ended = kraken("ingest", "--resume", 1, "--yes", "--json").json
    assert (ended["status"], ended["files"]["ingested"], ended["files"]["failed"]) == ("COMPLETED", 1, 1)
    assert candles(kraken.home).keys() == {"SECOND"}


def test_a_source_that_vanished_altogether_is_named_and_the_job_stays_as_it_is(kraken: Kraken, archives: Path) -> None:
    begun(kraken.home, archives)
    archives.rename(archives.with_name("elsewhere"))
    assert str(archives) in refused(kraken("ingest", "--resume", 1, "--yes", code=2))
    [job] = kraken.rows("jobs", "1")
    assert job["status"] == "PENDING"
    archives.with_name("elsewhere").rename(archives)
    assert kraken("ingest", "--resume", 1, "--yes", "--json").json["files"]["ingested"] == 2


def test_a_ledger_of_a_newer_version_is_refused_and_left_alone(kraken: Kraken, archives: Path) -> None:
    kraken.ingest(archives, *OPTIONS)
    engine = create_engine(f"sqlite:///{kraken.home / 'ledger.db'}")
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    before = tree(kraken.home)
    for words in (["jobs"], ["report"], asked(archives, *OPTIONS)):
        line = refused(kraken(*words, code=1))
        assert "written by a newer version" in line
        assert "Nothing was changed" in line
    assert tree(kraken.home) == before
