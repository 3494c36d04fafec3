"""A running job as it goes: redrawn by itself every second, and nothing else of the page with it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.shared import formatting
from app.shared.error_boundary import error_boundary
from app.shared.live_status import is_streaming
from app.shared.metrics import show_metrics
from app.shared.workbench_cache import workbench
from kraken_core.domain.formatting import duration
from kraken_core.domain.jobs import STAGES, IngestionJob, JobStatus

EVERY_S = 1.0

MEANINGS = {
    "Left, about": "Of the whole job, once there is a basis: files that were read, and requests that are known.",
    "The last one took": "The newest completed job of the same request.",
}
Moves = list[tuple[int, JobStatus, str | None]]


def moves() -> Moves:
    """Where every job stands; jobs whose worker is gone are first marked so."""
    workbench().runner.fail_stalled_jobs()
    return _moves(workbench().jobs())


def _moves(jobs: Sequence[IngestionJob]) -> Moves:
    return [(job.id, job.status, job.requested) for job in jobs]


@st.fragment(run_every=EVERY_S)
def live(drawn: Moves) -> None:
    """The running job, if there is one. Where any job has moved since the page was drawn, the page is drawn anew."""
    with error_boundary():
        workbench().runner.fail_stalled_jobs()
        jobs = workbench().jobs()
        if _moves(jobs) != drawn:
            st.rerun()
        for job in jobs:
            if job.status is JobStatus.RUNNING and not is_streaming(job):
                _progress(job, jobs)


def _progress(job: IngestionJob, jobs: Sequence[IngestionJob]) -> None:
    metrics, doing = job.metrics, job.doing
    files = metrics.files_ingested + metrics.files_skipped + metrics.files_failed
    of_files = (
        f" · {formatting.count(files)} of {formatting.count(metrics.total_files)} files" if metrics.total_files else ""
    )
    stage = f"stage {job.stage_number} of {len(STAGES)}: {job.stage or STAGES[0]}"
    st.progress(job.progress_pct / 100, f"Job {job.id}, {stage} · {int(job.progress_pct)} %{of_files}")
    speed = formatting.count(round(doing.rows_per_second)) if doing and doing.rows_per_second else formatting.NOTHING
    now = workbench().clock.now()
    elapsed, before = _lasted(job, now), _took_before(job, jobs, now)
    shown = {
        "Elapsed": formatting.NOTHING if elapsed is None else duration(elapsed),
        "Left, about": _left(doing.job_eta_seconds if doing else None),
        "Left of this stage": _left(doing.eta_seconds if doing else None),
        "The last one took": formatting.NOTHING if before is None else duration(before),
        "Rows a second": speed,
        "New candles": formatting.count(metrics.records_ingested),
        "Requests": f"{formatting.count(metrics.requests)} of {formatting.count(metrics.total_requests)}",
        "Gaps open": formatting.count(metrics.gaps_open),
    }
    show_metrics(shown, MEANINGS, border=False)
    st.text(f"Now: {doing.current}" if doing and doing.current else "Now: …")


def _left(seconds: float | None) -> str:
    return formatting.NOTHING if seconds is None else duration(seconds)


def _took_before(job: IngestionJob, jobs: Sequence[IngestionJob], now: int) -> float | None:
    """How many seconds the newest completed job of the same request took: what this one may take."""
    same = (other for other in jobs if other.status is JobStatus.COMPLETED and other.request.key == job.request.key)
    return next((_lasted(other, now) for other in same), None)


def _lasted(job: IngestionJob, now: int) -> float | None:
    return job.seconds_run(now, workbench().control.seconds_stopped([job.id]).get(job.id, 0))
