"""What can be done with a job, as buttons. Each goes through the ledger, so it does not matter who runs the job."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NoReturn

import streamlit as st

from app.shared import formatting
from app.shared.workbench_cache import workbench
from kraken_core.domain.errors import KrakenError
from kraken_core.domain.jobs import MOVES, Control, IngestionJob, JobStatus

REFUSAL = "refusal"  # of this session


def controls(job: IngestionJob) -> None:
    """The buttons of the moves that the job's state allows."""
    allowed = MOVES[job.status]
    with st.container(horizontal=True):
        if JobStatus.PAUSED in allowed:
            st.button(
                "Pausing …" if job.requested is Control.PAUSE else "Pause",
                icon=":material/pause:",
                key=f"pause {job.id}",
                disabled=job.requested is not None,
                on_click=_act,  # before the page is drawn, which so shows at once that it was requested
                args=(partial(_unless, JobStatus.PAUSED, job.id, workbench().control.pause),),
            )
        if JobStatus.RUNNING in allowed:
            _resume(job)
        if JobStatus.CANCELLED in allowed:
            with st.popover("Cancel …", icon=":material/cancel:", key=f"cancel {job.id}"):
                _confirm(job)


def _resume(job: IngestionJob) -> None:
    failed = job.metrics.files_failed
    label = "Start" if job.status is JobStatus.PENDING else "Resume"
    if failed and not _left(job):
        label = f"Retry {formatting.many(failed, 'failed file')}"
    if st.button(label, icon=":material/play_arrow:", type="primary", key=f"resume {job.id}"):
        with st.spinner("Starting a process for the job …"):
            act_and_rerun(partial(_unless, JobStatus.RUNNING, job.id, workbench().control.resume))


def _left(job: IngestionJob) -> int:
    """Files that were not read yet."""
    done = job.metrics.files_ingested + job.metrics.files_skipped + job.metrics.files_failed
    return job.total_files - done


def _confirm(job: IngestionJob) -> None:
    """Asks before a job is cancelled: that is its end."""
    st.write(f"Job {job.id} ends for good and cannot be resumed. What it has done so far is kept.")
    st.button(
        "Cancel job",
        type="primary",
        key=f"cancel job {job.id}",
        disabled=job.requested is Control.CANCEL,
        on_click=_act,
        args=(partial(_unless, JobStatus.CANCELLED, job.id, workbench().control.cancel),),
    )


def _unless(status: JobStatus, job_id: int, act: Callable[[int], object]) -> None:
    """Do something with a job, unless it is so already: of two clicks in a row the second has nothing to do."""
    try:
        act(job_id)
    except KrakenError:
        if workbench().control.known(job_id).status is not status:
            raise


def act_and_rerun(act: Callable[[], object]) -> NoReturn:
    """Do something, and draw the page anew; where it could not be done, with the reason (see :func:`refusal`)."""
    _act(act)
    st.rerun()


def _act(act: Callable[[], object]) -> None:
    try:
        act()
    except KrakenError as error:
        st.session_state[REFUSAL] = str(error)


def refusal() -> None:
    """Says why the last button did nothing, if so: another tab may have been faster."""
    if reason := st.session_state.pop(REFUSAL, None):
        st.warning(formatting.plain(reason), icon=":material/warning:")
