"""Completeness by tier and interval, as a small heatmap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from kraken_core.domain.completeness import Completeness
from kraken_core.domain.formatting import percent, whole_percent
from kraken_core.domain.interval_units import short
from kraken_core.workbench.figures.palette import MISSING, PRESENT
from kraken_core.workbench.figures.parts import text

ROW_PX, MARGIN_PX, TEXT_PX = 44, 110, 13
EDGE_PX = 14  # where the legend's last label would be cut off


def completeness_heatmap(cells: Mapping[tuple[str, int], Completeness], tiers: Sequence[str]) -> go.Figure:
    """A row a tier, a column an interval; what is not expected is left empty."""
    intervals = sorted({interval for _, interval in cells})
    rows = [tier for tier in tiers if any(name == tier for name, _ in cells)]
    found = [[cells.get((tier, interval)) for interval in intervals] for tier in rows]
    texts = [[whole_percent(cell.completeness) if cell else "" for cell in row] for row in found]
    hovers = [[_hover(cell) for cell in row] for row in found]
    figure = go.Figure(
        go.Heatmap(
            x=[short(interval) for interval in intervals],
            y=[text(row) for row in rows],
            z=[[cell.completeness if cell else None for cell in row] for row in found],
            text=texts,
            texttemplate="%{text}",
            textfont={"size": TEXT_PX},
            customdata=hovers,
            hovertemplate="%{y}, %{x}: %{customdata}<extra></extra>",
            zmin=0,
            zmax=1,
            colorscale=[[0, MISSING], [0.5, "#F6D9A8"], [1, PRESENT]],
            xgap=3,
            ygap=3,
            colorbar={
                "orientation": "h",
                "thickness": 8,
                "y": -0.15,
                "yanchor": "top",
                "tickvals": [0, 0.25, 0.5, 0.75, 1],
                "ticktext": ["0 %", "25 %", "50 %", "75 %", "100 %"],
                "outlinewidth": 0,
            },
        )
    )
    figure.update_yaxes(autorange="reversed", showgrid=False, ticks="", ticksuffix=" ")
    figure.update_xaxes(side="top", type="category", ticks="", showgrid=False)
    figure.update_layout(height=MARGIN_PX + ROW_PX * len(rows), margin={"l": 0, "r": EDGE_PX, "t": 40, "b": 50})
    return figure


def _hover(cell: Completeness | None) -> str:
    if cell is None:
        return "not expected"
    slots = f"{cell.covered:,} of {cell.wanted:,} slots covered"
    return f"{percent(cell.completeness)}<br>{slots}, {cell.missing:,} missing"
