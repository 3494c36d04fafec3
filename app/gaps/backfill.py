"""Backfill: gaps that were chosen, the plan that fills them, and the job."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import polars as pl
import streamlit as st

from app.shared import formatting
from app.shared.plan_preview import show_plan
from app.shared.start_button import start_button
from app.shared.workbench_cache import workbench
from kraken_core.domain.errors import KrakenError
from kraken_core.domain.gaps import Route
from kraken_core.domain.request import Selection

PLAN = "backfill"  # of this session: what was asked for, and its plan

Options = tuple[tuple[int, ...], Selection]


def backfill(picked: pl.DataFrame, gaps: pl.DataFrame, filtered: Selection, *, everything: bool) -> None:
    """Offers to fill the gaps picked, or all in view, as far as a route fills them.

    ``everything``: the gaps in view are all there are of the selection.
    """
    fillable, chosen = (found.filter(pl.col("route") != Route.NONE) for found in (gaps, picked))
    options: Options | None = None
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(
            f"Preview backfill of {formatting.count(chosen.height)} chosen",
            icon=":material/preview:",
            type="primary",
            disabled=not chosen.height,
        ):
            options = (tuple(chosen["gap_id"]), filtered)
        if st.button(
            f"Preview backfill of all {formatting.count(fillable.height)} fillable",
            icon=":material/select_all:",
            disabled=not fillable.height,
        ):
            options = (() if everything else tuple(fillable["gap_id"]), filtered)
    if left := picked.height - chosen.height:
        st.caption(f"{formatting.many(left, 'chosen gap')} cannot be filled by any route: see Download manually.")
    if options:
        _preview(options)
    if kept := st.session_state.get(PLAN):
        (ids, selected), plan = kept
        if selected != filtered:
            return
        st.header("Plan")
        st.caption(f"To fill {formatting.many(len(ids), 'gap')}" if ids else "To fill every gap of the selection")
        show_plan(plan)
        start_button(plan, PLAN)


def _preview(options: Options) -> None:
    st.session_state.pop(PLAN, None)
    ids, filtered = options
    with st.spinner("Looking for what fills them …", show_time=True):
        try:
            request = workbench().backfill_request(gap_ids=ids, **as_words(filtered))
            st.session_state[PLAN] = options, workbench().runner.build_plan(request)
        except KrakenError as error:
            st.error(formatting.plain(str(error)), icon=":material/error:")


def as_words(filtered: Selection) -> dict[str, Any]:
    """A selection as the workbench's methods take it."""
    return {field.name: getattr(filtered, field.name) for field in fields(Selection)}
