"""The home's live history, from outside: whether it is alive, how far it is, starting and stopping it."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from kraken_core.domain.errors import JobError
from kraken_core.workbench.home import OpenHome
from kraken_core.workbench.jobs.worker_process import signal_worker
from kraken_core.workbench.live.state import LiveState, read_state
from kraken_core.workbench.watch.detached import selection_options, start_detached


@dataclass(frozen=True, slots=True)
class LivePlan:
    """What to keep current, of tiers or pairs; without intervals all of them, from ``start_date`` (a UTC day) on."""

    tiers: Sequence[str] = ()
    pairs: Sequence[str] = ()
    intervals: Sequence[int] = ()
    start_date: date | None = None

    @property
    def options(self) -> list[str]:
        """As ``kraken-history live`` takes it."""
        start = ["--start-date", self.start_date.isoformat()] if self.start_date else []
        return [*selection_options(self.tiers, self.pairs, self.intervals), *start]


@dataclass(frozen=True, slots=True)
class LiveControl:
    """Works from any process of the host that it runs on."""

    home: OpenHome

    @property
    def state(self) -> LiveState | None:
        """The newest live history, alive or not; None where there never was one. Raises HomeError."""
        return read_state(self.home.settings.home)

    @property
    def log(self) -> Path:
        """Where one that was started here writes to."""
        return self.home.settings.home / "logs" / "live.log"

    def start(self, plan: LivePlan) -> LiveState:
        """Follow the exchange in a process of its own, which outlives this one; returns once that has begun.

        Raises JobRunningError where the home is kept up to date already, JobError where it did not begin.
        """
        return start_detached(self.home, ["live", *plan.options], self.log, lambda: self.state)

    def stop(self) -> None:
        """Request it to end; what is whole is stored first. Raises JobError where it does not run here."""
        state = self.state
        if not state or not state.is_alive:
            raise JobError("live does not run in this home.")
        signal_worker(state.worker, signal.SIGTERM)
