"""The evidence of what is covered, as one bar: what share is of which grade."""

from __future__ import annotations

import plotly.graph_objects as go

from kraken_core.domain.completeness import Completeness
from kraken_core.domain.formatting import percent
from kraken_core.domain.grades import Grade
from kraken_core.workbench.figures.palette import GRADES

HEIGHT_PX = 74
MEANINGS = {
    Grade.PROVED: "trade ids are consecutive, or count as many trades as are stored",
    Grade.CONFIRMED: "two sources, or two intervals of two files, agree",
    Grade.CLAIMED: "one source covers it",
    Grade.DOUBTFUL: "suspiciously without trades, fewer than trade ids count, or intervals disagree: not complete",
}


def evidence_bar(counts: Completeness) -> go.Figure:
    """A stacked bar of the covered slots, best grade first; one that no slot has is left out."""
    figure = go.Figure()
    for grade, meaning in MEANINGS.items():
        slots = getattr(counts, grade.value)
        if not slots:
            continue
        share = percent(slots / counts.covered)
        figure.add_bar(
            orientation="h", x=[slots], y=[""], name=f"{grade.value.capitalize()} {share}", marker_color=GRADES[grade],
            hovertemplate=f"{grade.value}: {slots:,} slots, {share}<br>{meaning}<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(visible=False, range=[0, counts.covered], fixedrange=True)
    figure.update_yaxes(visible=False, fixedrange=True)
    legend = {"orientation": "h", "x": 0, "y": 0, "yanchor": "top", "traceorder": "normal"}
    margin = {"l": 0, "r": 0, "t": 0, "b": 30}
    return figure.update_layout(barmode="stack", height=HEIGHT_PX, margin=margin, legend=legend, showlegend=True)
