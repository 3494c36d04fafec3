"""Which job is looked at: the one that the address names, else the newest."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from kraken_core.domain.jobs import IngestionJob

JOB = "job"  # in the address


def chosen(jobs: Sequence[IngestionJob]) -> IngestionJob:
    """The job that is looked at, of all there are, newest first. One that is named stays, whatever is newer."""
    named = st.query_params.get(JOB)
    return next((job for job in jobs if str(job.id) == named), jobs[0])


def choose(job: IngestionJob) -> None:
    """Look at another one, from the next run of the page on."""
    st.query_params[JOB] = str(job.id)
