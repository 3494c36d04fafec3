"""The home's watch, from outside: whether it is alive, and starting, stopping and testing it."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from kraken_core.domain.errors import JobError
from kraken_core.workbench.home import OpenHome
from kraken_core.workbench.jobs.worker_process import signal_worker
from kraken_core.workbench.watch.detached import selection_options, start_detached
from kraken_core.workbench.watch.notices import TEST_NOTICE, recipients, send
from kraken_core.workbench.watch.state import WatchState, read_state

WEBHOOK = "KRAKEN_WATCH_WEBHOOK"  # of the environment: it may be a secret
TEST = signal.SIGUSR1  # to a watch: send a test notice


@dataclass(frozen=True, slots=True)
class WatchPlan:
    """What to bring up to date, and how often (minutes); without tiers and pairs everything stored."""

    every: int
    tiers: Sequence[str] = ()
    pairs: Sequence[str] = ()
    intervals: Sequence[int] = ()
    sources: Sequence[str] = ()
    api_backfill: bool = True

    @property
    def options(self) -> list[str]:
        """As ``kraken-history watch`` takes it."""
        return [
            *selection_options(self.tiers, self.pairs, self.intervals),
            *(part for source in self.sources for part in ("--csv-source-dir", source)),
            *(("--every", f"{self.every}m")),
            "--api-backfill" if self.api_backfill else "--no-api-backfill",
        ]


@dataclass(frozen=True, slots=True)
class Schedule:
    """Works from any process of the host that the watch runs on."""

    home: OpenHome

    @property
    def state(self) -> WatchState | None:
        """The newest watch, alive or not; None where there never was one. Raises HomeError."""
        return read_state(self.home.settings.home)

    @property
    def log(self) -> Path:
        """Where a watch that was started here writes to."""
        return self.home.settings.home / "logs" / "watch.log"

    @property
    def webhook_host(self) -> str:
        """The host that notices go to; "" where the environment names no webhook. Its path may be a secret."""
        return urlsplit(os.environ.get(WEBHOOK, "")).hostname or ""

    def start(self, plan: WatchPlan) -> WatchState:
        """Watch in a process of its own, which outlives this one; returns once that has begun.

        Raises JobRunningError where the home is watched already, JobError where it did not begin.
        """
        return start_detached(self.home, ["watch", *plan.options], self.log, lambda: self.state)

    def stop(self) -> None:
        """Request the watch to end; a round that runs is paused first. Raises JobError where it does not run here."""
        signal_worker(self._alive.worker, signal.SIGTERM)

    def test_notice(self) -> list[str]:
        """Send a test notice to the webhook of the environment; returns why that failed. Raises UsageError."""
        return send(TEST_NOTICE, recipients(os.environ.get(WEBHOOK), None))

    def request_test_notice(self) -> None:
        """Have the watch that runs send a test notice, to its own recipients. Raises as :meth:`stop`."""
        signal_worker(self._alive.worker, TEST)

    @property
    def _alive(self) -> WatchState:
        state = self.state
        if not state or not state.is_alive:
            raise JobError("no watch runs in this home.")
        return state
