"""What the figures over time have in common: their axes in UTC, names as text, bars that stand for stretches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def text(name: str) -> str:
    """A name that plotly shows as it is: it takes some HTML in labels and hovers for markup."""
    return name.translate(_ENTITIES)


def span(start: int, end: int) -> str:
    """A range in a hover: 2024-01-31 12:00 – 2024-01-31 13:00 UTC."""
    return f"{instant(start)} – {instant(end)} UTC"


def over_time(figure: go.Figure, window: TimeRange, height: int, *, dragged: bool) -> go.Figure:
    """A figure of a window, which is dragged across, or else clicked: Streamlit tells of one or the other."""
    figure.update_xaxes(
        type="date", range=[window.start * MS, window.end * MS], fixedrange=True, title={"text": "UTC", "standoff": 8}
    )
    figure.update_yaxes(fixedrange=True)
    mode = "select" if dragged else "pan"  # nothing to pan: both axes are fixed
    choosing = {"dragmode": mode, "selectdirection": "h", "clickmode": "event+select", "hovermode": "closest"}
    return figure.update_layout(height=height, margin=MARGIN, legend=LEGEND, **choosing)


def rows(figure: go.Figure, names: Sequence[str]) -> go.Figure:
    """Named rows from top to bottom, numbered from 0: the names are text, whatever they look like."""
    figure.update_yaxes(
        tickmode="array",
        tickvals=list(range(len(names))),
        ticktext=[text(name) for name in names],
        range=[len(names) - 0.5, -0.5],
        showgrid=False,
        zeroline=False,
        ticksuffix=" ",
    )
    longest = max(map(len, names), default=0)
    return figure.update_layout(margin={"l": LETTER_PX * (1 + min(longest, LONGEST))})


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
) -> go.Bar:
    """Bars that lie in rows, each (row, start, end): what is clicked tells these again."""
    found = [list(each) for each in at]
    return go.Bar(
        orientation="h",
        y=[row for row, _, _ in found],
        base=[start * MS for _, start, _ in found],
        x=[(end - start) * MS for _, start, end in found],
        customdata=found,
        hovertext=hovers,
        hovertemplate="%{hovertext}<extra></extra>",
        **look,
    )
