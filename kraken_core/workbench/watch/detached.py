"""A watch or a live history in a process of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from kraken_core.domain.errors import JobError, JobRunningError
from kraken_core.domain.interval_units import short
from kraken_core.workbench.home import OpenHome
from kraken_core.workbench.jobs.worker_process import start_process
from kraken_core.workbench.watch.alone import alone

PATIENCE_S = 30  # for a new process to load and to begin
LOOK_EVERY_S = 0.1


class DetachedProcess(Protocol):
    """What is seen of such a process."""

    @property
    def worker(self) -> str:
        """The process."""
        ...

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        ...


S = TypeVar("S", bound=DetachedProcess)


def selection_options(tiers: Sequence[str], pairs: Sequence[str], intervals: Sequence[int]) -> list[str]:
    """A selection as commands take it; of what is empty there is no option."""
    named = {
        "--tiers": ",".join(tiers),
        "--pairs": ",".join(pairs),
        "--intervals": ",".join(map(short, intervals)),
    }
    return [part for name, value in named.items() if value for part in (name, value)]


def start_detached(home: OpenHome, words: Sequence[str], log: Path, read: Callable[[], S | None]) -> S:
    """Run a command (its name, and options but ``--home``) in a process that outlives this one.

    ``read`` is how others see it; returns what that reads once it has begun. Raises JobRunningError where the home is
    kept up to date already, JobError where it did not begin.
    """
    before, folder = read(), home.settings.home
    command, *options = words
    if before and before.is_alive:
        raise JobRunningError(f"kraken-history {command} runs in this home already: end that first.")
    home.create_home()
    with alone(folder):  # nothing else does
        pass
    start_process("kraken_core.watcher", [command, "--home", str(folder), *options], folder, log)
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        now = read()
        if now and (not before or now.worker != before.worker):
            return now
        time.sleep(LOOK_EVERY_S)
    raise JobError(f"{command} did not begin in its new process; the reason is in {log}.")
