"""A job that is killed, wherever that happens, is taken up again and ends as if nothing had been."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from random import Random

import pytest

from kraken_core import failpoints
from kraken_core.failpoints import NAMES
from tests.acceptance.killed_jobs import Job, assert_same_end, run, run_for
from tests.support.command_line import Kraken

TAKEN_UP = {"rejects.rename.before", "rejects.rename.after"}  # visited by jobs that are taken up again
KILLED_ELSEWHERE = {  # the points that no job of this kind gets to, and the tests that kill there
    "backup.file": "test_backup.py",
    "backup.log": "test_backup.py",
    "backup.ledger": "test_backup.py",
    "rename.candles": "test_names.py",
    "rename.copied": "test_names.py",
    "table.widened": "test_old_homes.py",
}
OF_JOBS = NAMES - KILLED_ELSEWHERE.keys()
LAST_VISIT = 400  # far beyond what the small job does: past it, a point was visited every time there is


def test_a_job_killed_at_each_kind_of_step_in_turn_ends_the_same_when_it_is_run_again(
    job: Job, uninterrupted: Path, tmp_path: Path
) -> None:
    """The long tests kill at all points, each on its own, and at every visit."""
    for point in ("table.stage.after", "table.commit.before", "table.commit.after:4", "ledger.commit.after"):
        killed = run(job, tmp_path / "home", point)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert run(job, tmp_path / "home", "report.before").returncode == -signal.SIGKILL
    again = run(job, tmp_path / "home")
    assert json.loads(again.stdout)["status"] == "COMPLETED", again.stderr
    assert_same_end(tmp_path / "home", uninterrupted)


class Visits:
    """Stands where the name of the point to die at is, and notes every name it is compared with."""

    def __init__(self) -> None:
        self.seen: set[object] = set()

    def __eq__(self, name: object) -> bool:
        self.seen.add(name)
        return False

    __hash__ = None  # type: ignore[assignment]


def test_every_point_is_visited_by_the_job_that_is_killed_or_named_by_the_test_that_kills_there(
    kraken: Kraken, job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    visits = Visits()
    monkeypatch.setattr(failpoints, "_NAME", visits)
    kraken(*job.arguments(tmp_path / "home"))
    assert visits.seen == OF_JOBS - TAKEN_UP
    for name, file in KILLED_ELSEWHERE.items():
        assert f'"{name}' in (Path(__file__).parent / file).read_text(), name


@pytest.mark.soak
@pytest.mark.parametrize(
    ("name", "visit"),
    [
        *((name, 1) for name in sorted(OF_JOBS - TAKEN_UP)),
        ("table.commit.after", 4),
        ("ledger.commit.after", 8),
    ],
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


@pytest.mark.parametrize("name", sorted(TAKEN_UP))
@pytest.mark.soak
def test_a_job_killed_again_while_it_forgets_rows_that_it_reads_again_ends_the_same(
    name: str, job: Job, uninterrupted: Path, tmp_path: Path
) -> None:
    for point in ("rejects.after", name):
        assert run(job, tmp_path / "home", point).returncode == -signal.SIGKILL
    assert run(job, tmp_path / "home").returncode == 0
    assert_same_end(tmp_path / "home", uninterrupted)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(301))
def test_a_job_killed_at_many_moments_ends_the_same(seed: int, job: Job, uninterrupted: Path, tmp_path: Path) -> None:
    random = Random(seed)
    for _ in range(random.randint(1, 4)):
        run_for(random.uniform(0.3, 3), job, tmp_path / "home")
    assert run(job, tmp_path / "home").returncode == 0
    assert_same_end(tmp_path / "home", uninterrupted)


@pytest.mark.soak
@pytest.mark.parametrize("name", sorted(OF_JOBS))
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
        name = random.choice(sorted(OF_JOBS))
        run(job, tmp_path / "home", f"{name}:{random.randint(1, 12)}")
    assert run(job, tmp_path / "home").returncode == 0
    assert_same_end(tmp_path / "home", uninterrupted)
