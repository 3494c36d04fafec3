"""Gaps: a heatmap of what is missing, rows over time. Its cells are bars, as only those can be chosen by a click."""

from __future__ import annotations

import math

import plotly.graph_objects as go

from app import shown
from app.charts.parts import AROUND_PX, ROW_PX, over_time, rows, span, stretches, text
from kraken_core.workbench.pictures.missing import Missing

# From a tinge of "known" to all of "missing", translucent so that they do on light and on dark
SCALE = [[0, "rgba(0,114,178,0.15)"], [1e-6, "rgba(213,94,0,0.30)"], [1, "rgba(213,94,0,1)"]]


def missing_heatmap(missing: Missing, *, dragged: bool = False) -> go.Figure:
    """A row a pair or tier. A cell that is clicked tells its row, start and end (epoch seconds)."""
    cells = [
        (row, start, end, float(share), int(slots))
        for row, (shares, many) in enumerate(zip(missing.share, missing.slots, strict=True))
        for (start, end), share, slots in zip(missing.bins, shares, many, strict=True)
        if not math.isnan(share)
    ]
    hovers = [
        f"{text(missing.rows[row])}<br>{span(start, end)}<br>{shown.share(share)} missing, {shown.count(slots)} slots"
        for row, start, end, share, slots in cells
    ]
    bar = {"title": None, "tickformat": ".0%", "thickness": 10, "outlinewidth": 0}
    marker = {"color": [share for *_, share, _ in cells], "colorscale": SCALE, "cmin": 0, "cmax": 1, "colorbar": bar}
    look = {"width": 0.9, "marker": {**marker, "line": {"width": 0}}, "unselected": {"marker": {"opacity": 0.35}}}
    figure = go.Figure(stretches(((row, start, end) for row, start, end, *_ in cells), hovers, **look))
    rows(figure, missing.rows)
    figure.update_layout(barmode="overlay", showlegend=False)
    figure = over_time(figure, missing.bins.hull, AROUND_PX + ROW_PX * len(missing.rows), dragged=dragged)
    figure.update_layout(selectdirection="any")
    return figure
