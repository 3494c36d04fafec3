"""Verification for a user: reading needs nothing; withdrawing needs the lease of a job."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from kraken_core.domain.errors import JobRunningError, LedgerError
from kraken_core.domain.jobs import IngestionJob, JobMetrics, JobOrigin, JobStatus
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.plural import counted
from kraken_core.domain.request import JobKind, Request, Selection
from kraken_core.domain.timerange import END_OF_TIME, TimeRanges
from kraken_core.domain.verification.checks import Basis, Verification
from kraken_core.pipeline.cover import CoverageTracker
from kraken_core.pipeline.crosscheck import CrossCheck
from kraken_core.pipeline.derive import Derive
from kraken_core.pipeline.prices import PriceRules
from kraken_core.pipeline.verify import Verify
from kraken_core.pipeline.withdraw import Withdraw
from kraken_core.ports import CandleStore, Progress, never_stop
from kraken_core.workbench.jobs.lease import LEASE_S, Lease
from kraken_core.workbench.jobs.log import LOG
from kraken_core.workbench.jobs.runner import JobRunner
from kraken_core.workbench.jobs.worker_process import this_worker
from kraken_core.workbench.queries.holdings import Holdings

_ORIGIN = JobOrigin(kind=JobKind.VERIFY)


@dataclass(frozen=True, slots=True)
class Verifying:
    """Verifies a home, withdraws what was contradicted, and has the grades follow from what was found."""

    runner: JobRunner
    holdings: Holdings
    rules: PriceRules

    def run(self, selection: Selection, progress: Progress, *, report_only: bool) -> Verification:
        """Read, without blocking others; then write, as a short job, if nothing has changed since.

        Written is what is withdrawn, and by what slots are graded. Beside a running job, or where the ledger takes
        nothing, that is left out: its note says so, and the findings may come from that job.
        """
        runner = self.runner
        verify = Verify(runner.store, runner.ledger, runner.clock.now(), progress, self.rules)
        series = self.holdings.known(selection)
        found = verify.run(series, selection.window(END_OF_TIME), whole=selection.is_whole)
        if not (found.withdraw or found.unrecorded):
            return found
        left = "nothing was withdrawn" if found.withdraw else "grades were not changed"
        if report_only:
            return replace(found, note=f"{left} (--report-only).")
        try:
            runner.fail_stalled_jobs()
            if running := runner.ledger.jobs([JobStatus.RUNNING]):
                return replace(found, note=f"{left}, as job {running[0].id} is running: verify again later.")
            job = self._begun(found)
        except (JobRunningError, LedgerError) as error:
            return replace(found, note=f"{left}: {error}")
        return replace(found, note=self._write(job, found, {each.pair for each in series}, progress, left))

    def _begun(self, found: Verification) -> IngestionJob:
        """The short job, running."""
        pairs = tuple(sorted({series.pair for series in (*found.suspects, *found.unrecorded)}))
        request = Request(pairs=pairs, backfill=True)
        return self._taken_up(self.runner.ledger.create_job(request, self._as_of, [], JobMetrics(), _ORIGIN))

    @property
    def _as_of(self) -> int:
        return self.holdings.as_of or self.runner.clock.now()

    def _write(
        self, job: IngestionJob, found: Verification, pairs: Collection[Pair], progress: Progress, left: str
    ) -> str:
        runner = self.runner
        with Lease(runner.ledger, job):
            try:
                if Basis(runner.store.version, len(runner.ledger.assertions(pairs))) != found.basis:
                    runner.ledger.move(job, job.mark_cancelled())
                    return f"{left}, as candles or claims have changed meanwhile: verify again."
                ledger = runner.ledger.for_worker(job, lambda: runner.store.mark)
                ledger.record_table_version(job.id, runner.store.version)
                tracker = CoverageTracker(runner.store, ledger, runner.tiers, runner.clock.now())
                if found.withdraw:
                    derive = Derive(runner.store, ledger, never_stop)
                    Withdraw(runner.store, ledger, tracker, derive, progress).run(found, self._as_of)
                _grade(runner.store, tracker, found)
            except BaseException as error:
                LOG.exception("job %s could not withdraw what was contradicted", job.id)
                runner.ledger.move(job, job.mark_failed(" ".join(f"{type(error).__name__}: {error}".split())))
                raise
        parts = []
        if found.withdraw:
            slots = sum(ranges.slots(series.width) for series, ranges in found.suspects.items())
            advice = "kraken-history backfill, or the next ingest, fills what can be filled"
            parts.append(f"{counted(slots, 'slot')} of {_named(found.suspects)} withdrawn, now gaps: {advice}.")
        if found.unrecorded:
            parts.append(f"the evidence of {_named(found.unrecorded)} was graded by these findings.")
        for part in parts:
            runner.ledger.add_event(job.id, "verify", part)
        runner.record_completeness(job)
        runner.ledger.move(job, job.mark_completed())
        return " ".join(parts)

    def _taken_up(self, job: IngestionJob) -> IngestionJob:
        ledger = self.runner.ledger
        try:
            return ledger.move(job, job.mark_running(this_worker(), ledger.now() + LEASE_S))
        except JobRunningError:
            ledger.discard_job(job)
            raise


def _grade(store: CandleStore, tracker: CoverageTracker, found: Verification) -> None:
    """Look at what is graded otherwise as a job does at its end, and so at what was withdrawn."""
    pairs = {series.pair for series in (*found.suspects, *found.unrecorded)}
    knowledge = tracker.update_coverage_after_ingestion(pairs)
    slots = {
        series: found.unrecorded.get(series, TimeRanges()) | found.suspects.get(series, TimeRanges())
        for series in {*found.unrecorded, *found.suspects}
    }
    if CrossCheck(store, tracker.ledger, tracker).look_again(knowledge, slots).changed:
        tracker.update_coverage_after_ingestion(pairs)


def _named(series: Iterable[Series]) -> str:
    """``BTC/USD 1h``, or ``BTC/USD 1h and 4 more series``."""
    first, *others = sorted(series)
    return f"{first} and {len(others):,} more series" if others else str(first)
