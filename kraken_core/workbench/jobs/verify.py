"""Verification as a user asks for it: anybody may look; what is withdrawn needs the lease that jobs hold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from kraken_core.domain.errors import JobRunningError
from kraken_core.domain.jobs import IngestionJob, JobMetrics, JobStatus
from kraken_core.domain.market import Series
from kraken_core.domain.request import Request, Selection
from kraken_core.domain.timerange import END_OF_TIME
from kraken_core.domain.verification.checks import Basis, Verification
from kraken_core.pipeline.cover import CoverageTracker
from kraken_core.pipeline.derive import Derive
from kraken_core.pipeline.verify import Verify
from kraken_core.pipeline.withdraw import Withdraw
from kraken_core.ports import Progress, never_stop
from kraken_core.workbench.jobs.lease import LEASE_S, Lease
from kraken_core.workbench.jobs.log import LOG
from kraken_core.workbench.jobs.runner import JobRunner
from kraken_core.workbench.jobs.worker_process import this_worker
from kraken_core.workbench.queries.holdings import Holdings


@dataclass(frozen=True, slots=True)
class Verifying:
    """Verifies a home, and withdraws what was contradicted."""

    runner: JobRunner
    holdings: Holdings

    def run(self, selection: Selection, progress: Progress, *, report_only: bool) -> Verification:
        """Look, without holding anybody up; then withdraw, as a job of a moment, if all is still as it was seen.

        Beside a running job nothing is withdrawn: its note says so, and the findings may be of that job's making.
        """
        runner = self.runner
        verify = Verify(runner.store, runner.ledger, runner.clock.now(), progress)
        found = verify.run(self.holdings.known(selection), selection.window(END_OF_TIME))
        if not found.withdraw or report_only:
            return replace(found, note="nothing was withdrawn, as you asked." if found.withdraw else "")
        runner.fail_stalled_jobs()
        if running := runner.ledger.jobs([JobStatus.RUNNING]):
            return replace(found, note=f"nothing was withdrawn, as job {running[0].id} is running: verify again then.")
        try:
            return replace(found, note=self._withdraw(found, progress))
        except JobRunningError as error:
            return replace(found, note=f"nothing was withdrawn: {error}")

    def _withdraw(self, found: Verification, progress: Progress) -> str:
        runner = self.runner
        as_of = self.holdings.as_of or runner.clock.now()
        pairs = tuple(sorted({series.pair for series in found.suspects}))
        waiting = runner.ledger.create_job(Request(pairs=pairs, backfill=True), as_of, [], JobMetrics())
        job = self._taken_up(waiting)
        with Lease(runner.ledger, job):
            try:
                if Basis(runner.store.version, len(runner.ledger.assertions())) != found.basis:
                    runner.ledger.move(job, job.mark_cancelled())
                    return "nothing was withdrawn, as candles or claims have changed meanwhile: verify again."
                ledger = runner.ledger.for_worker(job, lambda: runner.store.mark)
                tracker = CoverageTracker(runner.store, ledger, runner.tiers, runner.clock.now())
                Withdraw(runner.store, ledger, tracker, Derive(runner.store, ledger, never_stop), progress).run(
                    found, as_of
                )
            except BaseException as error:
                LOG.exception("job %s could not withdraw what was contradicted", job.id)
                runner.ledger.move(job, job.mark_failed(" ".join(f"{type(error).__name__}: {error}".split())))
                raise
        slots = sum(ranges.slots(series.width) for series, ranges in found.suspects.items())
        note = f"{slots:,} slots of {_named(found.suspects)} were withdrawn, and are gaps now"
        runner.ledger.add_event(job.id, "verify", note)
        runner.ledger.move(job, job.mark_completed())
        return f"{note}: kraken backfill, or the next ingest, fills those that can be filled."

    def _taken_up(self, job: IngestionJob) -> IngestionJob:
        ledger = self.runner.ledger
        try:
            return ledger.move(job, job.mark_running(this_worker(), ledger.now() + LEASE_S))
        except JobRunningError:
            ledger.move(job, job.mark_cancelled())
            raise


def _named(series: Iterable[Series]) -> str:
    """``BTC/USD 60m``, or ``BTC/USD 60m and 4 series more``."""
    first, *others = sorted(series)
    return f"{first} and {len(others):,} series more" if others else str(first)
