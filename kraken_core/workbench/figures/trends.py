"""Figures of runs that have ended: completeness over time, and what verifications found."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import plotly.graph_objects as go

from kraken_core.domain.formatting import DAY_S, instant, percent
from kraken_core.domain.grades import Grade
from kraken_core.domain.interval_units import short
from kraken_core.workbench.figures.palette import GRADES, MISSING
from kraken_core.workbench.figures.parts import LEGEND, MS, Part, figure_of, text

HEIGHT_PX = 220
FEW = 4  # findings that an axis reaches to at least, so that its marks are whole numbers
_MARGIN = {"l": 0, "r": 8, "t": 36, "b": 24}
# Okabe and Ito's, by interval; 1d and 12h, which are seen most, first
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#B5A900", "#7F7F7F")


def completeness_trend(
    points: Mapping[int, Sequence[tuple[int, int, float]]], undone: Collection[int] = ()
) -> go.Figure:
    """A line an interval (minutes): points of an instant (epoch seconds), the job that had ended, the share complete.

    Between two jobs nothing changes, so lines are steps. Jobs that were ``undone`` have a hollow point beside the line.
    """
    traces = []
    for colour, (interval, found) in zip(_COLOURS, sorted(points.items(), reverse=True), strict=False):
        name = short(interval)
        for gone, mode in ((False, "lines+markers"), (True, "markers")):
            shown = [point for point in found if (point[1] in undone) == gone]
            if not shown:
                continue
            traces.append(
                {
                    "type": "scatter",
                    "x": [at * MS for at, _, _ in shown],
                    "y": [share for *_, share in shown],
                    "mode": mode,
                    "name": f"{name}, undone" if gone else name,
                    "showlegend": not gone,
                    "line": {"color": colour, "shape": "hv", "width": 2},
                    "marker": {"size": 5, "color": colour, "symbol": "circle-open" if gone else "circle"},
                    "hovertext": [
                        f"{name}: {percent(share)}<br>{instant(at)} UTC, after job {job}" + ", undone since" * gone
                        for at, job, share in shown
                    ],
                    "hovertemplate": "%{hovertext}<extra></extra>",
                }
            )
    across: Part = {}
    instants = [at for found in points.values() for at, _, _ in found]
    if instants and max(instants) - min(instants) < DAY_S:  # else its marks would be of seconds
        across = {"range": [(min(instants) - DAY_S) * MS, (max(instants) + DAY_S) * MS]}
    return _figure(traces, across, {"range": [-0.02, 1.05], "tickformat": ".0%"})


def verification_trend(rows: Sequence[tuple[int, str, int, int]]) -> go.Figure:
    """Bars of each verification: an instant (epoch seconds), what was verified, failures, suspicious silences."""
    traces = []
    ordered = sorted(rows)
    for place, (name, colour) in enumerate((("failures", MISSING), ("suspicious silences", GRADES[Grade.DOUBTFUL]))):
        many = [(at, what, counts[place]) for at, what, *counts in ordered]
        traces.append(
            {
                "type": "scatter",
                "x": [at * MS for at, _, _ in many],
                "y": [number for *_, number in many],
                "mode": "lines+markers",
                "name": name,
                "line": {"color": colour, "width": 1, "dash": "dot"},
                "marker": {"size": 8},
                "hovertext": [f"{number:,} {name}<br>{text(what)}<br>{instant(at)} UTC" for at, what, number in many],
                "hovertemplate": "%{hovertext}<extra></extra>",
            }
        )
    most = max((number for _, _, *counts in rows for number in counts), default=0)
    return _figure(traces, {}, {"range": [-0.05 * max(most, FEW), 1.1 * max(most, FEW)], "tickformat": ",d"})


def _figure(traces: Sequence[Part], across: Part, up: Part) -> go.Figure:
    axes = {"xaxis": {"type": "date", "fixedrange": True, **across}, "yaxis": {"fixedrange": True, **up}}
    looks = {"height": HEIGHT_PX, "margin": _MARGIN, "legend": LEGEND, "showlegend": True, "hovermode": "closest"}
    return figure_of(traces, axes, looks)
