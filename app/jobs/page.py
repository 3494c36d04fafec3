"""Jobs: the one that runs, and all there were."""

from __future__ import annotations

import streamlit as st

from app.jobs.choice import JOB, chosen, warn_of_other
from app.jobs.controls import controls, refusal
from app.jobs.detail import PARTS, detail
from app.jobs.live import live, moves
from app.jobs.retry import retry
from app.jobs.runs import runs
from app.shared.error_boundary import error_boundary
from app.shared.filters import IN_URL
from app.shared.history import tab_title
from app.shared.unknown_values import one_of, unknown_values, warn_of_unknown, wrong_values
from app.shared.workbench_cache import workbench
from kraken_core.domain.jobs import IngestionJob, JobStatus

REDRAWN_S = 4.0  # how often runs and details are, while a job runs


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
                st.caption(f"Requested: {job.requested.lower()}. It finishes its current file or request first.")
    if not jobs:
        st.info("There are no jobs yet.", icon=":material/inbox:")
        st.page_link("ingest/page.py", label="Start the first one", icon=":material/input:")
        return
    running = any(job.status is JobStatus.RUNNING for job in jobs)
    st.fragment(_runs_and_detail, run_every=REDRAWN_S if running else None)()


def _runs_and_detail() -> None:
    with error_boundary():
        jobs = workbench().jobs()
        job = chosen(jobs)
        tab_title(f"Job {job.id}" if JOB in st.query_params else "Jobs")
        with st.container():
            warn_of_other(job)
        runs(_filtered(jobs), job)
        with st.container():
            st.header(f"Job {job.id}")
            if job.status is not JobStatus.RUNNING:
                controls(job)
                retry(job)
        detail(job)


def _filtered(jobs: list[IngestionJob]) -> list[IngestionJob]:
    tiers = sorted({tier for job in jobs for tier in job.request.tiers})
    wrong = wrong_values({"status": one_of(*map(str.lower, JobStatus)), "show": one_of(*PARTS)})
    with st.container():  # what comes and goes has a place of its own: see app/shared/filters.py
        warn_of_unknown(unknown_values({"of_tier": tiers}), "jobs without that filter", wrong)
    first, second = st.columns(2)
    statuses = first.multiselect(
        "Status", list(JobStatus), key="status", bind=IN_URL, format_func=str.lower, placeholder="All"
    )
    of_tiers = second.multiselect("Tiers", tiers, key="of_tier", bind=IN_URL, placeholder="All")
    return [
        job
        for job in jobs
        if (not statuses or job.status in statuses) and (not of_tiers or set(of_tiers) & set(job.request.tiers))
    ]


page()
