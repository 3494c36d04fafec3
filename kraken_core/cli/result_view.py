"""How a job ended: the report or its document on stdout, a summary on stderr."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kraken_core.cli.options import CliContext
from kraken_core.cli.output import console, print_json

if TYPE_CHECKING:
    from kraken_core.domain.jobs import IngestionJob
    from kraken_core.pipeline.run import JobResult
    from kraken_core.workbench import Workbench

NOTED_EVENTS = frozenset({"listing", "delisted", "disagreed", "skipped", "renamed", "rows"})
LONGEST = 10  # failed files, or sources that differ, that are listed; all are in `kraken-history jobs JOB` or the log


def print_result(ctx: CliContext, workbench: Workbench, result: JobResult) -> None:
    """Print the report or the document, then the summary."""
    from kraken_core.domain.formatting import duration
    from kraken_core.domain.plural import counted
    from kraken_core.pipeline.report_terminal import display
    from kraken_core.workbench import documents

    if ctx.as_json:
        print_json(documents.result_document(result))
    else:
        display(result.report, console())
    job, metrics = result.job, result.job.metrics
    done = [
        f"{counted(metrics.files_ingested, 'file')} ingested",
        f"{metrics.files_skipped:,} skipped, {metrics.files_failed:,} failed",
        f"{counted(metrics.records_ingested, 'new candle')}, {metrics.records_changed:,} changed",
        f"{counted(metrics.records_rejected, 'row')} rejected",
        f"{metrics.gaps_filled:,} of {counted(metrics.gaps_detected, 'gap')} filled, {metrics.gaps_open:,} open",
        *([f"{counted(metrics.requests, 'request')}, {metrics.retries:,} of them retries"] if metrics.requests else []),
    ]
    ctx.say(f"Job {job.id} {ended(job)} in {duration(result.seconds['total'])}: {'; '.join(done)}.")
    for each in result.differences[:LONGEST]:
        ctx.say(f"! {each.description}")
    if len(result.differences) > LONGEST:
        ctx.say(
            f"  … and {len(result.differences) - LONGEST:,} more pairs of sources, in {workbench.runner.log(job.id)}"
        )
    _print_exchange(ctx, workbench, result)
    if metrics.files_failed:
        failed = workbench.control.failed_files(job.id)
        ctx.say("Failed files; the next run of the same request retries them:")
        for file in failed[:LONGEST]:
            ctx.say(f"  {file.member}: {file.error}")
        if len(failed) > LONGEST:
            ctx.say(f"  … and {len(failed) - LONGEST:,} more: kraken-history jobs {job.id}")
    if (rejects := workbench.runner.rejects(job.id)).exists():
        ctx.say(f"Rejected rows, with reasons: {rejects}")
    if result.download_list:
        ctx.say(f"What to download manually: {result.download_list}")


def ended(job: IngestionJob) -> str:
    """How a job that came to its end did so."""
    return "completed with errors" if job.error or job.metrics.files_failed else "completed"


def _print_exchange(ctx: CliContext, workbench: Workbench, result: JobResult) -> None:
    """What is to be known of archives and pairs, and which gaps the exchange did not fill, and why."""
    from kraken_core.domain.gaps import GapStatus
    from kraken_core.domain.plural import counted

    for event in workbench.control.events(result.job.id):
        if event.kind in NOTED_EVENTS:
            ctx.say(f"! {event.message}")
    failed = [gap.reason for gap in result.report.gaps if gap.status is GapStatus.FAILED]
    if failed:
        ctx.say(f"{counted(len(failed), 'gap')} could not be filled. Retry later with: kraken-history backfill")
        for reason in list(dict.fromkeys(failed))[:LONGEST]:
            ctx.say(f"  {reason}")
