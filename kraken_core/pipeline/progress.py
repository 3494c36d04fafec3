"""How far a job is, as it goes: its stages, how long each took, rates, and the time a stage will still take."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from kraken_core.domain.errors import Interrupted, KrakenError
from kraken_core.domain.jobs import STAGES, IngestionJob, JobMetrics
from kraken_core.domain.plural import counted
from kraken_core.domain.run_history import StageRun
from kraken_core.ports import JobLedger, Progress, ProgressReport

LOG = logging.getLogger("kraken_core")


@dataclass(slots=True)
class Ticker:
    """Counts the steps of one stage and reports each."""

    stage: str
    total: int
    report: Progress
    done: int = 0
    rows: int = 0
    _started: float = field(default_factory=time.perf_counter)
    _before: int = -1

    def add(self, steps: int = 1, rows: int = 0, current: str = "") -> None:
        """So many more steps are done, bringing so many rows."""
        if self._before < 0:
            self._before = self.done  # done by an earlier run of the same job
        self.done += steps
        self.rows += rows
        seconds = max(time.perf_counter() - self._started, 1e-9)
        here = self.done - self._before
        eta = seconds / here * max(0, self.total - self.done) if here and self.total else None
        total = max(self.total, self.done)  # there may be more than was expected
        self.report(ProgressReport(self.stage, self.done, total, current, self.rows, self.rows / seconds, eta))


@dataclass(slots=True)
class Stages:
    """Where a running job is. ``metrics`` is what it has done so far, ``seconds`` the time each stage took."""

    job: IngestionJob
    metrics: JobMetrics
    ledger: JobLedger
    progress: Progress
    stop: Callable[[], bool]
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    _furthest: int = 0
    _ended: list[StageRun] = field(default_factory=list)  # and not recorded yet

    @contextmanager
    def stage(self, name: str, steps: int = 0, done: int = 0) -> Iterator[Ticker]:
        """A stage, one of STAGES, of so many steps, reported as they are made; without, it is one.

        ``done`` of them were made by an earlier run of the job. The ledger gets the furthest stage so far: a round
        of repair does not look like a step back. Raises Interrupted when asked to stop.
        """
        if self.stop():
            self._record()
            raise Interrupted("paused")
        self._furthest = max(self._furthest, STAGES.index(name))
        self.ledger.progress(self.job.id, STAGES[self._furthest], self.metrics, self._ended)
        self._ended.clear()
        ticker = Ticker(name, steps or 1, self.progress, done)
        LOG.info("%s begins%s", name, f": {counted(steps - done, 'step')}" if steps else "")
        start, began = time.perf_counter(), datetime.now(UTC)
        try:
            yield ticker
        except KrakenError:
            self._ended.append(StageRun(name, began, time.perf_counter() - start))
            with suppress(KrakenError):  # the ledger, or the job, may be what is lost
                self._record()
            raise
        seconds = time.perf_counter() - start
        self.seconds[name] += seconds
        LOG.info("%s took %.2f s", name, seconds)
        self._ended.append(StageRun(name, began, seconds))
        if name == STAGES[-1]:  # no other one will bring it to the ledger
            self._record()
        if not steps:
            ticker.add()

    def _record(self) -> None:
        self.ledger.record_stages(self.job.id, self._ended)
        self._ended.clear()
