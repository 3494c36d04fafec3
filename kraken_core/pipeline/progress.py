"""How far a job is, as it goes: its stages, how long each took, rates, and the time it will still take."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from functools import partial

from kraken_core.domain.errors import Interrupted, KrakenError
from kraken_core.domain.jobs import MOST_UNFINISHED_PCT, STAGES, IngestionJob, JobMetrics
from kraken_core.domain.plural import counted
from kraken_core.domain.run_history import StageRun
from kraken_core.domain.time_left import SteadyTimeLeft, time_left
from kraken_core.ports import JobLedger, Progress, ProgressReport

LOG = logging.getLogger("kraken_core")


class Steps(Enum):
    """What the steps of a stage are: a job is as far as its files and requests are done."""

    FILES = "files"
    REQUESTS = "requests"
    OTHER = "other"


@dataclass(slots=True)
class Ticker:
    """Counts the steps of one stage and reports each.

    Where steps differ much, ``work`` is what all that are still to be made come to, in a unit of the stage's.
    """

    stage: str
    total: int
    report: Progress
    done: int = 0
    rows: int = 0
    work: int = 0
    _worked: int = 0
    _started: float = field(init=False)
    _before: int = -1

    def __post_init__(self) -> None:
        self._started = time.perf_counter()

    def add(self, steps: int = 1, rows: int = 0, current: str = "", work: int = 0) -> None:
        """So many more steps are done, which came to so much work and brought so many rows."""
        if self._before < 0:
            self._before = self.done  # done by an earlier run of the same job
        self.done += steps
        self.rows += rows
        self._worked += work
        seconds = max(time.perf_counter() - self._started, 1e-9)
        here = self.done - self._before
        if self.work:
            eta = time_left(here, self._worked, self.work - self._worked, seconds)
        else:
            eta = time_left(here, here, self.total - self.done, seconds)
        total = max(self.total, self.done)  # there may be more than was expected
        self.report(ProgressReport(self.stage, self.done, total, current, self.rows, self.rows / seconds, eta))


@dataclass(slots=True)
class Stages:
    """Where a running job is. ``metrics`` is what it has done so far, ``seconds`` the time each stage took.

    ``after_files`` is how long requests will take once the files are read (seconds), None while nobody can know.
    """

    job: IngestionJob
    metrics: JobMetrics
    ledger: JobLedger
    progress: Progress
    stop: Callable[[], bool]
    after_files: float | None = None
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    _furthest: int = 0
    _ended: list[StageRun] = field(default_factory=list)  # and not recorded yet
    _left: SteadyTimeLeft = field(default_factory=SteadyTimeLeft)
    _pct: float = 0.0

    @contextmanager
    def stage(
        self, name: str, steps: int = 0, done: int = 0, *, of: Steps = Steps.OTHER, work: int = 0
    ) -> Iterator[Ticker]:
        """A stage, one of STAGES, of so many steps, reported as they are made; without, it is one.

        ``done`` of them were made by an earlier run of the job; see Ticker for ``work``. The ledger gets the furthest
        stage so far: a round of repair does not look like a step back. Raises Interrupted when asked to stop.
        """
        if self.stop():
            self._record()
            raise Interrupted("paused")
        self._furthest = max(self._furthest, STAGES.index(name))
        self.ledger.progress(self.job.id, STAGES[self._furthest], self.metrics, self._ended)
        self._ended.clear()
        ticker = Ticker(name, steps or 1, partial(self._report, of, done), done, work=work)
        ticker.report(ProgressReport(name, done, ticker.total))
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

    def _report(self, of: Steps, before: int, now: ProgressReport) -> None:
        """Pass on how far a stage is, and with it the whole job, which is never less far than before."""
        here = now.done - before
        after: float | None = None  # what else the job has to do
        if of is Steps.FILES:
            pct, after = self.metrics.pct_with(files=here), self.after_files
        elif of is Steps.REQUESTS:
            pct, after = self.metrics.pct_with(requests=here), 0.0
        else:
            pct = self.metrics.progress_pct
        self._pct = max(self._pct, self.job.reached_pct, pct)
        measured = None if now.eta_seconds is None or after is None else now.eta_seconds + after
        left = self._left.follow(measured, time.perf_counter())
        self.progress(now._replace(job_pct=min(self._pct, MOST_UNFINISHED_PCT), job_eta_seconds=left))

    def _record(self) -> None:
        self.ledger.record_stages(self.job.id, self._ended)
        self._ended.clear()
