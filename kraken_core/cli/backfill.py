"""``kraken-history backfill``: fill open gaps, without reading archives."""

from __future__ import annotations

import time
from typing import Any

import click

from kraken_core.cli.execute import PlanExecution
from kraken_core.cli.options import NUMBER, CliContext, asking, common, selecting


@click.command(
    epilog="\b\nExample:\n  kraken-history backfill --pairs BTC/USD --intervals 1m,1h --yes\n"
    "  kraken-history backfill --gap 17 --yes"
)
@selecting
@click.option(
    "--gap",
    "gap_ids",
    metavar="ID",
    type=NUMBER,
    multiple=True,
    help="Only this gap of kraken-history gaps; may be repeated.",
)
@asking
@click.option("--complete", is_flag=True, help="No limit of requests; exit 4 if anything is still missing.")
@click.option("--dry-run", is_flag=True, help="Show the plan; write nothing anywhere.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask for confirmation.")
@click.option("--detach", is_flag=True, help="Run in the background; kraken-history jobs shows the progress.")
@click.option("--as-of", metavar="TIME", help="Take this as the present, for reproducible runs (default: now).")
@common
def backfill(
    ctx: CliContext,
    *,
    dry_run: bool,
    yes: bool,
    detach: bool,
    complete: bool,
    **request: Any,  # noqa: ANN401 - what Workbench.backfill_request takes
) -> int:
    """Fill open gaps: all, those of a selection, or --gap ID.

    A gap that failed is retried after a delay that grows; one that is named is retried at once. Ctrl-C pauses.
    """
    execution = PlanExecution(dry_run=dry_run, yes=yes, detach=detach, workers=None, complete=complete)
    execution.require_consent()
    with ctx.workbench() as workbench:
        began = time.perf_counter()
        plan = workbench.runner.build_plan(workbench.backfill_request(**request, complete=complete))
        job = None if dry_run else workbench.runner.unfinished(plan.request)
        plan = workbench.runner.build_plan(job.request, job.as_of) if job else plan
        return execution.carry_out(ctx, workbench, job, plan, began)
