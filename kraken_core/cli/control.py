"""``kraken-history pause``, ``resume`` and ``cancel``: control of a job from any process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from kraken_core.cli import completion
from kraken_core.cli.options import NUMBER, CliContext, common
from kraken_core.cli.output import print_json

if TYPE_CHECKING:
    from kraken_core.domain.jobs import IngestionJob

PATIENCE_S = 60  # how long a command waits for the worker to react


@click.command(epilog="\b\nExample:\n  kraken-history pause 3")
@click.argument("job", type=NUMBER, shell_complete=completion.jobs)
@common
def pause(ctx: CliContext, job: int) -> None:
    """Pause a running JOB; it can be resumed.

    It finishes the files it is reading first. Works from any process.
    """
    with ctx.workbench() as workbench:
        _acknowledge(ctx, workbench.control.pause(job))
        _print(ctx, workbench.control.obeyed(job, PATIENCE_S))


@click.command(epilog="\b\nExample:\n  kraken-history cancel 3")
@click.argument("job", type=NUMBER, shell_complete=completion.jobs)
@common
def cancel(ctx: CliContext, job: int) -> None:
    """Cancel a JOB for good; what it did is kept."""
    with ctx.workbench() as workbench:
        _acknowledge(ctx, workbench.control.cancel(job))
        _print(ctx, workbench.control.obeyed(job, PATIENCE_S))


@click.command(epilog="\b\nExample:\n  kraken-history resume 3")
@click.argument("job", type=NUMBER, shell_complete=completion.jobs)
@click.option(
    "--workers", metavar="N", type=click.IntRange(1, 256), help="Files read in parallel (default: one per core)."
)
@common
def resume(ctx: CliContext, job: int, workers: int | None) -> None:
    """Resume a paused or failed JOB in the background.

    In the foreground: kraken-history ingest --resume JOB.
    """
    with ctx.workbench() as workbench:
        _print(ctx, workbench.control.resume(job, workers))


def _acknowledge(ctx: CliContext, job: IngestionJob) -> None:
    """Say at once what was requested of a job that runs: its worker may take a while."""
    if job.requested:
        ctx.say(f"Requested: {job.requested.lower()} job {job.id}. It finishes its current file or request first …")


def _print(ctx: CliContext, job: IngestionJob) -> None:
    from kraken_core.domain.jobs import JobStatus
    from kraken_core.workbench import documents

    if ctx.as_json:
        print_json(documents.job_row(job))
        return
    waiting = job.status is JobStatus.RUNNING and job.requested
    ctx.say(f"Job {job.id} is {job.status.lower()}{', and stops after the files it is reading' if waiting else ''}.")
