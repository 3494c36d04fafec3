"""``kraken-history jobs``: the history and state of jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from kraken_core.cli import completion
from kraken_core.cli.options import NUMBER, CliContext, common
from kraken_core.cli.output import echo, print_json, print_table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kraken_core.domain.jobs import IngestionJob, ProgressReport
    from kraken_core.workbench import Workbench


@click.command(epilog="\b\nExample:\n  kraken-history jobs\n  kraken-history jobs 3")
@click.argument("job", type=NUMBER, required=False, shell_complete=completion.jobs)
@common
def jobs(ctx: CliContext, job: int | None) -> None:
    """List jobs, newest first, or show one JOB.

    One JOB is shown with its events and failed files.
    """
    with ctx.workbench() as workbench:
        workbench.runner.fail_stalled_jobs()
        found = workbench.jobs() if job is None else [workbench.control.known(job)]
        if ctx.as_json:
            from kraken_core.workbench import documents

            print_json([documents.job_row(each) for each in found])
        elif not found:
            echo("No jobs yet. Start one with: kraken-history ingest --csv-source-dir PATH --tier ALL")
        else:
            _print_jobs(found, workbench)
            if job is not None:
                _print_history(workbench, found[0])


def _print_jobs(found: Iterable[IngestionJob], workbench: Workbench) -> None:
    now, stopped = workbench.clock.now(), workbench.control.seconds_stopped()
    columns = ("job", "status", "pairs", "done", "files", "new candles", "open gaps", "created (UTC)", "duration")
    rows = (
        (
            job.id,
            _status(job),
            ", ".join(job.request.tiers or map(str, job.request.pairs)),
            f"{int(job.progress_pct)} %",
            job.total_files,
            job.records_ingested,
            job.metrics.gaps_open,
            job.created_at.replace(second=0, microsecond=0),
            _lasted(job, now, stopped.get(job.id, 0)),
        )
        for job in found
    )
    print_table(columns, rows, folding="pairs")


def _lasted(job: IngestionJob, now: int, stopped: int) -> str | None:
    from kraken_core.domain.formatting import duration

    seconds = job.seconds_run(now, stopped)
    return None if seconds is None else duration(seconds)


def _status(job: IngestionJob) -> str:
    """A job's state in a few words: whether part of it failed, and whether it was undone."""
    from kraken_core.domain.jobs import JobStatus

    failed = " with errors" if job.metrics.files_failed or (job.error and job.status is JobStatus.COMPLETED) else ""
    return f"{job.status.value}{failed}{', undone' if job.undone_at else ''}"


def _now(doing: ProgressReport) -> str:
    """What a running job does, and about how long all of it will still take."""
    from kraken_core.domain.formatting import duration

    steps = f", {doing.done:,} of {doing.total:,}" if doing.total > 1 else ""
    left = "" if doing.job_eta_seconds is None else f"; about {duration(doing.job_eta_seconds)} left of the job"
    return f"Now: {doing.stage}{steps}{left}"


def _print_history(workbench: Workbench, job: IngestionJob) -> None:
    from kraken_core.domain.formatting import instant
    from kraken_core.domain.jobs import MOVES, JobStatus

    if job.status is JobStatus.RUNNING and job.doing:
        echo(_now(job.doing))
    if job.error:
        echo(f"Error: {job.error}")
    for event in workbench.control.events(job.id):
        echo(f"{instant(event.at)}  {event.kind}  {event.message}")
    failed = workbench.control.failed_files(job.id)
    if failed:
        print_table(("failed file", "reason"), ((file.member, file.error) for file in failed), folding="reason")
    if JobStatus.RUNNING in MOVES[job.status]:
        echo(f"Resume with: {workbench.runner.resume_command(job)}")
    echo(f"Log: {workbench.runner.log(job.id)}")
