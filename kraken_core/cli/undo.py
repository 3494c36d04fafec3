"""``kraken-history undo``: undoes the latest job that changed anything."""

from __future__ import annotations

import sys

import click

from kraken_core.cli import completion
from kraken_core.cli.options import NUMBER, CliContext, common
from kraken_core.cli.output import print_json


@click.command(epilog="\b\nExample:\n  kraken-history undo 3 --yes")
@click.argument("job", type=NUMBER, shell_complete=completion.jobs)
@click.option("--yes", "-y", is_flag=True, help="Do not ask for confirmation.")
@common
def undo(ctx: CliContext, job: int, *, yes: bool) -> None:
    """Undo the latest JOB that changed anything.

    The candle table is restored as it was before, what the job claimed and read is void, and coverage and gaps are
    computed again. Archives that it read are read again by the next ingest. Possible for a week.
    """
    from kraken_core.workbench import documents

    if not (yes or sys.stdin.isatty()):
        raise click.UsageError("no terminal to confirm on: add --yes to go ahead")
    with ctx.workbench() as workbench:
        workbench.control.known(job)
        workbench.control.undoable(job)
        if not yes:
            click.confirm(f"Undo everything that job {job} did?", default=False, abort=True, err=True)
        undone = workbench.undo(job)
        if ctx.as_json:
            print_json(documents.job_row(undone))
        table = f"the candle table is back at version {undone.table_version}"
        nothing = "it had stored no candles; pairs that only it had requested are no longer expected"
        ctx.say(f"Job {job} is undone: {table if workbench.control.claimed(job) else nothing}.")
