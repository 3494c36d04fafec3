"""``kraken-history undo``: takes back the latest job that changed something."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kraken_core.domain.errors import StoreError, UsageError
from kraken_core.domain.jobs import IngestionJob
from kraken_core.domain.market import Pair
from kraken_core.domain.table_mark import why_not
from kraken_core.ledger.undoable import INSTEAD
from kraken_core.ledger.undone import UNDONE
from kraken_core.pipeline.cover import CoverageTracker
from kraken_core.pipeline.crosscheck import CrossCheck
from kraken_core.pipeline.detect_anew import detect_anew
from kraken_core.pipeline.rename import move_all
from kraken_core.ports import Versioned
from kraken_core.stores.trades.trade_table import TradeTable
from kraken_core.workbench.jobs.runner import JobRunner


def undo(runner: JobRunner, job_id: int, trades: Callable[[], TradeTable]) -> IngestionJob:
    """Take back what a job claimed, read and stored, kept ``trades`` included; returns the job.

    The ledger comes first: candles without claims are harmless, claims without their candles would read as no trades.
    So after any interruption, a second call completes it; until then no job begins. What was expected stays expected.
    Raises UsageError where the job cannot be undone, StoreError where the table's earlier content is gone.
    """
    store, ledger = runner.store, runner.ledger
    runner.fail_stalled_jobs()
    job = ledger.undoable(job_id)
    gone = _gone(runner, job, trades)
    if gone and not job.undone_at:
        raise gone
    pairs = ledger.undo(job_id)
    stored = ledger.claimed(job_id)  # else it kept trades alone, or named pairs of which nothing is known
    if not gone and stored and isinstance(store, Versioned) and job.table_version is not None:
        store.restore(job.table_version)
    if not gone and (kept := ledger.trades_version(job_id)) is not None:
        trades().restore(kept)
    if stored:
        _know_again(runner, job, pairs)
    ledger.add_event(job_id, UNDONE, _outcome(job, stored=stored, gone=gone is not None))
    return ledger.job(job_id)


def _gone(runner: JobRunner, job: IngestionJob, trades: Callable[[], TradeTable]) -> UsageError | StoreError | None:
    """Why the tables cannot be as they were before the job any more; None where they can."""
    store, ledger = runner.store, runner.ledger
    kept = ledger.trades_version(job.id)
    if kept is not None and not trades().keeps(kept):
        return StoreError(
            f"Job {job.id} can no longer be undone: some of the trades kept before it left their table more than "
            "a week ago. Nothing was changed."
        )
    if not ledger.claimed(job.id):
        return None
    if not isinstance(store, Versioned) or job.table_version is None:
        return UsageError(
            f"the candle table {runner.settings.table} keeps no earlier versions, so no job can be undone. "
            "Nothing was changed: where that matters, keep the candles in a folder or on s3://, and copy them there."
        )
    reached, found = ledger.table_reached(job.id), store.mark
    if why_not(reached._replace(identity=found.identity), found, store.stamp_of):
        return UsageError(
            f"job {job.id} cannot be undone: what it stored is in another candle table, of which this one is a copy at "
            f"most. {INSTEAD}"
        )
    if not store.keeps(job.table_version):
        return StoreError(
            f"Job {job.id} can no longer be undone: what left the candle table is deleted after a week, and some "
            f"of version {job.table_version}, before the job, is gone. Nothing was changed."
        )
    return None


def _know_again(runner: JobRunner, job: IngestionJob, pairs: Sequence[Pair]) -> None:
    """What follows from the candles and claims that are left, of these pairs."""
    store, ledger = runner.store, runner.ledger
    move_all(store, ledger.renamed())
    tracker = CoverageTracker(store, ledger, runner.tiers, runner.clock.now())
    check = CrossCheck(store, ledger, tracker)
    if pairs:
        knowledge = tracker.update_coverage_after_ingestion(pairs)
        if check.run(knowledge, pairs, withdraw=False).changed:  # what was known of the candles before is forgotten
            knowledge = tracker.update_coverage_after_ingestion(pairs)
        detect_anew(ledger, store, knowledge, pairs, as_of=job.as_of, request=job.request)
    check.judge_again()  # the silences of others, to which what is gone was a witness


def _outcome(job: IngestionJob, *, stored: bool, gone: bool) -> str:
    """What is on record of the end of an undo."""
    if gone:  # it was interrupted, and completed too late
        return "what it stored stays in the tables and nothing is claimed of it, as what was there before is gone"
    if stored:
        return f"the candle table is as at version {job.table_version}"
    return "what it expected is not expected any more; it had stored no candles"
