"""A job to kill: what it is asked for, how it is run, and all that can be seen of the home it leaves."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from polars.testing import assert_frame_equal

from kraken_core import Workbench
from kraken_core.domain.jobs import JobStatus
from kraken_core.domain.market import INTERVALS, Pair
from kraken_core.domain.timerange import iso
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import DAY_S, Release, ReleaseLayout
from tests.support.helping import table, written
from tests.support.strategies import FIRST_DAY, START

DAYS = range(4, 14)  # an archive each, so that their small files are worth merging


@dataclass(frozen=True)
class Job:
    """A request over archives that overlap, of several vintages, one of them with a bad row."""

    market: SimulatedMarket
    sources: list[Path]

    def arguments(self, home: Path) -> list[str]:
        named = [word for path in self.sources for word in ("--csv-source-dir", str(path))]
        window = ["--tier", "ALL", "--start-date", str(FIRST_DAY), "--as-of", iso(self.market.end)]
        return [
            "ingest",
            "--home",
            str(home),
            *named,
            *window,
            "--no-api-backfill",
            "--yes",
            "--json",
            "--workers",
            "1",
        ]


def make_job(folder: Path) -> Job:
    """A job whose archives lie in ``folder``."""
    listings = [
        Listing(Pair("BTC", "USD"), 0.2, 97_000, 1, 0.05),
        Listing(Pair("ADA", "USD"), 0.02, 0.45, 6, 400),
    ]
    market = SimulatedMarket.make(11, listings, START, START + 14 * DAY_S)
    generated = FIRST_DAY + timedelta(days=20)
    made = [
        Release("first.zip", START, START + 2 * DAY_S, manifest=True, generated=generated, intervals=(1, 5, 60, 1440)),
        Release("second.zip", START + DAY_S, START + 4 * DAY_S, ReleaseLayout.FOLDER, intervals=INTERVALS),
        Release("third.zip", START + DAY_S, START + 3 * DAY_S, manifest=True, generated=generated, volume_error=0.002),
        *(Release(f"{day}.zip", START + day * DAY_S, START + (day + 1) * DAY_S, intervals=(60,)) for day in DAYS),
    ]
    sources = written(market, made, folder)
    spoiled = sources[1] / "ADAUSD_60.csv"
    spoiled.write_text(spoiled.read_text() + "1775000000,not,a,candle\n")
    return Job(market, sources)


def run(job: Job, home: Path, failpoint: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "KRAKEN_FAILPOINT": failpoint}
    command = [sys.executable, "-m", "kraken_core", *job.arguments(home)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def run_for(seconds: float, job: Job, home: Path) -> None:
    """Start the job, and kill it where it is by then."""
    command = [sys.executable, "-m", "kraken_core", *job.arguments(home)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()


def state(home: Path) -> dict[str, Any]:
    """All that a user can see of a home, but for the numbers of jobs and gaps."""
    with Workbench.open(home) as workbench:
        *_, done = (job for job in workbench.jobs() if job.status is JobStatus.COMPLETED)  # others found it all done
        gaps = workbench.ledger.gaps()
        report = workbench.holdings.report(workbench.select())
        return {
            "table": table(workbench),
            "coverage": workbench.ledger.coverage(),
            "gaps": [(g.series, g.start, g.end, g.candles, g.status, g.route, g.reason) for g in gaps],
            "report": report.series,
            "files": sorted((f.member, f.status, f.content_hash, f.records) for f in workbench.ledger.files(done.id)),
            "rejects": sorted((home / "rejects" / f"{done.id}.csv").read_text().splitlines()),
        }


def assert_same_end(home: Path, uninterrupted: Path) -> None:
    ended, expected = state(home), state(uninterrupted)
    assert_frame_equal(ended.pop("table"), expected.pop("table"))
    for name, value in expected.items():
        assert ended[name] == value, name
