"""What needs attention, the most urgent first, each with where to go for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from app.overview.summary import OpenGaps, Summary
from app.shared import formatting
from kraken_core.domain.jobs import FileIngestionRecord, IngestionJob, JobStatus
from kraken_core.domain.tiers import ALL

STALE_S = 86_400  # behind by more than this, a history is worth bringing up to date
NAMED = 3


class Matter(NamedTuple):
    """One thing to attend to; ``view`` is the page to go to, with its filters."""

    text: str
    view: str
    label: str
    filters: dict[str, str]


def matters(jobs: Sequence[IngestionJob], summary: Summary, now: int, problems: Sequence[str] = ()) -> list[Matter]:
    """Everything that needs attention, in order. ``jobs`` newest first, ``now`` in epoch seconds.

    ``problems`` are those of the settings, which come first.
    """
    return [
        *(Matter(problem, "settings", "See the setting", {}) for problem in problems),
        *_of_jobs(jobs),
        *_of_unread(summary),
        *_of_rejects(summary),
        *_of_nothing(summary),
        *_of_gaps(summary),
        *_of_doubts(summary),
        *_of_freshness(summary, now),
    ]


def _of_jobs(jobs: Sequence[IngestionJob]) -> Iterator[Matter]:
    for job in jobs:
        there = {"job": str(job.id)}
        if job.is_orphaned:
            text = f"The worker of job {job.id} stopped unexpectedly; everything it stored is kept."
            yield Matter(text, "jobs", "Resume it", there)
        elif job.status is JobStatus.FAILED:
            yield Matter(f"Job {job.id} failed: {job.error}", "jobs", "See why", there)
        elif job.status in {JobStatus.PAUSED, JobStatus.PENDING}:
            yield Matter(f"Job {job.id} is {job.status.lower()}.", "jobs", "Resume it", there)
    yield from _of_last_job(jobs)


def _of_last_job(jobs: Sequence[IngestionJob]) -> Iterator[Matter]:
    """What the newest job could not do, though it completed."""
    if not jobs or jobs[0].status is not JobStatus.COMPLETED:
        return
    if jobs[0].error:
        text = f"Job {jobs[0].id} completed, but: {jobs[0].error}"
        yield Matter(text, "jobs", "See the job", {"job": str(jobs[0].id)})


def _of_unread(summary: Summary) -> Iterator[Matter]:
    """Files that were not read yet, by the job in which they failed last, the newest first."""
    newest, rest = _by_job(summary.unread)
    for job, files in newest:
        text = f"{formatting.many(len(files), 'file')} could not be read in job {job}, nor since: {_names(files)}."
        yield Matter(text, "jobs", "See why", _errors_of(job))
    if rest:
        text = f"{formatting.many(len(rest), 'more file')} of earlier jobs could not be read."
        yield Matter(text, "jobs", "See the newest", _errors_of(rest[0].job_id))


def _of_rejects(summary: Summary) -> Iterator[Matter]:
    """Files of which only a part could be read, by the job that read it, the newest first."""
    newest, rest = _by_job(summary.rejects)
    for job, files in newest:
        rows = formatting.many(sum(file.records_rejected for file in files), "row")
        yield Matter(f"{rows} rejected in job {job}, of {_names(files)}.", "jobs", "See why", _errors_of(job))
    if rest:
        rows = formatting.many(sum(file.records_rejected for file in rest), "more row")
        yield Matter(f"{rows} of files of earlier jobs rejected.", "jobs", "See the newest", _errors_of(rest[0].job_id))


def _errors_of(job: int | None) -> dict[str, str]:
    """Where the page of a job says what it could not read."""
    return {"job": str(job), "show": "Errors"}


def _by_job(
    files: Sequence[FileIngestionRecord],
) -> tuple[list[tuple[int | None, list[FileIngestionRecord]]], list[FileIngestionRecord]]:
    """The files of some newest jobs that have any, and those of all others."""
    by_job: defaultdict[int | None, list[FileIngestionRecord]] = defaultdict(list)
    for file in reversed(files):
        by_job[file.job_id].append(file)
    jobs = list(by_job.items())
    return jobs[:NAMED], [file for _, others in jobs[NAMED:] for file in others]


def _names(files: Sequence[FileIngestionRecord]) -> str:
    more = f" and {formatting.count(len(files) - NAMED)} more" if len(files) > NAMED else ""
    return ", ".join(sorted(file.member for file in files)[:NAMED]) + more


def _of_nothing(summary: Summary) -> Iterator[Matter]:
    for pair, reason in list(summary.nothing.items())[:NAMED]:
        yield Matter(f"Nothing is stored of {pair}: {reason}", "gaps", "See its gaps", {"pair": pair})
    if (more := len(summary.nothing) - NAMED) > 0:
        yield Matter(f"Nothing is stored of {formatting.many(more, 'more pair')}.", "gaps", "See their gaps", {})


def _of_gaps(summary: Summary) -> Iterator[Matter]:
    gaps, slots, partly = (sum(counts) for counts in zip(OpenGaps(), *summary.routes.values(), strict=True))
    if gaps:
        in_part = f", {formatting.count(partly)} of them in part" if partly else ""
        text = f"{formatting.many(gaps, 'gap')} can be filled{in_part}: up to {formatting.many(slots, 'candle')}."
        yield Matter(text, "gaps", "Fill them", {})
    by_size = sorted(summary.archives.items(), key=lambda item: -item[1].slots)
    for archive, missing in by_size[:NAMED]:
        text = f"Download {archive} to fill up to {formatting.many(missing.slots, 'missing candle')}."
        yield Matter(text, "gaps", "See the files", {})
    if (more := len(by_size) - NAMED) > 0:
        yield Matter(f"{formatting.many(more, 'more archive')} would fill other gaps.", "gaps", "See the list", {})
    if summary.lost:
        text = f"{formatting.many(summary.lost, 'gap')} can't be filled from any known source."
        yield Matter(text, "gaps", "See them", {"lost": "true"})


def _of_doubts(summary: Summary) -> Iterator[Matter]:
    if doubtful := summary.doubtful:
        why = "an unusual lack of trades, fewer trades than trade ids count, or intervals that disagree"
        text = f"{formatting.many(doubtful, 'candle')} doubtful: {why}."
        yield Matter(text, "gaps", "Check them", {"tab": "Quality"})


def _of_freshness(summary: Summary, now: int) -> Iterator[Matter]:
    if summary.stalest and (behind := now - summary.stalest[1]) > STALE_S:
        text = f"{formatting.freshness(*summary.stalest, behind)}."
        yield Matter(text, "ingest", "Bring it up to date", {"tier": ALL, "new": "true", "expected": "true"})
