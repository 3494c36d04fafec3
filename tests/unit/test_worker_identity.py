"""A worker is known by when it started, whatever becomes of the clock meanwhile."""

from __future__ import annotations

import subprocess
import sys

import psutil
import pytest

from kraken_core.workbench.jobs.worker_process import is_lost, this_worker


@pytest.mark.parametrize("step", [-86_400, -3, 3, 3600])
def test_a_worker_is_not_lost_when_the_clock_is_set(monkeypatch: pytest.MonkeyPatch, step: float) -> None:
    worker = this_worker()
    started = psutil.Process().create_time()
    # What psutil tells of a process's start is what the clock said when the machine booted, as it is set by now.
    monkeypatch.setattr(psutil.Process, "create_time", lambda _: started + step)
    assert not is_lost(worker)


def test_a_worker_that_ended_is_lost() -> None:
    here = "from kraken_core.workbench.jobs.worker_process import this_worker; print(this_worker())"
    ended = subprocess.run([sys.executable, "-c", here], check=True, capture_output=True, text=True).stdout.strip()
    assert is_lost(ended)


def test_a_process_that_was_given_the_number_of_a_worker_is_not_the_worker() -> None:
    host, pid, started = this_worker().rsplit(":", 2)
    assert is_lost(f"{host}:{pid}:{started}0")


def test_of_a_worker_on_another_host_nothing_is_known() -> None:
    _, pid, started = this_worker().rsplit(":", 2)
    assert not is_lost(f"elsewhere/abc:{pid}:{started}0")


def test_workers_of_earlier_versions_are_known_by_the_clock() -> None:
    host, pid, _ = this_worker().rsplit(":", 2)
    started = psutil.Process().create_time()
    assert not is_lost(f"{host}:{pid}:{started:.2f}")
    assert is_lost(f"{host}:{pid}:{started - 60:.2f}")
