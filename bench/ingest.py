"""Ingest: as a ratio to the raw loop, with its memory, and what the ledger takes of it."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.archives import made, raw_loop
from bench.figures import Figure
from bench.processes import children_s, environment
from tests.support.databases import new_schema
from tests.support.postgres_server import PostgreSQL

GIB = 2**30


@dataclass(frozen=True)
class Case:
    """An archive to make and to ingest."""

    pairs: int
    minutes: int
    ratio: float  # of the raw loop's rows per second
    small: bool = False  # files; then what counts is the cost of each

    def __str__(self) -> str:
        return f"{self.pairs} × {self.minutes:,}"


QUICK = [Case(8, 500_000, 1.3), Case(150, 20_000, 5, small=True)]
FULL = [Case(40, 2_000_000, 1.3), Case(600, 20_000, 5, small=True)]


def ingest(*, full: bool, runs: int) -> Iterator[Figure]:
    """Large files and many small ones."""
    for case in FULL if full else QUICK:
        with tempfile.TemporaryDirectory(prefix="kraken-bench-") as folder:
            yield from _measured(case, Path(folder), runs)


def _measured(case: Case, folder: Path, runs: int) -> Iterator[Figure]:
    archive = made(folder / "archive.zip", case.pairs, case.minutes)
    ratios, whole, told = [], [], []
    _ingested(archive, folder / "home", folder / "seen.json")  # compiles modules, and has the archive in memory
    for _ in range(runs):
        shutil.rmtree(folder / "home", ignore_errors=True)
        raw = raw_loop(archive, folder / "raw")
        before = children_s()
        told.append(_ingested(archive, folder / "home", folder / "seen.json"))
        whole.append(raw.processor_s / (children_s() - before))
        ratios.append(told[-1]["records"]["read"] / told[-1]["seconds"]["ingest"] / raw.rows_per_second)
    files = told[0]["files"]["total"]
    yield Figure(
        f"ingest of {case} minutes, of the raw loop's rows a second", statistics.median(ratios), case.ratio, least=True
    )
    yield Figure(f"ingest of {case}: raw loop's processor time, of ours", statistics.median(whole), 1, least=True)
    yield Figure(f"ingest of {case}: process start to first byte", _median(told, "first_byte"), 2, "s")
    if case.small:
        yield Figure(f"ingest of {case}: ledger and coverage, a file", _median(told, "ledger") / files * 1e6, 100, "µs")
    else:
        share = statistics.median(each["seen"]["ledger"] / each["seconds"]["total"] for each in told)
        yield Figure(f"ingest of {case}: ledger and coverage, of the whole", share * 100, 1, "%")
        yield from _on_postgres(case, archive, folder, runs)
    share = statistics.median(each["seen"]["check"] / each["seen"]["processor"] for each in told)
    yield Figure(f"ingest of {case}: end-of-job check, of its processor time", share * 100, 5, "%")
    yield Figure(f"ingest of {case}: peak memory", max(each["seen"]["memory"] for each in told) / GIB, 1.5, "GiB")
    if case.small:
        began = time.perf_counter()
        _ingested(archive, folder / "home", folder / "seen.json")
        yield Figure(f"the same again, {files:,} files known: whole process", time.perf_counter() - began, 1.2, "s")


def _on_postgres(case: Case, archive: Path, folder: Path, runs: int) -> Iterator[Figure]:
    """What a ledger on a server takes of an ingest."""
    # Not in this folder: as root the server runs as another user, for whom that one stays closed.
    place = Path(tempfile.mkdtemp(prefix="kraken-postgres-"))
    try:
        server = PostgreSQL(place)
    except Exception as error:  # noqa: BLE001 - whatever it is, it means that there is no server
        print(f"PostgreSQL cannot be had here: {error}")
        return
    try:
        shares = []
        for run in range(runs):
            told = _ingested(archive, folder / f"home{run}", folder / "seen.json", new_schema(server.url))
            shares.append(told["seen"]["ledger"] / told["seconds"]["total"])
    finally:
        server.remove()
        shutil.rmtree(place, ignore_errors=True)
    yield Figure(f"ingest of {case}: the same on PostgreSQL", statistics.median(shares) * 100, 1, "%")


def _median(told: list[dict[str, Any]], what: str) -> float:
    return float(statistics.median(each["seen"][what] for each in told))


def _ingested(archive: Path, home: Path, seen: Path, ledger: str = "") -> dict[str, Any]:
    """One ingest, in a process of its own; what it says of itself, and what was seen of it."""
    command = [
        sys.executable,
        "-m",
        "bench.watched",
        str(seen),
        "ingest",
        "--json",
        "--quiet",
        "--yes",
        "--no-api-backfill",
        "--tier",
        "ALL",
    ]
    told = subprocess.run(
        [*command, "--home", str(home), "--csv-source-dir", str(archive), "--start-date", "2020-01-01"],
        check=True,
        stdout=subprocess.PIPE,
        env={**environment(), **({"KRAKEN_LEDGER": ledger} if ledger else {})},
    )
    return {**json.loads(told.stdout), "seen": json.loads(seen.read_text())}
