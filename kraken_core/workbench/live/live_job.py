"""A live job: for a while, what the stream brings is committed under one job's lease."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from kraken_core.domain.errors import Interrupted
from kraken_core.domain.jobs import IngestionJob
from kraken_core.domain.live_tape import LiveTape
from kraken_core.domain.market import Pair
from kraken_core.pipeline.live import Live, LiveProgress
from kraken_core.pipeline.run import JobResult
from kraken_core.ports import TradeFeed
from kraken_core.workbench.jobs.lease import Lease
from kraken_core.workbench.jobs.runner import JobRunner


@dataclass(frozen=True, slots=True)
class LiveJob:
    """What a live job carries out; ``over`` is when it is to end by itself, ``now`` the exchange's clock.

    ``refused`` is kept from one job to the next: see :class:`Live`.
    """

    feed: TradeFeed
    tapes: Mapping[Pair, LiveTape]
    now: Callable[[], int]
    over: Callable[[], bool]
    report: Callable[[LiveProgress], None]
    observe: Callable[[Live], None]
    refused: dict[Pair, str]

    def __call__(self, runner: JobRunner, job: IngestionJob, lease: Lease, stop: Callable[[], bool]) -> JobResult:
        """Commit until it is over. Raises Interrupted where the job alone was asked to stop."""
        runner.ledger.record_table_version(job.id, runner.store.version)
        live = Live(
            runner.exchange(stop),
            self.feed,
            self.tapes,
            runner.store,
            runner.ledger,
            runner.tracker(),
            self.now,
            runner.settings.pairs_in_parallel,
            runner.settings.settling_seconds,
            self.report,
            runner.keeper(runner.ledger, job),
            self.observe,
            refused=self.refused,
        )
        with suppress(Interrupted):  # a request was under way: what it was for is filled at the next start
            live.run(job, lambda: self.over() or stop())
        if lease.over:
            raise Interrupted("paused")
        job = replace(job, metrics=runner.ledger.job(job.id).metrics)
        return JobResult(job, runner.report_of(job, self.tapes.keys()), None)
