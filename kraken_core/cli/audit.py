"""``kraken-history audit``: counts of trades compared with the exchange's trade ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from kraken_core.cli import completion
from kraken_core.cli.audit_view import print_outcome, print_plan
from kraken_core.cli.execute import pausing
from kraken_core.cli.options import NUMBER, CliContext, common, selected, selecting
from kraken_core.cli.output import print_json, progress
from kraken_core.cli.resuming import job_to_resume

if TYPE_CHECKING:
    from kraken_core.domain.jobs import IngestionJob
    from kraken_core.workbench import Workbench


@click.command(
    epilog="\b\nExample:\n  kraken-history audit --tier TIER1 --dry-run\n"
    "  kraken-history audit --pairs BTC/USD --locate --max-requests 500"
)
@selecting
@click.option(
    "--locate", is_flag=True, help="Narrow differences down to single candles; those with missing trades become gaps."
)
@click.option(
    "--max-requests",
    metavar="N",
    type=click.IntRange(min=1),
    help="Most requests to the exchange (default: as many as the ends need; with --locate 1,000 more).",
)
@click.option("--dry-run", is_flag=True, help="Show how many requests it would take; send none, write nothing.")
@click.option("--detach", is_flag=True, help="Run in the background; kraken-history jobs shows the progress.")
@click.option(
    "--resume",
    metavar="JOB",
    type=NUMBER,
    shell_complete=completion.jobs,
    help="Continue this audit, with its own request.",
)
@common
def audit(
    ctx: CliContext,
    *,
    dry_run: bool,
    detach: bool,
    resume: int | None,
    **request: Any,  # noqa: ANN401 - what Workbench.audit_request takes
) -> int:
    """Compare counts of trades with the exchange's trade ids.

    Two requests a pair. Where both are equal, the span between is proved to be complete. Exit 1 where they differ.
    Ctrl-C pauses.
    """
    from kraken_core.domain.plural import counted

    with ctx.workbench() as workbench, selected(workbench, {"pairs": request["pairs"]}):
        job = job_to_resume(workbench, resume, request, audit=True) if resume is not None else None
        plan = workbench.runner.audit_plan(job.request if job else workbench.audit_request(**request))
        if dry_run:
            print_plan(ctx, plan)
            return 0
        job = job or workbench.runner.unfinished(plan.request)
        job = job or workbench.runner.start_audit(plan)
        if detach:
            return _detach(ctx, workbench, job)
        ctx.say(
            f"Job {job.id} audits {counted(len(plan.covered), 'pair')}: about {plan.requests:,} requests; Ctrl-C pauses"
        )
        with pausing(ctx, "Pausing after the requests now being made") as stop, progress(ctx) as report:
            result = workbench.runner.run(job, progress=report, stop=stop.is_set)
        return print_outcome(ctx, workbench, result)


def _detach(ctx: CliContext, workbench: Workbench, job: IngestionJob) -> int:
    from kraken_core.workbench import documents

    taken_up = workbench.runner.start_detached(job)
    if ctx.as_json:
        print_json(documents.job_row(taken_up))
    ctx.say(f"Job {job.id} runs in the background: kraken-history jobs {job.id}, kraken-history pause {job.id}.")
    return 0
