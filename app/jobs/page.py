"""Jobs: the one that runs, and all there were."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app.jobs.choice import JOB, choose, chosen
from app.jobs.controls import controls, refusal
from app.jobs.detail import detail
from app.jobs.live import live, moves
from app.jobs.retry import retry
from app.shared import formatting
from app.shared.error_boundary import error_boundary
from app.shared.filters import IN_URL
from app.shared.history import tab_title
from app.shared.tables import numbers
from app.shared.workbench_cache import workbench
from kraken_core.domain.formatting import duration
from kraken_core.domain.jobs import IngestionJob, JobStatus

TABLE = "history"
REDRAWN_S = 4.0  # how often the tables are, while a job runs


def page() -> None:
    """The page."""
    drawn = moves()
    jobs = workbench().jobs()
    with st.container():  # what comes and goes has a place of its own: see app/shared/filters.py
        st.title("Jobs")
        refusal()
        live(drawn)
        for job in jobs:
            if job.status is JobStatus.RUNNING:
                controls(job)
            if job.status is JobStatus.RUNNING and job.requested:
                st.caption(f"Requested: {job.requested.lower()}. It first ends the file or request it is at.")
    if not jobs:
        st.info("There are no jobs yet.", icon=":material/inbox:")
        st.page_link("ingest/page.py", label="Start the first one", icon=":material/input:")
        return
    running = any(job.status is JobStatus.RUNNING for job in jobs)
    st.fragment(_history_and_detail, run_every=REDRAWN_S if running else None)()


def _history_and_detail() -> None:
    with error_boundary():
        jobs = workbench().jobs()
        job = chosen(jobs)
        tab_title(f"Job {job.id}" if JOB in st.query_params else "Jobs")
        _history(_filtered(jobs), job)
        with st.container():
            st.header(f"Job {job.id}")
            if job.status is not JobStatus.RUNNING:
                controls(job)
                retry(job)
        detail(job)


def _filtered(jobs: list[IngestionJob]) -> list[IngestionJob]:
    first, second = st.columns(2)
    statuses = first.multiselect(
        "Status", list(JobStatus), key="status", bind=IN_URL, format_func=str.lower, placeholder="All"
    )
    tiers = sorted({tier for job in jobs for tier in job.request.tiers})
    of_tiers = second.multiselect("Tiers", tiers, key="of_tier", bind=IN_URL, placeholder="All")
    return [
        job
        for job in jobs
        if (not statuses or job.status in statuses) and (not of_tiers or set(of_tiers) & set(job.request.tiers))
    ]


def _history(jobs: list[IngestionJob], at: IngestionJob) -> None:
    if not jobs:
        st.caption("No job is like that.")
        return
    key = f"{TABLE} {at.id} {[job.id for job in jobs]}"  # the row that is highlighted is another one then
    st.dataframe(
        [_row(job) for job in jobs],
        hide_index=True,
        key=key,
        on_select=lambda: _choose(jobs, key),
        selection_mode=("single-row", "single-cell"),
        selection_default={"selection": {"rows": [jobs.index(at)] if at in jobs else []}},
        column_config=numbers("Files", "New candles", "Gaps open")
        | {"Progress": st.column_config.ProgressColumn(format="%d %%", max_value=100, width="small")},
    )


def _choose(jobs: list[IngestionJob], key: str) -> None:
    """The row that was clicked becomes the job that is shown below."""
    selection = st.session_state[key].selection
    for row in [*(row for row, _ in selection.cells), *selection.rows][:1]:
        choose(jobs[row])


def _row(job: IngestionJob) -> dict[str, Any]:
    took = (job.finished_at - job.started_at).total_seconds() if job.finished_at and job.started_at else None
    return {
        "Job": job.id,
        "Status": formatting.status(job),
        "What": formatting.asked_for(job),
        "Progress": job.progress_pct,
        "Files": job.total_files,
        "New candles": job.records_ingested,
        "Gaps open": job.gaps_detected - job.gaps_filled,
        "Created (UTC)": f"{job.created_at:%Y-%m-%d %H:%M}",
        "Took": formatting.NOTHING if took is None else duration(took),
    }


page()
