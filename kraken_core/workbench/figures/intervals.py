"""How complete each interval is: a bar each, whose parts add up to all that is expected of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import plotly.graph_objects as go

from kraken_core.domain.completeness import Completeness
from kraken_core.domain.formatting import percent
from kraken_core.domain.grades import Grade
from kraken_core.workbench.figures.palette import GRADES, MISSING, PRESENT, SILENT
from kraken_core.workbench.figures.parts import figure_of

ROW_PX, AROUND_PX = 34, 70
_DOUBTFUL = ("doubtful", GRADES[Grade.DOUBTFUL])
_MISSING = ("missing", MISSING)
STATES = {
    "present": ("present", PRESENT),
    "silent": ("no trades", SILENT),
    "doubtful": _DOUBTFUL,
    "missing": _MISSING,
}
EVIDENCE = {grade.value: (grade.value, GRADES[grade]) for grade in Grade} | {"missing": _MISSING}
Parts = Mapping[str, tuple[str, str]]


class CompletenessBar(NamedTuple):
    """A row by its name, its counts, and how many of the doubtful slots have a candle."""

    name: str
    counts: Completeness
    doubtful_candles: int = 0

    def slots(self, part: str) -> int:
        """How many slots a part has: those that are doubtful are neither *present* nor *no trades*, as not complete."""
        doubtful = {"present": self.doubtful_candles, "silent": self.counts.doubtful - self.doubtful_candles}
        return int(getattr(self.counts, part)) - doubtful.get(part, 0)


def completeness_bars(rows: Sequence[CompletenessBar], parts: Parts = STATES) -> go.Figure:
    """A row each, from top to bottom; ``parts``: a count of Completeness, its name and its colour."""
    names = [row.name for row in rows]
    traces = []
    for part, (label, colour) in parts.items():
        slots = [row.slots(part) for row in rows]
        wanted = [row.counts.wanted for row in rows]
        shares = [many / total if total else 0.0 for many, total in zip(slots, wanted, strict=True)]
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
                    f"{name} {label}: {many:,} of {total:,}, {percent(share)}"
                    for name, many, total, share in zip(names, slots, wanted, shares, strict=True)
                ],
                "hovertemplate": "%{hovertext}<extra></extra>",
            }
        )
    beside = {"x": 1, "xanchor": "left", "xshift": 8, "showarrow": False}
    said = [{"y": name, "text": f"<b>{percent(counts.completeness)}</b>", **beside} for name, counts, _ in rows]
    across = {"range": [0, 1], "visible": False, "fixedrange": True}
    down = {"type": "category", "autorange": "reversed", "fixedrange": True, "ticksuffix": " ", "showgrid": False}
    legend = {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "traceorder": "normal", "itemclick": False}
    height, margin = AROUND_PX + ROW_PX * len(rows), {"l": 44, "r": 84, "t": 36, "b": 8}
    looks = {"barmode": "stack", "height": height, "margin": margin, "legend": legend, "showlegend": True}
    return figure_of(traces, {"xaxis": across, "yaxis": down, "annotations": said}, looks)
