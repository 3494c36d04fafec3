"""``kraken ingest``: the pipeline, from plan to report."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from kraken_core.cli.options import Common, common, selecting
from kraken_core.cli.output import console, print_json, progress
from kraken_core.cli.result_view import tell

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
    help="A folder, a zip, a split zip's first part, or an http(s) address of a zip; may be repeated.",
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
@click.option("--detach", is_flag=True, help="Run in the background; kraken jobs shows how far it is.")
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
    detach: bool,
    as_of: str | None,
    **asked: Any,  # noqa: ANN401 - what Workbench.request takes
) -> int:
    """Ingest archives: plan, confirm, read, cover, find gaps, fill them, report.

    Files already ingested are skipped, and an unfinished job of the same request is taken up again. Ctrl-C pauses.
    """
    if not (yes or dry_run or sys.stdin.isatty()):
        raise click.UsageError("there is no terminal to ask on: add --yes to go ahead, or --dry-run to only look")
    with told.workbench() as workbench:
        began = time.perf_counter()
        if resume is None:
            asked["sources"] = asked["sources"] or None
            plan = workbench.plan(**asked, as_of=as_of)
            job = None if dry_run else workbench.work.unfinished(plan.request)
            plan = workbench.work.plan(job.request, job.as_of) if job else plan
        else:
            job = _to_resume(workbench, resume, [*asked, "as_of"])
            plan = workbench.work.plan(job.request, job.as_of)
        planned = time.perf_counter() - began
        if dry_run:
            _show(told, plan, document=True)
            return 0
        _show(told, plan)
        workbench.work.check_ready(plan)
        if not yes:
            click.confirm(_question(job), default=True, abort=True, err=True)
        if detach:
            _detach(told, workbench, job, plan, workers)
            return 0
        result = _run(told, workbench, job, plan, workers)
        seconds = {**result.seconds, "plan": planned, "total": planned + result.seconds["total"]}
        tell(told, workbench, replace(result, seconds=seconds))
        missing = result.report.overall.missing if complete else 0
        if missing:
            told.say(f"Not complete: {missing:,} wanted slots are still missing.")
        return INCOMPLETE if missing else 0


def _to_resume(workbench: Workbench, number: int, others: Iterable[str]) -> IngestionJob:
    """The job to take up again, which is done as it was asked. Raises UsageError, JobRunningError."""
    from kraken_core.cli.jobs import known_job
    from kraken_core.domain.errors import JobRunningError, UsageError
    from kraken_core.domain.jobs import MOVES, JobStatus

    context = click.get_current_context()
    if any(context.get_parameter_source(name) is ParameterSource.COMMANDLINE for name in others):
        raise UsageError(
            "--resume goes on with a job as it was asked for: leave out what selects, or leave out --resume."
        )
    workbench.work.reap()
    job = known_job(workbench, number)
    if job.status is JobStatus.RUNNING:
        raise JobRunningError(f"job {number} is running: see how far it is with: kraken jobs {number}")
    if JobStatus.RUNNING not in MOVES[job.status]:
        raise UsageError(f"job {number} is {job.status.value.lower()}: there is nothing to go on with.")
    return job


def _show(told: Common, plan: IngestionPlan, *, document: bool = False) -> None:
    from kraken_core.cli.plan_view import print_plan
    from kraken_core.workbench import rows

    if document and told.as_json:
        print_json(rows.plan_document(plan))
    elif not told.quiet or document:
        print_plan(plan, console(stderr=not document))


def _question(job: IngestionJob | None) -> str:
    return f"Job {job.id} asked for the same and is {job.status.value.lower()}. Go on with it?" if job else "Go ahead?"


def _run(
    told: Common, workbench: Workbench, job: IngestionJob | None, plan: IngestionPlan, workers: int | None
) -> JobResult:
    from kraken_core.domain.errors import KrakenError
    from kraken_core.pipeline.run import JobResult
    from kraken_core.workbench import rows

    workbench.create()
    if job:
        told.say(f"Job {job.id} was {job.status.value.lower()} and goes on; Ctrl-C pauses it.")
    else:
        job = workbench.work.start(plan)
        told.say(f"Job {job.id} starts; Ctrl-C pauses it.")
    try:
        with _pausing(told) as stop, progress(told) as report:
            return workbench.work.run(job, plan, progress=report, stop=stop.is_set, workers=workers)
    except KrakenError:
        if told.as_json:  # how it stands; why is on stderr
            stands = JobResult(workbench.ledger.job(job.id), workbench.held.report(job.request), None)
            print_json(rows.result_document(stands))
        raise


def _detach(
    told: Common, workbench: Workbench, job: IngestionJob | None, plan: IngestionPlan, workers: int | None
) -> None:
    from kraken_core.workbench import rows

    workbench.create()
    taken_up = workbench.work.start_detached(job or workbench.work.start(plan), workers)
    if told.as_json:
        print_json(rows.job_row(taken_up))
    told.say(f"Job {taken_up.id} runs in the background: kraken jobs {taken_up.id}, kraken pause {taken_up.id}.")


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
