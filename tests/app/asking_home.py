"""A home whose jobs ask a simulated exchange: as quickly as they can, or so slowly that they surely still run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kraken_core import Workbench
from kraken_core.domain.jobs import Control, IngestionJob, JobStatus
from kraken_core.simulator.exchange import SimulatedExchange
from tests.support.browsing import PATIENCE_MS

QUICK, SLOW = 10.0, 0.01  # requests a second and pair: a hundred seconds pass, or until it is told to stop


@dataclass(frozen=True)
class AskingHome:
    """A home that lacks what its exchange has. Its file says how quickly jobs may ask, from the next one on."""

    home: Path
    exchange: SimulatedExchange

    def pace(self, per_second: float) -> None:
        lines = [f'api_url = "{self.exchange.url}"', f"requests_per_second = {per_second}"]
        (self.home / "kraken.toml").write_text("\n".join(lines), encoding="utf-8")

    @property
    def job(self) -> IngestionJob:
        """The newest one."""
        with Workbench.open(self.home) as workbench:
            return workbench.jobs()[0]

    def missing(self) -> int:
        """Slots that are missing, of all that is held."""
        with Workbench.open(self.home) as workbench:
            return workbench.holdings.report(workbench.select()).overall.missing

    def until(self, true: Callable[[], bool]) -> None:
        """Wait for what other processes bring about."""
        deadline = time.monotonic() + PATIENCE_MS / 1000
        while not true():
            assert time.monotonic() < deadline, f"it never came to be; {self.job}"
            time.sleep(0.05)

    def started_slowly(self) -> IngestionJob:
        """A job that fills gaps in a process of its own, and waits for its turn to ask."""
        self.pace(SLOW)
        with Workbench.open(self.home) as workbench:
            job = workbench.run_detached(workbench.runner.build_plan(workbench.backfill_request()))
        self.until(lambda: any(asked.endpoint == "Trades" for asked in self.exchange.requests))
        self.pace(QUICK)
        return job

    def give_up(self) -> None:
        """Nobody goes on with what a failed test left running."""
        with Workbench.open(self.home) as workbench:
            for job in workbench.ledger.jobs([JobStatus.RUNNING]):
                workbench.ledger.request_control(job.id, Control.CANCEL)
