"""The job that ``--resume`` names, for the commands that take it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

if TYPE_CHECKING:
    from kraken_core.domain.jobs import IngestionJob
    from kraken_core.workbench.workbench import Workbench


def job_to_resume(workbench: Workbench, number: int, others: Iterable[str], *, audit: bool) -> IngestionJob:
    """The job, or the audit, to resume with its own request; ``others`` are options that would say another.

    Raises UsageError, JobRunningError.
    """
    from kraken_core.domain.errors import JobRunningError, UsageError
    from kraken_core.domain.jobs import MOVES, JobStatus

    context = click.get_current_context()
    if any(context.get_parameter_source(name) is ParameterSource.COMMANDLINE for name in others):
        kind = "an audit" if audit else "a job"
        raise UsageError(
            f"--resume continues {kind} with its own request: remove the other options, or remove --resume."
        )
    workbench.runner.fail_stalled_jobs()
    job = workbench.control.known(number)
    if job.request.audit != audit:
        is_what = "is an audit" if job.request.audit else "is not an audit"
        raise UsageError(f"job {number} {is_what}; resume it with {workbench.runner.resume_command(job)}")
    if job.status is JobStatus.RUNNING:
        raise JobRunningError(f"job {number} is already running; its progress: kraken-history jobs {number}")
    if JobStatus.RUNNING not in MOVES[job.status]:
        raise UsageError(f"job {number} is {job.status.value.lower()} and cannot be resumed.")
    return job
