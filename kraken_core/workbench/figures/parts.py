"""What the figures over time have in common: their axes in UTC, names as text, bars that stand for stretches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from kraken_core.domain.formatting import instant
from kraken_core.domain.timerange import TimeRange

MS = 1_000  # milliseconds a second: plotly's dates
ROW_PX, AROUND_PX = 24, 136
# What labels take. Plotly makes room for longer ones by itself, but then draws everything a second time.
MARGIN = {"l": 0, "r": 0, "t": 36, "b": 46}
LETTER_PX, LONGEST, TITLE_PX = 7.5, 30, 24
LEGEND = {"orientation": "h", "y": 1, "yanchor": "bottom", "x": 0, "title": None}
Part = dict[str, Any]  # a trace, or some of a layout
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def text(name: str) -> str:
    """A name that plotly shows as it is: it takes some HTML in labels and hovers for markup."""
    return name.translate(_ENTITIES)


def span(start: int, end: int) -> str:
    """A range in a hover: 2024-01-31 12:00 – 2024-01-31 13:00 UTC."""
    return f"{instant(start)} – {instant(end)} UTC"


def figure_of(traces: Sequence[Part], *layouts: Part) -> go.Figure:
    """A figure of traces, and of layouts of which the later ones change the earlier.

    It is made of all of them at once. Plotly searches all it knows of figures at each change of one, so that the same
    figure, made step by step, takes four times as long.
    """
    layout: Part = {}
    for each in layouts:
        layout = merged(layout, each)
    return go.Figure({"data": traces, "layout": layout})


def merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> Part:
    """The two, and what both have of a name, if that has parts itself, merged."""
    common = {
        name: merged(first[name], value)
        for name, value in second.items()
        if isinstance(value, Mapping) and isinstance(first.get(name), Mapping)
    }
    return {**first, **second, **common}


def over_time(window: TimeRange, height: int, *, dragged: bool) -> Part:
    """The layout of a window, which is dragged across, or else clicked: Streamlit tells of one or the other."""
    return {
        "xaxis": {"fixedrange": True, **time_axis(window)},
        "yaxis": {"fixedrange": True},
        "height": height,
        "margin": MARGIN,
        "legend": LEGEND,
        "dragmode": "select" if dragged else "pan",  # nothing to pan: both axes are fixed
        "selectdirection": "h",
        "clickmode": "event+select",
        "hovermode": "closest",
    }


def time_axis(window: TimeRange) -> Part:
    """An axis of the time in a window."""
    return {
        "type": "date",
        "range": [window.start * MS, window.end * MS],
        "title": {"text": "UTC", "standoff": 8},
    }


def rows(names: Sequence[str]) -> Part:
    """The layout of named rows from top to bottom, numbered from 0: the names are text, whatever they look like."""
    longest = max(map(len, names), default=0)
    return {
        "yaxis": {
            "tickmode": "array",
            "tickvals": list(range(len(names))),
            "ticktext": [text(name) for name in names],
            "range": [len(names) - 0.5, -0.5],
            "showgrid": False,
            "zeroline": False,
            "ticksuffix": " ",
        },
        "margin": {"l": LETTER_PX * (1 + min(longest, LONGEST))},
        "barmode": "overlay",
        "showlegend": True,
    }


def titled(figure: go.Figure, title: str) -> go.Figure:
    """The figure with a line above its legend, behind the one that is there; it grows by that."""
    before = figure.layout.title.text
    if not before:
        layout = figure.layout
        figure.update_layout(height=layout.height + TITLE_PX, margin={"t": layout.margin.t + TITLE_PX})
    place = {"x": 0, "xanchor": "left", "y": 1, "yanchor": "top", "pad": {"t": 8, "l": 8}, "font": {"size": 13}}
    return figure.update_layout(title={"text": f"{before}; {title}" if before else title, **place})


def stretches(
    at: Iterable[tuple[int, int, int]],
    hovers: Sequence[str],
    **look: Any,  # noqa: ANN401 - plotly's own attributes
) -> Part:
    """Bars that lie in rows, each (row, start, end): what is clicked tells these again."""
    found = [list(each) for each in at]
    return {
        "type": "bar",
        "orientation": "h",
        "y": [row for row, _, _ in found],
        "base": [start * MS for _, start, _ in found],
        "x": [(end - start) * MS for _, start, end in found],
        "customdata": found,
        "hovertext": hovers,
        "hovertemplate": "%{hovertext}<extra></extra>",
        **look,
    }
