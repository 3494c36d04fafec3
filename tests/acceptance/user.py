"""Somebody who runs jobs against a simulated exchange, over HTTP, without a pause, and may interrupt them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from kraken_core import Workbench
from kraken_core.domain.errors import Interrupted, UnavailableError, UsageError
from kraken_core.domain.exchange import SETTLING_S
from kraken_core.domain.jobs import UNFINISHED, JobStatus
from kraken_core.domain.request import Request
from kraken_core.domain.venues import SPOT_NAME
from kraken_core.ports import Exchange
from kraken_core.simulator.exchange import SimulatedExchange
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.sources.rest import PATIENT, KrakenExchange, RetryBudget
from tests.support.steady import SteadyTime
from tests.support.strategies import FIRST_DAY


@dataclass
class User:
    """Runs jobs over a home; ``stopped`` interrupts them."""

    home: Path
    market: SimulatedMarket
    exchange: SimulatedExchange
    stopped: Callable[[], bool] = field(default=lambda: False)

    def open(self) -> Workbench:
        """A workbench that asks the exchange, without a pause, about one pair after the other."""
        opened = Workbench.open(self.home)
        bench = replace(opened, settings=replace(opened.settings, pairs_in_parallel=1))

        def asked(stop: Callable[[], bool], patience: RetryBudget | None = None, venue: str = SPOT_NAME) -> Exchange:
            waiting = SteadyTime().waiting(stop)
            names = bench.ledger.names()
            return KrakenExchange(self.exchange.url, patience=patience or PATIENT, waiting=waiting, names=names)

        bench.exchange = asked  # type: ignore[method-assign]
        return bench

    @property
    def present(self) -> int:
        return self.exchange.clock.now()

    def ingest(self, *sources: Path, **more: Any) -> None:
        asked = {"tier": "ALL", "start_date": FIRST_DAY, "complete": True, "download": False, **more}
        if not asked.get("api_backfill", True):
            asked["as_of"] = self.present - SETTLING_S
        with self.open() as bench:
            self._run(bench, bench.request(sources=sources, **asked))

    def backfill(self, **more: Any) -> None:
        with self.open() as bench:
            if bench.ledger.gaps():
                self._run(bench, bench.backfill_request(complete=True, **more))

    def resume(self) -> None:
        """Go on with whatever was interrupted."""
        with self.open() as bench:
            for job in bench.ledger.jobs(UNFINISHED):
                if job.status is not JobStatus.RUNNING:
                    self._ended(partial(bench.runner.run, job, stop=self.stopped))

    def _run(self, bench: Workbench, request: Request) -> None:
        self._ended(lambda: bench.run(bench.runner.build_plan(request), stop=self.stopped))

    def _ended(self, run: Callable[[], object]) -> None:
        with contextlib.suppress(Interrupted, UnavailableError, UsageError):  # which was said
            run()
