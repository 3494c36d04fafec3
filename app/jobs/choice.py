"""Which job is looked at: the one that the address names, else the newest."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.shared.unknown_values import warn_of_unknown
from kraken_core.domain.jobs import IngestionJob

JOB = "job"  # in the address


def chosen(jobs: Sequence[IngestionJob]) -> IngestionJob:
    """The job that is looked at, of all there are, newest first. One that is named stays, whatever is newer."""
    named = st.query_params.get(JOB)
    return next((job for job in jobs if str(job.id) == named), jobs[0])


def warn_of_other(shown: IngestionJob) -> None:
    """Say so where the address names a job that there is none of, and another one is shown."""
    named = st.query_params.get(JOB)
    if named is not None and named != str(shown.id):
        warn_of_unknown([f"Job {named}"], f"job {shown.id}")


def choose(job: IngestionJob) -> None:
    """Look at another one, from the next run of the page on."""
    st.query_params[JOB] = str(job.id)
