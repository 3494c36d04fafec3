"""A plan run from the command line: shown, confirmed, run here or in the background, and its outcome printed."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click

from kraken_core.cli.options import CliContext
from kraken_core.cli.output import console, print_json, progress
from kraken_core.cli.result_view import print_result

if TYPE_CHECKING:
    from kraken_core.domain.completeness import Completeness
    from kraken_core.domain.jobs import IngestionJob
    from kraken_core.domain.plan import IngestionPlan
    from kraken_core.pipeline.run import JobResult
    from kraken_core.workbench import Workbench

INCOMPLETE = 4
NAMED = 3  # sources that a message names


@dataclass(frozen=True, slots=True)
class PlanExecution:
    """How a plan is run. ``complete``: it is not done while anything is missing.

    ``evidence`` is the grade that counts as known then; *claimed* by default.
    """

    dry_run: bool
    yes: bool
    detach: bool
    workers: int | None
    complete: bool = False
    evidence: str | None = None

    def require_consent(self) -> None:
        """Raises UsageError where there is no terminal to confirm on, and no --yes."""
        if not (self.yes or self.dry_run or sys.stdin.isatty()):
            raise click.UsageError(
                "no terminal to confirm on: add --yes to go ahead, or --dry-run to only see the plan"
            )

    def carry_out(
        self, ctx: CliContext, workbench: Workbench, job: IngestionJob | None, plan: IngestionPlan, began: float
    ) -> int:
        """Show the plan, and unless that is all, do it: as a new job, or going on with one. Returns the exit code.

        ``began`` is when planning did, by the performance counter. Raises JobError where a job came to its end without
        what it was for: the exchange was not reached, or no file could be read.
        """
        from kraken_core.domain.errors import JobError

        planned = time.perf_counter() - began
        if self.dry_run:
            _show(ctx, plan, document=True)
            return 0
        _show(ctx, plan)
        workbench.runner.check_ready(plan)
        if not self.yes:
            click.confirm(_question(job), default=True, abort=True, err=True)
        if self.detach:
            _detach(ctx, workbench, job, plan, self.workers)
            return 0
        result = self._agreed(ctx, workbench, job, plan)
        seconds = {**result.seconds, "plan": planned, "total": planned + result.seconds["total"]}
        print_result(ctx, workbench, replace(result, seconds=seconds))
        shortfall = result.job.error
        if missing_slots := self._incomplete_parts(plan, result) if self.complete else "":
            ctx.say(f"Not complete: {missing_slots}.{f' {shortfall}' if shortfall else ''}")
            return INCOMPLETE
        if shortfall:
            raise JobError(f"job {result.job.id} completed only in part: {shortfall}")
        return 0

    def _agreed(
        self, ctx: CliContext, workbench: Workbench, job: IngestionJob | None, plan: IngestionPlan
    ) -> JobResult:
        """The result of the job; on a terminal, more requests than planned are confirmed again."""
        from kraken_core.domain.errors import MoreRequestsNeededError

        while True:
            try:
                return _run(ctx, workbench, job, plan, self.workers)
            except MoreRequestsNeededError as needed:
                if self.yes or needed.job_id is None:
                    raise
                ctx.say(str(needed))
                job = workbench.control.known(needed.job_id)
                plan = workbench.runner.build_plan(job.request, job.as_of)
                _show(ctx, plan)
                if not _confirmed(f"Continue job {job.id}?"):
                    raise

    def _incomplete_parts(self, plan: IngestionPlan, result: JobResult) -> str:
        """What is missing, and which sources nothing is known of; "" where all is there."""
        unread = [archive.path for archive in plan.archives if archive.unreadable]
        named = f"{', '.join(unread[:NAMED])}{', …' if len(unread) > NAMED else ''}"
        sources = f"{named} could not be read, and what it contains is unknown" if unread else ""
        return "; ".join(filter(None, [self._missing(result.report.overall), sources]))

    def _missing(self, counts: Completeness) -> str:
        """What a job with --complete left missing, or covered on weaker evidence than required."""
        from kraken_core.domain.grades import Grade
        from kraken_core.domain.plural import counted
        from kraken_core.workbench.queries.required import parse_grade

        grade = parse_grade(self.evidence)
        weak = counts.covered - counts.meeting(grade)
        parts = [f"{counted(counts.missing, 'expected candle')} still missing"] if counts.missing else []
        parts += (
            [f"{counted(weak, 'covered slot')} {'doubtful' if grade is Grade.CLAIMED else f'not {grade}'}"]
            if weak
            else []
        )
        return ", and ".join(parts)


def _show(ctx: CliContext, plan: IngestionPlan, *, document: bool = False) -> None:
    from kraken_core.cli.plan_view import print_plan
    from kraken_core.workbench import documents

    if document and ctx.as_json:
        print_json(documents.plan_document(plan))
    elif not ctx.quiet or document:
        print_plan(plan, console(stderr=not document))


def _confirmed(question: str) -> bool:
    """Whether it was answered with yes; Ctrl-C is a no, as something was done already."""
    with suppress(click.Abort):
        return click.confirm(question, default=True, err=True)
    return False


def _question(job: IngestionJob | None) -> str:
    return f"Job {job.id} has the same request and is {job.status.value.lower()}. Continue it?" if job else "Go ahead?"


def _run(
    ctx: CliContext, workbench: Workbench, job: IngestionJob | None, plan: IngestionPlan, workers: int | None
) -> JobResult:
    from kraken_core.domain.errors import KrakenError
    from kraken_core.pipeline.run import JobResult
    from kraken_core.workbench import documents

    workbench.create_home()
    if job:
        ctx.say(f"Continuing job {job.id}, which was {job.status.value.lower()}; Ctrl-C pauses it.")
    else:
        job = workbench.runner.start(plan)
        ctx.say(f"Job {job.id} started; Ctrl-C pauses it.")
    try:
        with pausing(ctx, "Pausing after the files now being read") as stop, progress(ctx) as report:
            return workbench.runner.run(job, plan, progress=report, stop=stop.is_set, workers=workers)
    except KrakenError:
        if ctx.as_json:  # the state so far; the error is on stderr
            with suppress(KrakenError):  # unknown, where ledger or table do not answer
                so_far = JobResult(
                    workbench.control.known(job.id), workbench.holdings.report(job.request), None, plan=plan
                )
                print_json(documents.result_document(so_far))
        raise


def _detach(
    ctx: CliContext, workbench: Workbench, job: IngestionJob | None, plan: IngestionPlan, workers: int | None
) -> None:
    from kraken_core.workbench import documents

    workbench.create_home()
    taken_up = workbench.runner.start_detached(job or workbench.runner.start(plan), workers)
    if ctx.as_json:
        print_json(documents.job_row(taken_up))
    ctx.say(
        f"Job {taken_up.id} runs in the background: kraken-history jobs {taken_up.id}, "
        f"kraken-history pause {taken_up.id}."
    )


@contextmanager
def pausing(ctx: CliContext, message: str) -> Iterator[threading.Event]:
    """The first Ctrl-C asks the job to pause; the second one kills it, which loses nothing that was committed."""
    stop = threading.Event()

    def on_signal(_signal: int, _frame: object) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        stop.set()
        ctx.say(f"{message} (Ctrl-C again to stop at once) …")

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
