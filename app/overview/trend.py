"""Completeness over time: how complete everything was when each job had ended."""

from __future__ import annotations

from collections import defaultdict

import streamlit as st

from app.shared import formatting
from app.shared.workbench_cache import remembered
from kraken_core import Workbench
from kraken_core.domain.formatting import percent
from kraken_core.domain.run_history import CompletenessPoint
from kraken_core.workbench.figures.trends import completeness_trend

LISTED = 200  # points, as a table


@remembered
def history(workbench: Workbench) -> list[CompletenessPoint]:
    """The points there are, oldest first."""
    return workbench.run_records.completeness()


def trend() -> None:
    """The part of the page."""
    st.subheader("Completeness over time")
    points = history()
    if not points:
        st.caption("The next job that ends is the first point.")
        return
    lines: dict[int, list[tuple[int, int, float]]] = defaultdict(list)
    for each in points:
        lines[each.interval].append((each.at, each.job_id, each.counts.completeness))
    undone = {each.job_id for each in points if each.undone}
    st.plotly_chart(completeness_trend(lines, undone), config={"displayModeBar": False}, key="trend")
    gone = " Hollow points are of jobs that were undone since, and no line goes through them." if undone else ""
    st.caption(
        f"Of everything that was expected when a job had ended. It falls where a job expects more than before.{gone}"
    )
    with st.expander("As a table"):
        st.dataframe(
            [
                {
                    "At (UTC)": formatting.minute(each.at),
                    "Job": f"{each.job_id}, undone" if each.undone else str(each.job_id),
                    "Interval": formatting.interval(each.interval),
                    "Complete": percent(each.counts.completeness),
                    "Expected": formatting.count(each.counts.wanted),
                    "Missing": formatting.count(each.counts.missing),
                    "Doubtful": formatting.count(each.counts.doubtful),
                }
                for each in points[: -LISTED - 1 : -1]
            ],
            hide_index=True,
        )
