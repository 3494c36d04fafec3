"""``kraken pause``, ``resume`` and ``cancel``: control of a job from any process."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from kraken_core.cli.jobs import known_job
from kraken_core.cli.options import Common, common
from kraken_core.cli.output import print_json

if TYPE_CHECKING:
    from kraken_core.domain.jobs import Control, IngestionJob
    from kraken_core.workbench import Workbench

PATIENCE_S = 60  # how long a command waits for the worker to obey
LOOK_EVERY_S = 0.1


@click.command(epilog="\b\nExample:\n  kraken pause 3")
@click.argument("job", type=int)
@common
def pause(told: Common, job: int) -> None:
    """Pause a running JOB, from whatever process; it ends the files it is reading, and can be resumed."""
    from kraken_core.domain.jobs import Control

    with told.workbench() as workbench:
        _tell(told, _asked(workbench, job, Control.PAUSE))


@click.command(epilog="\b\nExample:\n  kraken cancel 3")
@click.argument("job", type=int)
@common
def cancel(told: Common, job: int) -> None:
    """Give a JOB up for good; what it did is kept."""
    from kraken_core.domain.jobs import Control, JobStatus

    with told.workbench() as workbench:
        workbench.work.reap()
        before = known_job(workbench, job)
        if before.status is JobStatus.RUNNING:
            _tell(told, _asked(workbench, job, Control.CANCEL))
        else:
            _tell(told, workbench.ledger.move(before, before.mark_cancelled()))


@click.command(epilog="\b\nExample:\n  kraken resume 3")
@click.argument("job", type=int)
@click.option("--workers", type=click.IntRange(1, 256), help="Files read side by side (default: one a core).")
@common
def resume(told: Common, job: int, workers: int | None) -> None:
    """Go on with a paused or failed JOB in the background (in the foreground: kraken ingest --resume JOB)."""
    with told.workbench() as workbench:
        _tell(told, workbench.work.start_detached(known_job(workbench, job), workers))


def _asked(workbench: Workbench, job_id: int, control: Control) -> IngestionJob:
    """The job once its worker has obeyed, or as it is when patience ran out."""
    from kraken_core.domain.jobs import JobStatus

    workbench.work.reap()
    workbench.ledger.ask(known_job(workbench, job_id).id, control)
    until = time.monotonic() + PATIENCE_S
    job = workbench.ledger.job(job_id)
    while job.status is JobStatus.RUNNING and time.monotonic() < until:
        time.sleep(LOOK_EVERY_S)
        workbench.work.reap()
        job = workbench.ledger.job(job_id)
    return job


def _tell(told: Common, job: IngestionJob) -> None:
    from kraken_core.domain.jobs import JobStatus
    from kraken_core.workbench import documents

    if told.as_json:
        print_json(documents.job_row(job))
        return
    asked = job.status is JobStatus.RUNNING and job.asked
    told.say(f"Job {job.id} is {job.status.lower()}{' still, and will obey soon' if asked else ''}.")
