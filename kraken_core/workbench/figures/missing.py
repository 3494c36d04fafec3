"""Gaps: a heatmap of what is missing, rows over time. Its cells are bars, as only those can be chosen by a click."""

from __future__ import annotations

import math

import plotly.graph_objects as go

from kraken_core.domain.formatting import percent
from kraken_core.domain.plural import counted
from kraken_core.workbench.charts.missing import MissingByBin
from kraken_core.workbench.figures.palette import MISSING, PRESENT
from kraken_core.workbench.figures.parts import (
    AROUND_PX,
    ROW_PX,
    Part,
    figure_of,
    over_time,
    rows,
    span,
    stretches,
    text,
)

# From a tinge of "known" to all of "missing", translucent so that they do on light and on dark
KNOWN_OPACITY, LEAST_OPACITY = 0.15, 0.30
LEGEND = {"nothing missing": 0, "< 1 % missing": 1e-6, "50 % missing": 0.5, "100 % missing": 1}


def missing_heatmap(missing: MissingByBin, *, dragged: bool = False) -> go.Figure:
    """A row a pair or tier. A cell that is clicked tells its row, start and end (epoch seconds)."""
    cells = [
        (row, start, end, float(share), int(slots))
        for row, (shares, many) in enumerate(zip(missing.share, missing.slots, strict=True))
        for (start, end), share, slots in zip(missing.bins, shares, many, strict=True)
        if not math.isnan(share)
    ]
    hovers = [
        f"{text(missing.rows[row])}<br>{span(start, end)}<br>{percent(share)} missing, {counted(slots, 'candle')}"
        for row, start, end, share, slots in cells
    ]
    marker = {"color": [_colour(share) for *_, share, _ in cells], "line": {"width": 0}}
    look = {"width": 0.9, "marker": marker, "unselected": {"marker": {"opacity": 0.35}}}
    bars = stretches(((row, start, end) for row, start, end, *_ in cells), hovers, showlegend=False, **look)
    return figure_of(
        [bars, *(_key(name, share) for name, share in LEGEND.items())],
        over_time(missing.bins.hull, AROUND_PX + ROW_PX * len(missing.rows), dragged=dragged),
        rows(missing.rows),
        {"selectdirection": "any"},
        {"legend": {"itemclick": False, "itemdoubleclick": False}},  # they hold nothing to hide
    )


def _colour(share: float) -> str:
    """The colour of a share. Told a number for a bar's colour, Plotly draws it, but complains of each at length."""
    colour, opacity = (MISSING, LEAST_OPACITY + (1 - LEAST_OPACITY) * share) if share else (PRESENT, KNOWN_OPACITY)
    return f"{colour}{round(255 * opacity):02X}"


def _key(name: str, share: float) -> Part:
    """What a colour tells, for the legend: a trace without a bar. A scale at the side is wide, and drawn twice."""
    marker = {"color": _colour(share), "line": {"width": 0}}
    return {"type": "bar", "x": [None], "y": [None], "name": name, "marker": marker}
