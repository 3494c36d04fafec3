"""A job's way through its stages: what it is at, how long each took, what it has done by now."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from kraken_core.domain.errors import Interrupted
from kraken_core.domain.jobs import IngestionJob, JobMetrics
from kraken_core.pipeline.progress import Ticker
from kraken_core.ports import Ledger, Progress

LOG = logging.getLogger("kraken_core")


@dataclass(slots=True)
class Stages:
    """Where a running job is. ``metrics`` is what it has done so far, ``seconds`` the time each stage took."""

    job: IngestionJob
    metrics: JobMetrics
    ledger: Ledger
    progress: Progress
    stop: Callable[[], bool]
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    @contextmanager
    def stage(self, name: str, steps: int = 0, done: int = 0) -> Iterator[Ticker]:
        """A stage of so many steps, reported as they are made; without, it is one.

        ``done`` of them were made by an earlier run of the job. Raises Interrupted when asked to stop.
        """
        if self.stop():
            raise Interrupted("paused")
        self.ledger.progress(self.job.id, name, self.metrics)
        ticker = Ticker(name, steps or 1, self.progress, done)
        LOG.info("%s begins%s", name, f": {steps - done:,} steps" if steps else "")
        start = time.perf_counter()
        yield ticker
        seconds = time.perf_counter() - start
        self.seconds[name] += seconds
        LOG.info("%s took %.2f s", name, seconds)
        if not steps:
            ticker.add()
