"""Ingest: archives into the candle table. Workers read and stage; this, the one coordinator, commits.

Order of truth: candles durable and committed first, then file states, claims and metrics in one ledger transaction.
A crash between the two costs one repeated batch that finds its rows already there.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from kraken_core.domain.candles import Source, derived_rank
from kraken_core.domain.coverage import Assertion, by_series, known
from kraken_core.domain.errors import Interrupted, JobError
from kraken_core.domain.identities import Identities
from kraken_core.domain.jobs import FileIngestionRecord, FileStatus, IngestionJob, JobMetrics
from kraken_core.domain.kept_trades import KeptClaim, TradeSource
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.plan import IngestionPlan
from kraken_core.domain.plural import counted
from kraken_core.domain.timerange import END_OF_TIME, TimeRanges, ceil, floor
from kraken_core.pipeline.batches import BATCH_BYTES, NOWHERE, BatchFile, BatchReceipt, FileReceipt, KeptFile, batches
from kraken_core.pipeline.derive import above
from kraken_core.pipeline.differences import Differing
from kraken_core.pipeline.ingested_contents import IngestedContents
from kraken_core.pipeline.keep_trades import KeptOffer, TradeKeeper
from kraken_core.pipeline.progress import Ticker
from kraken_core.pipeline.read import read_batch
from kraken_core.pipeline.read_trades import read_trades_batch
from kraken_core.pipeline.same_content import ContentNames, read_again
from kraken_core.ports import (
    CandleSource,
    CandleStore,
    ClaimLedger,
    DifferenceLedger,
    JobLedger,
    KeptLedger,
    Merged,
    RejectLog,
    Staging,
    TradeStaging,
)

LOG = logging.getLogger("kraken_core")
LISTEN_S = 0.2  # how often a job that waits for a batch hears that it is to stop
_EVER = TimeRanges.single(0, END_OF_TIME)
COMMIT_EVERY_S = 1.0  # what a crash costs at most, on top of what is being read


class FileLedger(JobLedger, ClaimLedger, DifferenceLedger, KeptLedger, Protocol):
    """What files are recorded in."""


@dataclass(frozen=True, slots=True)
class Ingest:
    """Reads the files of a job into the table."""

    source: CandleSource
    store: CandleStore
    ledger: FileLedger
    rejects: RejectLog
    executor: Executor
    in_flight: int  # batches read at once, at most: bounds the memory
    now: int
    stop: Callable[[], bool]
    identities: Callable[[], Identities]
    keeper: TradeKeeper | None = None

    def run(self, job: IngestionJob, plan: IngestionPlan, ticker: Ticker) -> JobMetrics:
        """Read what is pending of the plan, newest vintage first, so that older ones find better rows in place.

        Returns the job's metrics. Raises Interrupted when asked to stop, JobError at the first bad file where the
        request says so; what was committed until then is kept and recorded.
        """
        metrics = job.metrics
        pending = {(r.path, r.member, r.series): r for r in self.ledger.pending_files(job.id)}
        self.rejects.forget(job.id, pending.values())
        metrics = self._give_up(job, metrics, plan, pending)
        self.ledger.record_archives([archive for archive in plan.archives if archive.complete])
        refuted = self._refuted()
        differing = Differing(self.store, self.ledger, job.id)
        contents = IngestedContents.of(self.ledger.known_contents())
        limit = 0 if job.request.stop_on_error else BATCH_BYTES
        for wave in self._keeping(_waves(plan, pending, refuted)):
            for receipts in self._read(batches(wave, limit), contents):
                metrics = self._commit(job, metrics, receipts, differing)
                text = sum(file.record.size for receipt in receipts for file in receipt.files)
                ticker.add(sum(len(r.files) for r in receipts), _records(receipts), _current(receipts), text)
                if job.request.stop_on_error and metrics.files_failed:
                    raise JobError(_first_failure(receipts))
        if self.keeper:
            self.keeper.report()
        return metrics

    def _give_up(
        self,
        job: IngestionJob,
        metrics: JobMetrics,
        plan: IngestionPlan,
        pending: Mapping[tuple[str, str, Series], FileIngestionRecord],
    ) -> JobMetrics:
        """Files that were there when the job began and are no more are FAILED, and the job continues."""
        there = {(planned.file.path, planned.file.member, planned.file.series) for planned in plan.files}
        gone = [
            record.mark_failed("it is no longer where it was when the job began")
            for key, record in pending.items()
            if key not in there
        ]
        if gone:
            metrics = _added(metrics, [FileReceipt(record, TimeRanges()) for record in gone])
            self.ledger.record_files(job.id, gone, [], {}, metrics)
        return metrics

    def _keeping(self, waves: Iterable[list[BatchFile]]) -> Iterator[list[BatchFile]]:
        """Files of trades that are to be kept, with what is kept already; all others as they are."""
        if not self.keeper:
            yield from waves
            return
        for wave in waves:
            of_trades = {i.file.series.pair for i in wave if i.file.source is Source.TRADES}
            kept: dict[Pair, frozenset[str]] = {p: frozenset() for p in of_trades if self.keeper.wanted(p)}
            for claim in self.ledger.kept_claims(kept.keys()) if kept else ():
                kept[claim.pair] |= {claim.evidence}
            yield [
                item._replace(kept=kept.get(item.file.series.pair)) if item.file.source is Source.TRADES else item
                for item in wave
            ]

    def _read(self, todo: Iterator[tuple[BatchFile, ...]], contents: IngestedContents) -> Iterator[list[BatchReceipt]]:
        """Batches read by the executor, all of a second at once: a commit costs the same for one as for many.

        Files with another pair's content are refused, and the others of their batch read again: all were staged as one.
        """
        running: dict[Future[BatchReceipt], tuple[BatchFile, ...]] = {}
        names = ContentNames.of(self.ledger, self.identities, contents.by_series)
        trades = self.keeper.table if self.keeper else None
        queue = deque(todo)
        ready: list[BatchReceipt] = []
        since = time.monotonic()
        while queue or running:
            while queue and len(running) < self.in_flight and not self.stop():
                batch = queue.popleft()
                known = contents.concerning(batch)
                reading = self.executor.submit(
                    _read_any, batch, self.source, self.store, known, self.now, trades=trades
                )
                running[reading] = batch
            if not running:
                raise Interrupted("paused")
            done, _ = wait(running, LISTEN_S, return_when=FIRST_COMPLETED)
            finished = [(future, running.pop(future)) for future in done]
            if self.stop():  # files that no worker reads yet are left; where there are no workers, that is all
                running = {future: batch for future, batch in running.items() if not future.cancel()}
            broken = [future for future in done if future.exception()]
            for batch, receipt in ((batch, future.result()) for future, batch in finished if future not in broken):
                refused = names.refused(batch, receipt)
                queue.extendleft(read_again(batch, refused))
                ready.append(BatchReceipt((), tuple(refused)) if refused else contents.once(receipt))
            due = broken or not running or time.monotonic() - since > COMMIT_EVERY_S or _failed(ready)
            if ready and due:
                yield ready
                ready, since = [], time.monotonic()
            for future in broken:
                future.result()  # what was read before it is kept

    def _refuted(self) -> dict[Series, dict[str, TimeRanges]]:
        """Where contents were contradicted, by series."""
        refuted: dict[Series, dict[str, TimeRanges]] = defaultdict(dict)
        for (content, series), ranges in self.ledger.refuted_by_content().items():
            refuted[series][content] = ranges
        return refuted

    def _commit(
        self, job: IngestionJob, metrics: JobMetrics, receipts: Sequence[BatchReceipt], differing: Differing
    ) -> JobMetrics:
        found = [file for receipt in receipts for file in receipt.files]
        if self.keeper:
            self.keeper.keep([_kept(file) for receipt in receipts for file in receipt.kept])
        self._demote_unclaimed(found)
        self.ledger.begin_change(above(_rows(found)))
        committed = differing.commit(
            [staged for receipt in receipts for staged in receipt.staged],
            contents=_contents(found),
            claims=[claim for file in found for claim in _compared(file)],
        )
        new = {series: counts.new for series, counts in committed.merged.items()}
        changed = dict(committed.changed)
        files = [_counted(file, new, changed) for file in found]
        self.rejects.add(job.id, [(file.record, file.rejects) for file in files if file.rejects])
        metrics = _added(metrics, files)
        self.ledger.record_files(
            job.id,
            [file.recorded for file in files],
            [claim for file in files for claim in _claims(file)],
            _stale(files, committed.merged),
            metrics,
        )
        if LOG.isEnabledFor(logging.INFO):
            LOG.info("%s", "\n".join(map(_logged, files)))  # as one entry: files are many
        for note in dict.fromkeys(file.note for file in files if file.note):
            self.ledger.add_event(job.id, "statement", note)
        return metrics

    def _demote_unclaimed(self, files: Iterable[FileReceipt]) -> None:
        """Have candles rank below all others that an interrupted job left of files that are refused by now."""
        refused = {file.record.series for file in files if file.refused}
        if refused:
            claims = by_series(self.ledger.assertions({series.pair for series in refused}))
            covered = {s: TimeRanges.of((start, end) for _, start, end in known(claims.get(s, []))) for s in refused}
            self.store.commit([], demote={series: _EVER - ranges for series, ranges in covered.items()})


def _logged(file: FileReceipt) -> str:
    """A file and what became of it, for the job's log."""
    record = file.record
    what = f"{record.status.lower()} {record.path}: {record.member}"
    if record.error:
        return f"{what}: {record.error}"
    return (
        f"{what}: {counted(record.records, 'row')}; {counted(record.records_new, 'new candle')}, "
        f"{record.records_changed:,} changed, {counted(record.records_rejected, 'row')} rejected"
    )


def _read_any(
    batch: Sequence[BatchFile],
    source: CandleSource,
    staging: Staging,
    known: Mapping[tuple[str, Series], int],
    now: int,
    *,
    trades: TradeStaging | None,
) -> BatchReceipt:
    if batch[0].file.source is Source.TRADES:
        return read_trades_batch(batch, source, staging, known, now, trades=trades)
    return read_batch(batch, source, staging, known, now)


def _kept(file: KeptFile) -> KeptOffer:
    """The trades of a file, as they are offered to the table of trades."""
    claim = partial(KeptClaim, source=TradeSource.ARCHIVE, rank=file.rank, evidence=file.content_hash)
    return KeptOffer([claim(file.pair, *span) for span in file.claims], file.rank, file.staged)


def _waves(
    plan: IngestionPlan,
    pending: Mapping[tuple[str, str, Series], FileIngestionRecord],
    refuted: Mapping[Series, Mapping[str, TimeRanges]],
) -> Iterator[list[BatchFile]]:
    """The pending files, an archive at a time, in the plan's order."""
    waves: list[list[BatchFile]] = [[] for _ in plan.archives]
    for planned in plan.files:
        if record := pending.get((planned.file.path, planned.file.member, planned.file.series)):
            archive = plan.archives[planned.archive]
            waves[planned.archive].append(
                BatchFile(
                    planned.file,
                    record,
                    archive.statement,
                    archive.vintage,
                    planned.finest,
                    refuted.get(planned.file.series, NOWHERE),
                )
            )
    return (wave for wave in waves if wave)


def _contents(files: Iterable[FileReceipt]) -> dict[Series, dict[str, str]]:
    """What of each series is staged, by content hash, and in which archive it lies."""
    contents: dict[Series, dict[str, str]] = defaultdict(dict)
    for record in (file.record for file in files if file.staged):
        contents[record.series][record.content_hash] = record.path
    return contents


def _counted(file: FileReceipt, new: dict[Series, int], changed: dict[Series, int]) -> FileReceipt:
    """The file with what became of its rows; what is ``new`` or ``changed`` of a series goes to its files in turn.

    No file is given more than it has rows.
    """
    if not file.staged:
        return file
    record = file.record
    left = record.records - record.records_rejected
    counts = []
    for of_series in (new, changed):
        counts.append(min(of_series.get(record.series, 0), left))
        of_series[record.series] = of_series.get(record.series, 0) - counts[-1]
        left -= counts[-1]
    return file._replace(record=replace(record, records_new=counts[0], records_changed=counts[1]))


def _claims(file: FileReceipt) -> list[Assertion]:
    record = file.record
    rank = derived_rank(record.rank)
    claim = partial(Assertion, source=file.source, rank=rank, evidence=record.content_hash, adopted=file.adopted)
    return [claim(record.series, *span) for span in file.claims]


def _compared(file: FileReceipt) -> list[Assertion]:
    """What a file claims where its candles are known: of one that was read before, only beyond them."""
    record = file.record
    if file.staged or record.first is None or record.last is None:
        return _claims(file)
    rows = TimeRanges.single(record.first, record.last + record.series.width)
    return _claims(file._replace(claims=file.claims - rows))


def _rows(files: Iterable[FileReceipt]) -> Iterator[tuple[Series, TimeRanges]]:
    """From where to where the rows go that are staged of the files."""
    for record in (file.record for file in files if file.staged):
        if record.first is not None and record.last is not None:
            yield record.series, TimeRanges.single(record.first, record.last + record.series.width)


def _stale(files: Iterable[FileReceipt], merged: Mapping[Series, Merged]) -> dict[Series, TimeRanges]:
    """Coarser slots over candles that are new or have another value: what was derived there is derived again."""
    stale: dict[Series, list[tuple[int, int]]] = defaultdict(list)
    for record in (file.record for file in files if file.staged):
        counts = merged.get(record.series, Merged())
        if (counts.new or counts.altered) and record.first is not None and record.last is not None:
            for interval in INTERVALS:
                if interval > record.series.interval:
                    coarse = Series(record.series.pair, interval)
                    end = ceil(record.last + record.series.width, coarse.width)
                    stale[coarse].append((floor(record.first, coarse.width), end))
    return {series: TimeRanges.of(ranges) for series, ranges in stale.items()}


def _added(metrics: JobMetrics, files: Sequence[FileReceipt]) -> JobMetrics:
    """The metrics with files that were taken in; rows that were there twice count once."""
    states = [file.record.status for file in files]
    read = [file.record for file in files if not file.repeated]
    return replace(
        metrics,
        files_ingested=metrics.files_ingested + states.count(FileStatus.COMPLETED),
        files_skipped=metrics.files_skipped + states.count(FileStatus.SKIPPED),
        files_failed=metrics.files_failed + states.count(FileStatus.FAILED),
        records_read=metrics.records_read + sum(r.records for r in read),
        records_ingested=metrics.records_ingested + sum(file.record.records_new for file in files),
        records_changed=metrics.records_changed + sum(file.record.records_changed for file in files),
        records_rejected=metrics.records_rejected + sum(r.records_rejected for r in read),
    )


def _records(receipts: Iterable[BatchReceipt]) -> int:
    return sum(file.record.records for receipt in receipts for file in receipt.files)


def _current(receipts: Sequence[BatchReceipt]) -> str:
    return receipts[-1].files[-1].record.member


def _failed(receipts: Iterable[BatchReceipt]) -> bool:
    return any(file.record.status is FileStatus.FAILED for receipt in receipts for file in receipt.files)


def _first_failure(receipts: Iterable[BatchReceipt]) -> str:
    failed = next(f.record for r in receipts for f in r.files if f.record.status is FileStatus.FAILED)
    return f"{failed.member} in {failed.path}: {failed.error} (stopped because of --stop-on-error; the rest is kept)"
