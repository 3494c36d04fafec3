"""The way back from lost candles: what sources still have is read again, and the rest becomes gaps.

The ledger comes first: from the moment in which it counts lost candles no more, its gaps are honest, and whatever
interrupts what follows costs no more than another repair, or another ingest of the same archives.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from kraken_core.domain.errors import HomeError, Interrupted, KrakenError, SourceError
from kraken_core.domain.formatting import byte_size
from kraken_core.domain.gaps import Route
from kraken_core.domain.jobs import UNFINISHED, IngestionJob
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.plan import IngestionPlan
from kraken_core.domain.plural import counted
from kraken_core.domain.request import Request
from kraken_core.domain.table_mark import TableMark, why_not
from kraken_core.domain.timerange import TimeRanges
from kraken_core.pipeline.cover import CoverageTracker
from kraken_core.pipeline.detect import GapRecorder
from kraken_core.pipeline.scope import scope_of
from kraken_core.ports import CandleTable, Mendable
from kraken_core.workbench.health.doctor import HealthCheck, Status
from kraken_core.workbench.home import OpenHome
from kraken_core.workbench.jobs import disk
from kraken_core.workbench.open_store import open_store
from kraken_core.workbench.queries.holdings import Holdings


@dataclass(frozen=True, slots=True)
class Recovery:
    """Recovers a home whose candle table lost candles that its ledger counts. No job may run meanwhile."""

    home: OpenHome

    def run(self) -> Iterator[str | HealthCheck]:
        """Recover, with a line for each thing done, and a check for each that failed; none where nothing is lost.

        Raises StoreError, LedgerError, and HomeError where there is too little disk to begin.
        """
        ledger = self.home.ledger
        table = open_store(self.home.settings, ledger.assets)  # whatever is there, known or not
        yield from self._mend_log(table)
        known = ledger.known_table()
        another = known is not None and bool(known.identity) and known.identity != table.mark.identity
        spoiled = table.damaged() if isinstance(table, Mendable) and not another else []
        if spoiled and isinstance(table, Mendable):
            self._require_room(spoiled)
            table.discard(spoiled)
            files = counted(len(spoiled), "missing or damaged file")
            yield f"removed {files} from the candle table, such as {spoiled[0]}"
        found, lost = table.mark, self._lost(table)
        why = why_not(known, found, table.stamp_of)
        if not why and (not lost or (ledger.jobs(UNFINISHED) and not spoiled)):  # one may be about to replace candles
            if not lost:
                yield from self._carry_on()
            return
        self._require_room(())
        jobs: Collection[int] | None = self._beyond(table, found) if why else ()
        if another:
            jobs = None if lost else ()
        forgotten = ledger.forget_lost(jobs, lost, found)
        if not forgotten.pairs:
            yield f"the candle table was not the recorded one ({why}); it has all counted candles, and is recorded now"
            return
        self._detect(table, forgotten.pairs)
        first, *others = forgotten.pairs
        named = f"{first} and {counted(len(others), 'other pair')}" if others else first
        yield f"candles of {named} were lost ({why or 'fewer than counted'}), and are gaps"
        yield from self._read_again(forgotten.jobs)
        yield from self._derive_again(forgotten.pairs)

    @property
    def _as_of(self) -> int | None:
        """The instant of the last detection, also where an undo is not completed: that needs a sound table first."""
        return Holdings(self.home.ledger, self.home.store, self.home.tiers).as_of

    def _carry_on(self) -> Iterator[str | HealthCheck]:
        """Read again what an earlier repair could not, or did not come to, and nothing else brought since."""
        ledger = self.home.ledger
        covered: dict[Series, TimeRanges] = defaultdict(TimeRanges)
        for known in ledger.coverage():
            covered[known.series] |= TimeRanges.single(known.start, known.end)
        missed = {
            job: pairs
            for job, lost in ledger.not_read_again().items()
            if (pairs := {series.pair for series, ranges in lost.items() if ranges - covered[series]})
        }
        if missed:
            yield from self._read_again(missed)
            yield from self._derive_again(set().union(*missed.values()))

    def _require_room(self, spoiled: Collection[str]) -> None:
        """Raises HomeError where what is lost could not be read again: then nothing is given up yet."""
        settings = self.home.settings
        if not settings.store_is_local:
            return
        files = [settings.store_path / path for path in spoiled]
        needed = sum(file.stat().st_size for file in files if file.exists())
        if (free := disk.free_bytes(settings.store_path)) < needed + disk.RESERVE_BYTES:
            raise HomeError(
                f"too little disk to restore lost candles in {settings.store_path}: {byte_size(free)} are free, and "
                f"{byte_size(disk.RESERVE_BYTES)} are kept in reserve. Nothing was given up: free some space, then "
                "kraken-history doctor --repair again."
            )

    def _mend_log(self, table: CandleTable) -> Iterator[str]:
        """Have the table's log be readable again, of whichever version."""
        aside = self.home.settings.home / "damaged-log"
        if isinstance(table, Mendable) and (moved := table.mend_log(aside)):
            files = counted(len(moved), "file")
            yield f"moved {files} of the table's log, unreadable or behind such a one, to {aside}: {moved[0]} …"

    def _lost(self, table: CandleTable) -> dict[Series, TimeRanges]:
        """The covered ranges in which the table has fewer candles than the ledger counts."""
        tracker = CoverageTracker(table, self.home.ledger, self.home.tiers, self.home.clock.now())
        return tracker.lost_ranges()

    def _beyond(self, table: CandleTable, found: TableMark) -> Collection[int]:
        """The jobs that brought the table further than it is, or another way."""
        reached = self.home.ledger.jobs_reached().items()
        as_found = {job: mark._replace(identity=found.identity) for job, mark in reached}
        return [job for job, mark in as_found.items() if why_not(mark, found, table.stamp_of)]

    def _detect(self, table: CandleTable, pairs: Collection[Pair]) -> None:
        """Coverage and gaps of what is left, as of the last detection; what was expected stays expected."""
        ledger, work = self.home.ledger, self.home.runner
        tracker = CoverageTracker(table, ledger, self.home.tiers, work.clock.now())
        knowledge = tracker.update_coverage_after_ingestion(pairs)
        as_of = self._as_of or work.clock.now()
        request = Request(pairs=tuple(pairs), backfill=True)
        GapRecorder(ledger, scope_of(ledger, request, as_of)).run(knowledge, pairs)

    def _read_again(self, jobs: Collection[int]) -> Iterator[str | HealthCheck]:
        """What those jobs were to read, source by source, as far as it is still there."""
        ledger = self.home.ledger
        again = {}
        for request in (ledger.job(job).request for job in jobs):
            for source in request.sources:
                alone = replace(request, sources=(source,), api_backfill=False, download=False, incremental=False)
                again[alone.key] = alone
        for request in again.values():
            [source] = request.sources
            try:
                plan = self.home.runner.build_plan(request)
                if plan.to_ingest:
                    job = self._done(plan)
                    yield f"job {job.id} read {source}: {counted(job.metrics.records_ingested, 'candle')} restored"
            except Interrupted:
                raise
            except KrakenError as error:
                # Without its archive a loss is a gap like any other; all else is in the way of a repair.
                status = Status.WARNING if isinstance(error, SourceError) else Status.PROBLEM
                message = f"{source} could not be read again: {error} Then: kraken-history doctor --repair again."
                yield HealthCheck("lost candles", status, message)

    def _derive_again(self, pairs: Collection[Pair]) -> Iterator[str]:
        """What was derived and is lost, from the finer candles that are there."""
        if any(gap.route is Route.DERIVE and gap.series.pair in pairs for gap in self.home.ledger.gaps()):
            request = Request(pairs=tuple(sorted(pairs)), backfill=True, api_backfill=False)
            job = self._done(self.home.runner.build_plan(request, self._as_of))
            yield f"job {job.id} filled {counted(job.metrics.gaps_filled, 'gap')} from finer candles"

    def _done(self, plan: IngestionPlan) -> IngestionJob:
        """The job of a plan that can go well, completed: where one of the same request did not end, that one."""
        work = self.home.runner
        work.check_ready(plan)
        unfinished = work.unfinished(plan.request)
        return (work.run(unfinished) if unfinished else work.run(work.start(plan), plan)).job
