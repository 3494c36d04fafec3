"""Jobs that are recorded as running though their worker is gone."""

from __future__ import annotations

import time

from kraken_core.domain.jobs import IngestionJob, JobStatus
from kraken_core.ports import Ledger
from kraken_core.workbench.jobs.lease import HEARTBEAT_S
from kraken_core.workbench.jobs.worker_process import is_lost

LOOK_EVERY_S = 0.1


def stalled_jobs(ledger: Ledger) -> list[tuple[IngestionJob, str]]:
    """Jobs recorded as running though their worker is gone, and how that is known."""
    found = []
    for job in ledger.jobs([JobStatus.RUNNING]):
        if is_lost(job.worker):
            found.append((job, "its process is gone"))
        elif job.lease_until is not None and job.lease_until < ledger.now() and not _renews(ledger, job):
            found.append((job, "no sign of life"))
    return found


def _renews(ledger: Ledger, job: IngestionJob) -> bool:
    """Whether a job's lease is renewed all the same: a clock that was just set ahead makes every lease look old."""
    until = time.monotonic() + 2 * HEARTBEAT_S
    while (same := ledger.job(job.id).lease_until == job.lease_until) and time.monotonic() < until:
        time.sleep(LOOK_EVERY_S)
    return not same
