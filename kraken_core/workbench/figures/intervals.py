"""How complete each interval is: a bar each, whose parts add up to all that is expected of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from kraken_core.domain.completeness import Completeness
from kraken_core.domain.formatting import percent
from kraken_core.domain.grades import Grade
from kraken_core.workbench.figures.palette import GRADES, MISSING, PRESENT, SILENT
from kraken_core.workbench.figures.parts import figure_of

ROW_PX, AROUND_PX = 34, 70
STATES = {"present": ("present", PRESENT), "silent": ("no trades", SILENT), "missing": ("missing", MISSING)}
EVIDENCE = {grade.value: (grade.value, GRADES[grade]) for grade in Grade} | {"missing": STATES["missing"]}
Parts = Mapping[str, tuple[str, str]]


def completeness_bars(rows: Sequence[tuple[str, Completeness]], parts: Parts = STATES) -> go.Figure:
    """A row each, from top to bottom; ``parts``: a count of Completeness, its name and its colour."""
    names = [name for name, _ in rows]
    traces = []
    for part, (label, colour) in parts.items():
        slots = [int(getattr(counts, part)) for _, counts in rows]
        shares = [many / counts.wanted if counts.wanted else 0.0 for many, (_, counts) in zip(slots, rows, strict=True)]
        traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "x": shares,
                "y": names,
                "name": label,
                "marker": {"color": colour, "line": {"width": 0}},
                "width": 0.62,
                "hovertext": [
                    f"{name} {label}: {many:,} of {counts.wanted:,}, {percent(share)}"
                    for (name, counts), many, share in zip(rows, slots, shares, strict=True)
                ],
                "hovertemplate": "%{hovertext}<extra></extra>",
            }
        )
    beside = {"x": 1, "xanchor": "left", "xshift": 8, "showarrow": False}
    said = [{"y": name, "text": f"<b>{percent(counts.completeness)}</b>", **beside} for name, counts in rows]
    across = {"range": [0, 1], "visible": False, "fixedrange": True}
    down = {"type": "category", "autorange": "reversed", "fixedrange": True, "ticksuffix": " ", "showgrid": False}
    legend = {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "traceorder": "normal", "itemclick": False}
    height, margin = AROUND_PX + ROW_PX * len(rows), {"l": 44, "r": 84, "t": 36, "b": 8}
    looks = {"barmode": "stack", "height": height, "margin": margin, "legend": legend, "showlegend": True}
    return figure_of(traces, {"xaxis": across, "yaxis": down, "annotations": said}, looks)
