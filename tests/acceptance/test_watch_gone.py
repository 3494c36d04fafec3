"""A watch, or a live history, that ended with its machine or its container: nobody takes it for one that runs."""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import pytest

from kraken_core import Workbench
from kraken_core.domain.errors import JobError, JobRunningError
from kraken_core.workbench.jobs.worker_process import this_worker
from kraken_core.workbench.live import state as live_state
from kraken_core.workbench.live.state import LiveState
from kraken_core.workbench.watch import state as watch_state
from kraken_core.workbench.watch.alone import LOCK, alone
from kraken_core.workbench.watch.schedule import WatchPlan
from kraken_core.workbench.watch.state import WatchState
from tests.support.command_line import Kraken

HOST, PID, BEGAN = this_worker().rsplit(":", 2)
ANOTHER_BOOT = f"{HOST.split('/')[0]}/0000face-1:{PID}:{BEGAN}"
ANOTHER_CONTAINER = f"3f2a90bc11d0/{HOST.rsplit('/', maxsplit=1)[-1]}:7:t5"


def record(home: Path, worker: str) -> None:
    """Both as they are while their process runs."""
    for file, state in (
        (watch_state.STATE, WatchState(worker, "ALL; 1h", 600, 0, 5)),
        (live_state.STATE, LiveState(worker, "ALL; 1m", 0, 5)),
    ):
        (home / file).write_text(json.dumps(asdict(state)), encoding="utf-8")


@contextmanager
def locked(home: Path, how: int = fcntl.LOCK_EX) -> Iterator[None]:
    with (home / LOCK).open("a+") as file:
        fcntl.flock(file, how)
        yield


def alive(home: Path) -> tuple[list[float], list[float]]:
    """By the metrics: the watch, the live history."""
    with Workbench.open(home) as workbench:
        found = {each.name: [sample.value for sample in each.samples] for each in workbench.metrics()}
    return found["kraken_history_watch_alive"], found["kraken_history_live_alive"]


@pytest.mark.parametrize("worker", [ANOTHER_BOOT, ANOTHER_CONTAINER], ids=["boot", "container"])
def test_one_that_ended_with_its_machine_is_not_alive(full: Kraken, worker: str) -> None:
    record(full.home, worker)
    assert alive(full.home) == ([0], [0])
    with Workbench.open(full.home) as here:
        with pytest.raises(JobError, match="no watch runs in this home"):
            here.schedule.stop()
        with pytest.raises(JobError, match="live does not run in this home"):
            here.live.stop()
        assert here.schedule.start(WatchPlan(60, ["TIER1"], api_backfill=False)).worker != worker
        here.schedule.stop()


@pytest.mark.parametrize("worker", [ANOTHER_BOOT, ANOTHER_CONTAINER], ids=["boot", "container"])
def test_one_that_runs_elsewhere_is_alive_by_its_lock(full: Kraken, worker: str) -> None:
    record(full.home, worker)
    with locked(full.home), Workbench.open(full.home) as here:
        assert alive(full.home) == ([1], [1])
        with pytest.raises(JobError, match="another host or in another container"):
            here.schedule.stop()
        with pytest.raises(JobRunningError, match="runs in this home already"):
            here.schedule.start(WatchPlan(60, ["TIER1"]))


def test_where_nothing_can_be_locked_what_it_recorded_counts(full: Kraken, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(38, "no locks available")

    record(full.home, ANOTHER_BOOT)
    (full.home / LOCK).touch()
    monkeypatch.setattr(fcntl, "flock", unsupported)
    assert alive(full.home) == ([1], [1])


def test_a_watch_of_the_home_that_a_backup_was_made_of_is_not_alive_in_the_copy(full: Kraken, tmp_path: Path) -> None:
    record(full.home, ANOTHER_CONTAINER)
    with locked(full.home):
        shutil.copytree(full.home, tmp_path / "copy", ignore=shutil.ignore_patterns(LOCK))
        assert alive(tmp_path / "copy") == ([0], [0])


def test_who_only_looks_keeps_no_watch_from_beginning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flock, refused = fcntl.flock, list[int]()
    with (tmp_path / LOCK).open("a+") as look:
        flock(look, fcntl.LOCK_SH)

        def until_looked(file: int, how: int) -> None:
            try:
                flock(file, how)
            except BlockingIOError:
                refused.append(how)
                flock(look, fcntl.LOCK_UN)
                raise

        monkeypatch.setattr(fcntl, "flock", until_looked)
        with alone(tmp_path):
            assert len(refused) == 1
