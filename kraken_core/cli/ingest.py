"""``kraken-history ingest``: the pipeline, from plan to report."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import click

from kraken_core.cli import completion
from kraken_core.cli.execute import PlanExecution
from kraken_core.cli.options import NUMBER, CliContext, asking, common, graded, selecting
from kraken_core.cli.resuming import job_to_resume

EXAMPLE = """\b
Example:
  kraken-history ingest --csv-source-dir Kraken_OHLCVT.zip --tier TIER1 --intervals 1h,1d --dry-run
  kraken-history ingest --csv-source-dir Kraken_OHLCVT.zip --tier TIER1 --intervals 1h,1d --yes
"""


@click.command(epilog=EXAMPLE)
@partial(selecting, first_day="First UTC day expected (default 5 years ago; what is stored is always expected).")
@click.option(
    "--csv-source-dir",
    "--source",
    "sources",
    metavar="PATH",
    multiple=True,
    help="A folder, a zip, any part of a split zip, or an http(s) address of a zip or folder; may be repeated "
    "(default: csv_source_dirs of the settings).",
)
@click.option("--expected", is_flag=True, help="The pairs and intervals that are expected already; no pair is added.")
@click.option("--archive-through", metavar="DATE", help="Last day that archives cover, where they do not state it.")
@click.option("--incremental", is_flag=True, help="From the end of each series' data to now.")
@click.option(
    "--auto-gap-fill/--no-auto-gap-fill", default=True, help="Fill what can be filled (default), or only report it."
)
@click.option(
    "--api-backfill/--no-api-backfill",
    default=True,
    help="Query the exchange for what is missing (default), or use no network except for the sources named.",
)
@asking
@click.option(
    "--download/--no-download",
    default=None,
    help="Download missing files from published archives (default: only with --complete).",
)
@click.option("--complete", is_flag=True, help="Use every route, and exit 4 if anything is still missing at the end.")
@graded
@click.option("--stop-on-error", is_flag=True, help="Stop at the first bad file (else they are listed at the end).")
@click.option(
    "--resume", "resume", metavar="JOB", type=NUMBER, shell_complete=completion.jobs, help="Continue an unfinished job."
)
@click.option("--dry-run", is_flag=True, help="Show the plan; write nothing anywhere.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask for confirmation.")
@click.option(
    "--workers", metavar="N", type=click.IntRange(1, 256), help="Files read in parallel (default: one per core)."
)
@click.option("--detach", is_flag=True, help="Run in the background; kraken-history jobs shows the progress.")
@click.option("--as-of", metavar="TIME", help="Take this as the present, for reproducible runs (default: now).")
@common
def ingest(
    ctx: CliContext,
    *,
    resume: int | None,
    dry_run: bool,
    yes: bool,
    complete: bool,
    evidence: str | None,
    workers: int | None,
    detach: bool,
    as_of: str | None,
    **request: Any,  # noqa: ANN401 - what Workbench.request takes
) -> int:
    """Ingest archives, then fill gaps from the exchange.

    Steps: plan, confirm, read, cover, detect gaps, fill them, report. Files already ingested are skipped, and an
    unfinished job of the same request is resumed. Ctrl-C pauses.
    """
    if evidence and not complete:
        raise click.UsageError("--evidence needs --complete, as it defines what counts as complete")
    execution = PlanExecution(
        dry_run=dry_run, yes=yes, detach=detach, workers=workers, complete=complete, evidence=evidence
    )
    execution.require_consent()
    with ctx.workbench() as workbench:
        began = time.perf_counter()
        if resume is None:
            request["sources"] = request["sources"] or None
            plan = workbench.plan(**request, complete=complete, as_of=as_of)
            job = None if dry_run else workbench.runner.unfinished(plan.request)
            plan = workbench.runner.build_plan(job.request, job.as_of) if job else plan
        else:
            job = job_to_resume(workbench, resume, [*request, "as_of"], audit=False)
            plan = workbench.runner.build_plan(job.request, job.as_of)
        return execution.carry_out(ctx, workbench, job, plan, began)
