"""``kraken ingest``: the pipeline, from plan to report."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from kraken_core.cli.options import Common, common, selecting
from kraken_core.cli.output import console, print_json, progress

if TYPE_CHECKING:
    from kraken_core.domain.jobs import IngestionJob
    from kraken_core.domain.plan import IngestionPlan
    from kraken_core.pipeline.run import JobResult
    from kraken_core.workbench import Workbench

INCOMPLETE = 4
EXAMPLE = """\b
Example:
  kraken ingest --csv-source-dir Kraken_OHLCVT.zip --tier TIER1 --intervals 60,1440 --dry-run
  kraken ingest --csv-source-dir Kraken_OHLCVT.zip --tier TIER1 --intervals 60,1440 --yes
"""


@click.command(epilog=EXAMPLE)
@selecting
@click.option(
    "--csv-source-dir",
    "sources",
    metavar="PATH",
    multiple=True,
    help="A folder, a zip, or a split zip's first part; may be repeated.",
)
@click.option(
    "--archive-through", metavar="DATE", help="The last day archives are complete through, where they do not say."
)
@click.option("--auto-gap-fill/--no-auto-gap-fill", default=True, help="Fill what can be filled, or only report it.")
@click.option("--complete", is_flag=True, help="Exit 4 if anything is still missing at the end.")
@click.option("--stop-on-error", is_flag=True, help="Stop at the first bad file (else they are listed at the end).")
@click.option("--resume", "resume", metavar="JOB", type=int, help="Go on with an unfinished job.")
@click.option("--dry-run", is_flag=True, help="Show the plan; write nothing anywhere.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--workers", type=click.IntRange(1, 256), help="Files read side by side (default: one a core).")
@click.option("--as-of", metavar="TIME", help="Speak as of this instant, for reproducible runs (default: now).")
@common
def ingest(
    told: Common,
    *,
    resume: int | None,
    dry_run: bool,
    yes: bool,
    complete: bool,
    workers: int | None,
    as_of: str | None,
    **asked: Any,  # noqa: ANN401 - what Workbench.request takes
) -> int:
    """Ingest archives: plan, confirm, read, cover, find gaps, fill them, report.

    Files already ingested are skipped, and an unfinished job of the same request is taken up again. Ctrl-C pauses.
    """
    with told.workbench() as workbench:
        job: IngestionJob | None = None
        plan: IngestionPlan | None = None
        if resume is not None:
            job = workbench.ledger.job(resume)
        else:
            asked["sources"] = asked["sources"] or None
            plan = workbench.plan(**asked, as_of=as_of)
            if dry_run:
                _show(told, plan, document=True)
                return 0
            job = workbench.work.unfinished(plan.request)
        if job is None and plan is not None:
            _show(told, plan)
        _confirm(job, yes=yes)
        result = _run(told, workbench, job, plan, workers)
        _tell(told, result)
        return INCOMPLETE if complete and result.report.overall.missing else 0


def _show(told: Common, plan: IngestionPlan, *, document: bool = False) -> None:
    from kraken_core.cli.plan_view import print_plan
    from kraken_core.workbench import rows

    if document and told.as_json:
        print_json(rows.plan_document(plan))
    elif not told.quiet or document:
        print_plan(plan, console(stderr=not document))


def _confirm(job: IngestionJob | None, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("there is no terminal to ask on: add --yes to go ahead, or --dry-run to only look")
    question = f"Go on with job {job.id} ({job.status.value.lower()})?" if job else "Go ahead?"
    click.confirm(question, default=True, abort=True, err=True)


def _run(
    told: Common, workbench: Workbench, job: IngestionJob | None, plan: IngestionPlan | None, workers: int | None
) -> JobResult:
    from kraken_core.domain.errors import UsageError

    workbench.create()
    taken_up = job is not None
    if job is None:
        if plan is None:
            raise UsageError("name a job to resume")
        job = workbench.work.start(plan)
    told.say(f"Job {job.id} {'goes on' if taken_up else 'starts'}; Ctrl-C pauses it.")
    with _pausing(told) as stop, progress(told) as report:
        return workbench.work.run(job, None if taken_up else plan, progress=report, stop=stop.is_set, workers=workers)


@contextmanager
def _pausing(told: Common) -> Iterator[threading.Event]:
    """The first Ctrl-C asks the job to pause; the second one kills it, which loses nothing that was committed."""
    stop = threading.Event()

    def ask(_signal: int, _frame: object) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        stop.set()
        told.say("Pausing after the files now being read (Ctrl-C again to stop at once) …")

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _tell(told: Common, result: JobResult) -> None:
    from kraken_core.pipeline.display import display, duration
    from kraken_core.workbench import rows

    if told.as_json:
        print_json(rows.result_document(result))
        return
    display(result.report, console())
    metrics = result.job.metrics
    done = [
        f"{metrics.files_ingested:,} files ingested",
        f"{metrics.files_skipped:,} skipped, {metrics.files_failed:,} failed",
        f"{metrics.records_ingested:,} new candles, {metrics.records_changed:,} changed",
        f"{metrics.records_rejected:,} rows rejected",
        f"{metrics.gaps_filled:,} of {metrics.gaps_detected:,} gaps filled",
    ]
    told.say(f"Job {result.job.id} completed in {duration(result.seconds['total'])}: {'; '.join(done)}.")
    if metrics.files_failed:
        told.say(f"Files that failed, and why: kraken jobs {result.job.id}")
    if result.download_list:
        told.say(f"What to get by hand: {result.download_list}")
