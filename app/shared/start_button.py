"""From a plan that was looked at to a job that runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

import streamlit as st

from app.shared.links import go
from app.shared.workbench_cache import workbench
from kraken_core.domain.jobs import BY_HAND, IngestionJob, JobOrigin
from kraken_core.domain.plan import IngestionPlan


def start_button(
    plan: IngestionPlan,
    kept: str,
    workers: int | None = None,
    then: Callable[[IngestionJob], NoReturn] | None = None,
    origin: JobOrigin = BY_HAND,
) -> None:
    """The button that starts the plan, or goes on with the job of the same request; ``kept``: of the session.

    One job at a time runs in a home; what is kept of the session is forgotten once the job has begun. ``workers`` says
    how many files are read at once, where it is not as the settings have it; ``then`` leads to the job that has begun;
    ``origin`` is what began it.
    """
    running = workbench().control.running()
    before = workbench().runner.unfinished(plan.request)
    if running:
        st.info(f"Job {running[0].id} is running: one job at a time in a home.", icon=":material/sync:")
    elif before:
        st.info(f"Job {before.id} has the same request and is {before.status.lower()}: it goes on where it was.")
    label = f"Go on with job {before.id}" if before else "Start"
    if st.button(label, icon=":material/play_arrow:", type="primary", disabled=bool(running)):
        with st.spinner("Starting a process for the job …"):
            job = workbench().run_detached(plan, workers, origin)
        del st.session_state[kept]
        (then or _watch)(job)


def _watch(job: IngestionJob) -> NoReturn:
    go("jobs", job=str(job.id))
