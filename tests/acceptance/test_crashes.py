"""A job that is killed, wherever that happens, is taken up again and ends as if nothing had been."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from polars.testing import assert_frame_equal

from kraken_core import Workbench
from kraken_core.domain.jobs import JobStatus
from kraken_core.domain.market import INTERVALS, Pair
from kraken_core.domain.timerange import iso
from kraken_core.failpoints import NAMES
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import DAY_S, Layout, Release
from tests.acceptance.helping import table, written
from tests.strategies import FIRST_DAY, START

DAYS = range(4, 14)  # an archive each, so that their small files are worth merging
LAST_VISIT = 400  # far beyond what the small job does: past it, a point was visited every time there is


@dataclass(frozen=True)
class Job:
    """A request over archives that overlap, of several vintages, one of them with a bad row."""

    market: SimulatedMarket
    sources: list[Path]

    def arguments(self, home: Path) -> list[str]:
        named = [word for path in self.sources for word in ("--csv-source-dir", str(path))]
        window = ["--tier", "ALL", "--start-date", str(FIRST_DAY), "--as-of", iso(self.market.end)]
        return ["ingest", "--home", str(home), *named, *window, "--yes", "--json", "--workers", "1"]


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    listings = [
        Listing(Pair("BTC", "USD"), 0.2, 97_000, 1, 0.05),
        Listing(Pair("ADA", "USD"), 0.02, 0.45, 6, 400),
    ]
    market = SimulatedMarket.make(11, listings, START, START + 14 * DAY_S)
    generated = FIRST_DAY + timedelta(days=20)
    made = [
        Release("first.zip", START, START + 2 * DAY_S, manifest=True, generated=generated, intervals=(1, 5, 60, 1440)),
        Release("second.zip", START + DAY_S, START + 4 * DAY_S, Layout.FOLDER, intervals=INTERVALS),
        Release("third.zip", START + DAY_S, START + 3 * DAY_S, manifest=True, generated=generated, volume_error=0.002),
        *(Release(f"{day}.zip", START + day * DAY_S, START + (day + 1) * DAY_S, intervals=(60,)) for day in DAYS),
    ]
    sources = written(market, made, tmp_path_factory.mktemp("archives"))
    spoiled = sources[1] / "ADAUSD_60.csv"
    spoiled.write_text(spoiled.read_text() + "1775000000,not,a,candle\n")
    return Job(market, sources)


@pytest.fixture(scope="module")
def uninterrupted(job: Job, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("uninterrupted") / "home"
    run(job, home).check_returncode()
    return home


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
        report = workbench.held.report(workbench.select())
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


@pytest.mark.parametrize(
    ("name", "visit"), [*((name, 1) for name in sorted(NAMES)), ("table.commit.after", 4), ("ledger.commit.after", 8)]
)
def test_a_job_killed_at_any_point_ends_the_same_when_it_is_run_again(
    name: str, visit: int, job: Job, uninterrupted: Path, tmp_path: Path
) -> None:
    killed = run(job, tmp_path / "home", f"{name}:{visit}")
    if killed.returncode != 0:
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        again = run(job, tmp_path / "home")
        assert json.loads(again.stdout)["status"] == "COMPLETED", again.stderr
    elif visit == 1:
        pytest.fail("the point is never visited: the test proves nothing")
    assert_same_end(tmp_path / "home", uninterrupted)


def killed_at_moments(seed: int, job: Job, uninterrupted: Path, home: Path) -> None:
    """Kill and take up the job at moments of a seed's choice; then let it end, and compare."""
    random = Random(seed)
    for _ in range(random.randint(1, 4)):
        run_for(random.uniform(0.3, 3), job, home)
    assert run(job, home).returncode == 0
    assert_same_end(home, uninterrupted)


def test_a_job_killed_at_any_moment_ends_the_same_when_it_is_run_again(
    job: Job, uninterrupted: Path, tmp_path: Path
) -> None:
    killed_at_moments(0, job, uninterrupted, tmp_path / "home")


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1, 301))
def test_a_job_killed_at_many_moments_ends_the_same(seed: int, job: Job, uninterrupted: Path, tmp_path: Path) -> None:
    killed_at_moments(seed, job, uninterrupted, tmp_path / "home")


@pytest.mark.soak
@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_job_killed_at_every_visit_of_every_point_ends_the_same(
    name: str, job: Job, uninterrupted: Path, tmp_path: Path
) -> None:
    for visit in range(1, LAST_VISIT):
        home = tmp_path / str(visit)
        if run(job, home, f"{name}:{visit}").returncode == 0:
            return
        assert run(job, home).returncode == 0
        assert_same_end(home, uninterrupted)
    pytest.fail(f"{name} is visited more than {LAST_VISIT} times")


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(200))
def test_a_job_killed_again_and_again_ends_the_same(seed: int, job: Job, uninterrupted: Path, tmp_path: Path) -> None:
    random = Random(seed)
    for _ in range(random.randint(1, 5)):
        name = random.choice(sorted(NAMES))
        run(job, tmp_path / "home", f"{name}:{random.randint(1, 12)}")
    assert run(job, tmp_path / "home").returncode == 0
    assert_same_end(tmp_path / "home", uninterrupted)
