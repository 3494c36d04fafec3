"""``kraken jobs``: the history and state of jobs."""

from __future__ import annotations

import click

from kraken_core.cli.options import Common, common
from kraken_core.cli.output import print_json, print_table


@click.command(epilog="\b\nExample:\n  kraken jobs\n  kraken jobs 3")
@click.argument("job", type=int, required=False)
@common
def jobs(told: Common, job: int | None) -> None:
    """List jobs, newest first; or show one JOB with its events and failed files."""
    with told.workbench() as workbench:
        from kraken_core.domain.jobs import FileStatus
        from kraken_core.domain.timerange import iso
        from kraken_core.workbench import rows

        workbench.work.reap()
        found = workbench.jobs() if job is None else [workbench.ledger.job(job)]
        documents = [rows.job_row(each) for each in found]
        if told.as_json:
            print_json(documents)
            return
        if not documents:
            click.echo("No jobs yet. Start one with: kraken ingest --csv-source-dir PATH --tier ALL")
            return
        columns = ("job", "status", "what", "progress", "files", "new candles", "gaps open", "created")
        print_table(
            columns,
            (
                (
                    str(d["job_id"]),
                    d["status"],
                    ", ".join(d["tiers"] or d["pairs"]),
                    f"{d['progress_pct']:.0f} %",
                    d["files"]["total"],
                    d["records"]["new"],
                    d["gaps"]["unfillable"] + d["gaps"]["open"] + d["gaps"]["failed"],
                    d["created_at"],
                )
                for d in documents
            ),
        )
        if job is None:
            return
        if found[0].error:
            click.echo(f"Error: {found[0].error}")
        for event in workbench.ledger.events(job):
            click.echo(f"{iso(event.at)}  {event.kind}  {event.message}")
        failed = [file for file in workbench.ledger.files(job) if file.status is FileStatus.FAILED]
        if failed:
            print_table(("failed file", "reason"), ((f"{file.path}/{file.member}", file.error) for file in failed))
        click.echo(f"Log: {workbench.work.log(job)}")
