"""Overview: how complete the history is, how fresh, what runs, and what needs attention first."""

from __future__ import annotations

import streamlit as st

from app.jobs.live import live, moves
from app.overview.attention import matters
from app.overview.first_steps import first_steps
from app.overview.summary import NO_TIER, Summary, summary
from app.shared import formatting
from app.shared.links import link
from app.shared.metrics import show_metrics
from app.shared.workbench_cache import workbench
from kraken_core.domain.formatting import duration, percent
from kraken_core.domain.jobs import JobStatus
from kraken_core.workbench.figures.completeness import completeness_heatmap
from kraken_core.workbench.figures.evidence import evidence_bar

MEANINGS = {
    "Completeness": "Covered slots that are not doubtful, of those expected.",
    "Missing": "Slots that no source knows anything of.",
    "Silent": "Slots in which nothing traded: complete, and nothing to repair.",
    "Candles": "Slots with a candle, of those wanted.",
    "Activity": "Slots with a candle, of those covered: how often the pairs trade.",
}


def page() -> None:
    """The page."""
    st.title("Overview")
    drawn = moves()
    live(drawn)
    found = summary()
    if found is None:
        if any(status is not JobStatus.CANCELLED for _, status, _ in drawn):
            st.info("Nothing is complete yet: see how far the job is on **Jobs**.", icon=":material/hourglass_empty:")
        else:
            first_steps()
        return
    as_of = f"As of {formatting.moment(found.as_of)}, the last detection."
    st.caption(f"{as_of} Slots are the places of candles in time; silent ones, in which nothing traded, are covered.")
    _figures(found)
    if found.overall.covered:
        st.subheader("Evidence")
        st.plotly_chart(evidence_bar(found.overall), config={"displayModeBar": False}, key="evidence")
    _attention(found)
    st.subheader("Completeness by tier and interval")
    figure = completeness_heatmap(found.cells, [*workbench().tiers.names, NO_TIER])
    st.plotly_chart(figure, config={"displayModeBar": False}, key="completeness")
    fresh, worst = st.columns(2)
    with fresh:
        _freshness(found)
    with worst:
        _worst(found)


def _figures(found: Summary) -> None:
    slots = found.overall
    shown = {
        "Completeness": percent(slots.completeness),
        "Missing": formatting.count(slots.missing),
        "Silent": formatting.count(slots.silent),
        "Candles": formatting.count(slots.present),
        "Activity": percent(slots.activity),
    }
    show_metrics(shown, MEANINGS)


def _attention(found: Summary) -> None:
    st.subheader("Needs attention")
    todo = matters(workbench().jobs(), found, workbench().clock.now())
    if not todo:
        st.success("Nothing: all that is wanted is held.", icon=":material/check:")
    for matter in todo:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(formatting.plain(matter.text), width="content")
            link(matter.view, matter.label, ":material/arrow_forward:", **matter.filters)


def _freshness(found: Summary) -> None:
    st.subheader("Freshness")
    now = workbench().clock.now()
    rows = [
        {
            "Interval": formatting.interval(interval),
            "Covered until": formatting.moment(end),
            "Age": duration(now - end),
        }
        for interval, end in sorted(found.newest.items())
    ]
    st.dataframe(rows, hide_index=True, height="content")


def _worst(found: Summary) -> None:
    if not found.worst:
        return
    st.subheader("Least complete series")
    rows = [
        {
            "Pair": str(series.pair),
            "Interval": formatting.interval(series.interval),
            "Completeness": percent(slots.completeness),
            "Missing": formatting.count(slots.missing),
            "Why": found.reasons.get(series, ""),
        }
        for series, slots in found.worst
    ]
    st.dataframe(rows, hide_index=True, height="content")


page()
