"""What needs attention, the most urgent first, each with where to go for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from app.overview.summary import Summary
from app.shared import formatting
from kraken_core.domain.formatting import duration
from kraken_core.domain.gaps import Route
from kraken_core.domain.jobs import IngestionJob, JobStatus

STALE_S = 86_400  # behind by more than this, a history is worth bringing up to date
NAMED = 3


class Matter(NamedTuple):
    """One thing to attend to; ``view`` is the page to go to, with its filters."""

    text: str
    view: str
    label: str
    filters: dict[str, str]


def matters(jobs: Sequence[IngestionJob], summary: Summary, now: int) -> list[Matter]:
    """Everything that needs attention, in order. ``jobs`` newest first, ``now`` in epoch seconds."""
    return [
        *_of_jobs(jobs),
        *_of_nothing(summary),
        *_of_gaps(summary),
        *_of_doubts(summary),
        *_of_freshness(summary, now),
    ]


def _of_jobs(jobs: Sequence[IngestionJob]) -> Iterator[Matter]:
    for job in jobs:
        there = {"job": str(job.id)}
        if job.is_orphaned:
            yield Matter(f"Job {job.id} lost its worker; nothing that it did is lost.", "jobs", "Resume it", there)
        elif job.status is JobStatus.FAILED:
            yield Matter(f"Job {job.id} failed: {job.error}", "jobs", "See why", there)
        elif job.status in {JobStatus.PAUSED, JobStatus.PENDING}:
            yield Matter(f"Job {job.id} is {job.status.lower()}.", "jobs", "Resume it", there)
    if jobs and jobs[0].status is JobStatus.COMPLETED and jobs[0].error:
        job = jobs[0]
        yield Matter(f"Job {job.id} did what it could: {job.error}", "jobs", "See it", {"job": str(job.id)})
    elif jobs and (failed := jobs[0].metrics.files_failed):
        text = f"{formatting.many(failed, 'file')} of job {jobs[0].id} could not be read."
        yield Matter(text, "jobs", "See which", {"job": str(jobs[0].id), "show": "Errors"})


def _of_nothing(summary: Summary) -> Iterator[Matter]:
    for pair, reason in list(summary.nothing.items())[:NAMED]:
        yield Matter(f"Nothing is stored of {pair}: {reason}", "gaps", "See its gaps", {"pair": pair})
    if (more := len(summary.nothing) - NAMED) > 0:
        yield Matter(f"Nothing is stored of {formatting.many(more, 'other pair')} either.", "gaps", "See them", {})


def _of_gaps(summary: Summary) -> Iterator[Matter]:
    fillable = [missing for route, missing in summary.routes.items() if route is not Route.NONE]
    if gaps := sum(missing.gaps for missing in fillable):
        slots = sum(missing.slots for missing in fillable)
        text = f"{formatting.many(gaps, 'gap')} (up to {formatting.count(slots)} slots) can be filled from here."
        yield Matter(text, "gaps", "See them", {})
    by_size = sorted(summary.archives.items(), key=lambda item: -item[1].slots)
    for archive, missing in by_size[:NAMED]:
        text = f"Download {archive} to fill up to {formatting.many(missing.slots, 'missing candle')}."
        yield Matter(text, "gaps", "See them", {})
    if (more := len(by_size) - NAMED) > 0:
        yield Matter(f"{formatting.many(more, 'other archive')} would fill some more.", "gaps", "See the list", {})
    if summary.lost:
        text = f"{formatting.many(summary.lost, 'gap')} cannot be filled by anything that is known."
        yield Matter(text, "gaps", "See them", {})


def _of_doubts(summary: Summary) -> Iterator[Matter]:
    if doubtful := summary.overall.doubtful:
        text = f"{formatting.count(doubtful)} intervals are doubtful: nothing traded where trades were to be expected."
        yield Matter(text, "gaps", "Verify them", {"tab": "Quality"})


def _of_freshness(summary: Summary, now: int) -> Iterator[Matter]:
    if summary.newest and (behind := now - max(summary.newest.values())) > STALE_S:
        text = f"What is held ends {duration(behind)} before now."
        yield Matter(text, "ingest", "Bring it up to date", {})
