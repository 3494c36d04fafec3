"""Runs: a bar each, in the order of time, as high as it lasted, coloured by how it ended."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import plotly.graph_objects as go

from kraken_core.domain.formatting import duration
from kraken_core.workbench.figures.parts import figure_of, text

HEIGHT_PX = 240
LABELS = 4  # bars whose job and time are on the axis, at most
FEWEST = 20  # bars that there is room for, so that a few are no walls
UNDONE = "undone"  # hatched: whatever it was, it counts no more
OUTCOMES = {  # Okabe and Ito's; the legend and the hover say the same in words
    "completed": "#0072B2",
    "completed with errors": "#E69F00",
    "failed": "#D55E00",
    "cancelled": "#9A9A9A",
    "paused": "#CC79A7",
    "running": "#56B4E9",
    "pending": "#B5A900",
    UNDONE: "#0072B2",
}
_TICKS_S = (1, 10, 60, 600, 3_600, 36_000, 360_000)
CHOSEN_LINE = {"color": "#AA3377", "width": 3}  # of no outcome; seen on light and on dark


class RunBar(NamedTuple):
    """A run: its job, how it ended (of OUTCOMES), how many seconds it ran, the lines of its hover, when it began."""

    job_id: int
    outcome: str
    seconds: float
    hover: Sequence[str]
    began: str = ""  # as the axis has it


def run_bars(runs: Sequence[RunBar], chosen: int | None = None) -> go.Figure:
    """The runs from left to right, on a scale of powers of ten; the one that is chosen has a frame.

    A bar that is clicked tells its job.
    """
    traces = []
    for outcome, colour in OUTCOMES.items():
        found = [run for run in runs if run.outcome == outcome]
        if not found:
            continue
        traces.append({
            "type": "bar",
            "x": [f"{run.job_id}" for run in found],
            "y": [max(run.seconds, _TICKS_S[0]) for run in found],
            "name": outcome,
            "marker": {"color": colour, "pattern": {"shape": "/" if outcome == UNDONE else ""}, "line": {
                "color": [CHOSEN_LINE["color"] if run.job_id == chosen else colour for run in found],
                "width": [CHOSEN_LINE["width"] if run.job_id == chosen else 0 for run in found]}},
            "customdata": [run.job_id for run in found],
            "hovertext": ["<br>".join(map(text, run.hover)) for run in found],
            "hovertemplate": "%{hovertext}<extra></extra>",
            "unselected": {"marker": {"opacity": 1}},
        })  # fmt: skip
    longest = max((run.seconds for run in runs), default=0.0)
    top = max(math.log10(max(longest, _TICKS_S[1])) + 0.1, 1)
    up = {
        "type": "log",
        "range": [math.log10(_TICKS_S[0] / 2), top],
        "tickvals": list(_TICKS_S),
        "ticktext": [duration(seconds) for seconds in _TICKS_S],
        "fixedrange": True,
        "title": {"text": "lasted (log scale)"},
    }
    order = [str(run.job_id) for run in runs]
    named = runs[:: -(-max(len(runs), FEWEST) // LABELS)]
    across = {
        "type": "category",
        "categoryorder": "array",
        "categoryarray": order,
        "tickvals": [str(run.job_id) for run in named],
        "ticktext": [f"{run.job_id}<br>{text(run.began)}" for run in named],
        "range": [-0.5, max(len(order), FEWEST) - 0.5],
        "fixedrange": True,
        "tickangle": 0,
    }
    legend = {"orientation": "h", "y": 1, "yanchor": "bottom", "x": 0, "itemclick": False, "itemdoubleclick": False}
    margin = {"l": 0, "r": 0, "t": 36, "b": 0}
    looks = {"height": HEIGHT_PX, "margin": margin, "legend": legend, "showlegend": True, "barmode": "overlay"}
    acts = {"clickmode": "event+select", "dragmode": False, "bargap": 0.25}
    return figure_of(traces, {"xaxis": across, "yaxis": up}, looks, acts)
