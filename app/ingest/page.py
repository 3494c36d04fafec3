"""Ingest: choose, look at the plan, start the job."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app.ingest.request_form import request_form
from app.shared import formatting
from app.shared.plan_preview import show_plan
from app.shared.start_button import start_button
from app.shared.workbench_cache import workbench
from kraken_core.domain.errors import KrakenError
from kraken_core.domain.plan import IngestionPlan

PLAN = "plan"  # of this session: the one that was last looked at


def page() -> None:
    """The page."""
    st.title("Ingest")
    st.caption("Read archives and query the exchange, find what is missing, fill what can be filled. Look first.")
    options, workers = request_form()
    if st.button("Preview plan", icon=":material/preview:", type="primary", disabled=options is None) and options:
        _preview(options)
    if options is None:
        st.caption("Choose tiers or pairs first.")
    plan = st.session_state.get(PLAN)
    if options and plan:
        _offer(plan, options, workers)


def _preview(options: dict[str, Any]) -> None:
    st.session_state.pop(PLAN, None)
    with st.spinner("Looking at the archives …", show_time=True):
        try:
            st.session_state[PLAN] = workbench().plan(**options)
        except KrakenError as error:
            st.error(formatting.plain(str(error)), icon=":material/error:")


def _offer(plan: IngestionPlan, options: dict[str, Any], workers: int | None) -> None:
    """The plan, and the button that starts it, as long as it is the one that is asked for."""
    current = workbench().request(**options) == plan.request
    st.header("Plan")
    if not current:
        st.info("The form has changed since: preview the plan again.", icon=":material/update:")
        return
    show_plan(plan)
    start_button(plan, PLAN, workers)


page()
