"""``kraken-history doctor --repair``: repairs what can be repaired without guessing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kraken_core.domain.errors import JobRunningError, TableLostError
from kraken_core.domain.formatting import byte_size
from kraken_core.domain.jobs import UNFINISHED, JobStatus
from kraken_core.domain.market import Series, first_of
from kraken_core.domain.plural import counted
from kraken_core.pipeline.cover import CoverageTracker
from kraken_core.ports import never_stop
from kraken_core.workbench.health.doctor import HealthCheck, Status
from kraken_core.workbench.health.recovery import Recovery
from kraken_core.workbench.home import OpenHome
from kraken_core.workbench.jobs import disk


@dataclass
class Repaired:
    """What was repaired, a line each, and what was found meanwhile."""

    done: list[str] = field(default_factory=list)
    checks: list[HealthCheck] = field(default_factory=list)


def repair(home: str | Path | None = None) -> Repaired:
    """Repair a home: jobs without a worker, counts of candles, files that are useless or too small.

    Raises JobRunningError while a job runs, and whatever opening a home, its ledger and its table raises.
    """
    repaired = Repaired()
    with OpenHome.open(home) as opened:
        if not opened.settings.home.exists():
            return repaired
        for job in opened.runner.fail_stalled_jobs():
            repaired.done.append(
                f"job {job.id} had lost its worker; resume it with {opened.runner.resume_command(job)}"
            )
        if running := opened.ledger.jobs([JobStatus.RUNNING]):
            number = running[0].id
            raise JobRunningError(
                f"job {number} is running, so nothing was repaired: wait, or kraken-history pause {number}"
            )
        for each in Recovery(opened).run():
            if isinstance(each, HealthCheck):
                repaired.checks.append(each)
            else:
                repaired.done.append(each)
        _mend_trades(opened, repaired)
        _recount(opened, repaired)
        _tidy_up(opened, repaired)
    return repaired


def _mend_trades(home: OpenHome, repaired: Repaired) -> None:
    """Where kept trades are lost, nothing is claimed of them any more: archives of trades are read for them again."""
    if not home.ledger.kept_claims():
        return
    try:
        damaged = home.trade_table.damaged()
    except TableLostError:
        damaged = None
    if damaged != []:
        claims = home.ledger.forget_kept(home.settings.trades_table)
        if damaged:
            home.trade_table.discard(damaged)
        lost = "their table" if damaged is None else f"{counted(len(damaged), 'file')} of their table"
        repaired.done.append(
            f"of kept trades, {lost} is lost: {counted(claims, 'claim')} counts no more. Name archives of trades, and "
            "the next job keeps what they have"
        )


def _tidy_up(home: OpenHome, repaired: Repaired) -> None:
    """Delete files that are not needed, then merge small ones where that pays and there is room for it."""
    swept, compacted, needed = home.runner.tidy.run(never_stop)
    if swept.files:
        repaired.done.append(f"useless files were deleted: {swept.files:,} ({byte_size(swept.size)})")
    if compacted.merged:
        repaired.done.append(f"merged {counted(compacted.files, 'small file')} into {compacted.merged:,}")
    if needed:
        free = disk.free_bytes(home.settings.store_path)
        sizes = f"{byte_size(needed)} and a reserve are needed, {byte_size(free)} are free"
        repaired.checks.append(
            HealthCheck("merging", Status.WARNING, f"too little disk to merge small files: {sizes}.")
        )


def _recount(home: OpenHome, repaired: Repaired) -> None:
    """Bring the ledger's counts of candles in step with the table.

    More candles than were counted are counted. Fewer are a loss that no counting mends, as their slots would read as no
    trades: those that were not recovered stay as they were counted.
    """
    ledger = home.ledger
    tracker = CoverageTracker(home.store, ledger, home.tiers, home.clock.now())
    wrong, lost = tracker.recounted()
    mended = {series: now for series, now in wrong.items() if series not in lost}
    ledger.replace_coverage(mended)
    if mended:
        repaired.done.append(f"counted the candles of {first_of(mended)} again")
    repaired.checks.append(_agreement(home, lost))


def _agreement(home: OpenHome, lost: Sequence[Series]) -> HealthCheck:
    if not lost:
        series = {known.series for known in home.ledger.coverage()}
        return HealthCheck(
            "counts", Status.OK, f"ledger and table agree on every candle of {counted(len(series), 'series')}."
        )
    unfinished = home.ledger.jobs(UNFINISHED)  # it may have been about to replace them; else they were recovered
    advice = home.runner.resume_command(unfinished[0]) if unfinished else "kraken-history doctor --repair again"
    message = f"the table has fewer candles of {first_of(lost)} than were counted; restore them with {advice}"
    return HealthCheck("counts", Status.WARNING, message)
