"""The way back from lost candles: what sources still have is read again, and the rest becomes gaps.

The ledger comes first: from the moment in which it counts lost candles no more, its gaps are honest, and whatever
interrupts what follows costs no more than another ingest of the same archives.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from kraken_core.domain.errors import Interrupted, KrakenError
from kraken_core.domain.gaps import Route
from kraken_core.domain.jobs import UNFINISHED
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.plural import counted
from kraken_core.domain.request import Request
from kraken_core.domain.table_mark import TableMark, why_not
from kraken_core.domain.timerange import TimeRanges
from kraken_core.pipeline.cover import CoverageTracker
from kraken_core.pipeline.detect import GapRecorder
from kraken_core.pipeline.scope import scope_of
from kraken_core.ports import CandleTable, Mendable
from kraken_core.workbench.home import OpenHome
from kraken_core.workbench.open_store import open_store
from kraken_core.workbench.queries.holdings import Holdings


@dataclass(frozen=True, slots=True)
class Recovery:
    """Recovers a home whose candle table lost candles that its ledger counts. No job may run meanwhile."""

    home: OpenHome

    def run(self) -> Iterator[str]:
        """Recover, with a line for each thing done; none where nothing is lost. Raises StoreError, LedgerError."""
        ledger = self.home.ledger
        table = open_store(self.home.settings, ledger.assets)  # whatever is there, known or not
        yield from self._mend_log(table)
        known = ledger.known_table()
        another = known is not None and bool(known.identity) and known.identity != table.mark.identity
        spoiled = _discard(table) if not another else []
        if spoiled:
            files = counted(len(spoiled), "missing or damaged file")
            yield f"removed {files} from the candle table, such as {spoiled[0]}"
        found, lost = table.mark, self._lost(table)
        why = why_not(known, found, table.stamp_of)
        if not why and (not lost or (ledger.jobs(UNFINISHED) and not spoiled)):  # one may be about to replace candles
            return
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

    def _read_again(self, jobs: Collection[int]) -> Iterator[str]:
        """What those jobs were to read, source by source, as far as it is still there."""
        ledger, work = self.home.ledger, self.home.runner
        again = {}
        for request in (ledger.job(job).request for job in jobs):
            for source in request.sources:
                alone = replace(request, sources=(source,), api_backfill=False, download=False, incremental=False)
                again[alone.key] = alone
        for request in again.values():
            [source] = request.sources
            try:
                plan = work.build_plan(request)
                if plan.to_ingest:
                    job = work.run(work.start(plan), plan).job
                    yield f"job {job.id} read {source}: {counted(job.metrics.records_ingested, 'candle')} restored"
            except Interrupted:
                raise
            except KrakenError as error:
                yield f"{source} could not be read again: {error}"

    def _derive_again(self, pairs: Collection[Pair]) -> Iterator[str]:
        """What was derived and is lost, from the finer candles that are there."""
        ledger, work = self.home.ledger, self.home.runner
        if any(gap.route is Route.DERIVE and gap.series.pair in pairs for gap in ledger.gaps()):
            plan = work.build_plan(Request(pairs=tuple(pairs), backfill=True, api_backfill=False), self._as_of)
            job = work.run(work.start(plan), plan).job
            yield f"job {job.id} filled {counted(job.metrics.gaps_filled, 'gap')} from finer candles"


def _discard(table: CandleTable) -> list[str]:
    """Take what is missing or spoiled out of the table, so that the rest can be read; returns the files."""
    if not isinstance(table, Mendable) or not (spoiled := table.damaged()):
        return []
    table.discard(spoiled)
    return list(spoiled)
