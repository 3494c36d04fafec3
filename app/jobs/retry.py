"""A job that has ended, and files that failed in it: they alone are read again, by a job of their own."""

from __future__ import annotations

from dataclasses import replace
from typing import NoReturn

import streamlit as st

from app.jobs.choice import choose
from app.shared import formatting
from app.shared.plan_preview import show_plan
from app.shared.start_button import start_button
from app.shared.workbench_cache import workbench
from kraken_core.domain.errors import KrakenError
from kraken_core.domain.jobs import IngestionJob, JobOrigin, JobStatus
from kraken_core.domain.plan import IngestionPlan
from kraken_core.domain.request import JobKind

PLAN = "retry"  # of this session: of which job, and what would be done
ENDED = {JobStatus.COMPLETED, JobStatus.CANCELLED}  # others are resumed, which tries such files again too


def retry(job: IngestionJob) -> None:
    """Offers to read the files again that failed, where there are any; the plan is shown first."""
    if job.status not in ENDED or not job.metrics.files_failed:
        return
    if st.button(
        f"Preview a retry of {formatting.many(job.metrics.files_failed, 'failed file')}",
        icon=":material/replay:",
        key=f"retry {job.id}",
    ):
        st.session_state.pop(PLAN, None)
        with st.spinner("Looking at their archives …"):
            try:
                st.session_state[PLAN] = job.id, _plan(job)
            except KrakenError as error:
                st.error(formatting.plain(str(error)), icon=":material/error:")
    of, plan = st.session_state.get(PLAN, (None, None))
    if of == job.id:
        st.subheader("Plan")
        st.caption("The same request, of the archives alone in which files failed; what was read of them is skipped.")
        show_plan(plan)
        start_button(plan, PLAN, then=_look_at, origin=JobOrigin(kind=JobKind.RETRY))


def _look_at(job: IngestionJob) -> NoReturn:
    choose(job)
    st.rerun()


def _plan(job: IngestionJob) -> IngestionPlan:
    """The job's request of nothing but the archives that failed files are in; what was read of these is skipped."""
    failed = [file.path for file in workbench().control.failed_files(job.id)]
    return workbench().runner.build_plan(replace(job.request, sources=tuple(dict.fromkeys(failed))))
