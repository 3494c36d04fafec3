"""Figures of runs that have ended: completeness over time, and what verifications found."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import plotly.graph_objects as go

from kraken_core.domain.formatting import instant, percent
from kraken_core.domain.grades import Grade
from kraken_core.domain.interval_units import short
from kraken_core.workbench.figures.palette import GRADES, MISSING
from kraken_core.workbench.figures.parts import LEGEND, MS, Part, figure_of, text

HEIGHT_PX = 220
FEW = 4  # findings that an axis reaches to at least, so that its marks are whole numbers
_MARGIN = {"l": 0, "r": 8, "t": 36, "b": 24}
LEAST_S = 600  # that the axis of time spans, else its marks would be of parts of a second
LEAST_SHARE = 0.1  # that the axis of shares spans
_BEYOND = 0.02  # of none and all, that points there are whole
_HOUR = 60
_POINT_PX = 6
_HOVER = "%Y-%m-%d %H:%M:%S UTC"
# Okabe and Ito's and a violet, by interval; 1d and 12h, which are seen most, first
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8A63D2", "#7F7F7F")


def completeness_trend(
    points: Mapping[int, Sequence[tuple[int, int, float]]], undone: Collection[int] = ()
) -> go.Figure:
    """A line an interval (minutes): points of an instant (epoch seconds), the job that had ended, the share complete.

    Between two jobs nothing changes, so lines are steps; those of less than an hour are dotted. Where several are
    equally complete, the points of finer ones lie in those of wider ones. Jobs that were ``undone`` have a hollow point
    beside the line.
    """
    traces = []
    for place, (colour, (interval, found)) in enumerate(
        zip(_COLOURS, sorted(points.items(), reverse=True), strict=False)
    ):
        name, size = short(interval), _POINT_PX + len(points) - place
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
                    "line": {
                        "color": colour,
                        "shape": "hv",
                        "width": 2,
                        "dash": "solid" if interval >= _HOUR else "dot",
                    },
                    "marker": {
                        "size": size,
                        "color": colour,
                        "symbol": "circle-open" if gone else "circle",
                        "line": {"width": 2 if gone else 0},
                    },
                    "hovertext": [
                        f"{name}: {percent(share)}, after job {job}" + ", undone since" * gone
                        for _, job, share in shown
                    ],
                    "hovertemplate": "%{hovertext}<extra></extra>",
                }
            )
    every = [point for found in points.values() for point in found]
    across = {"range": [at * MS for at in _span([at for at, _, _ in every], LEAST_S)], "hoverformat": _HOVER}
    low, high = _span([share for *_, share in every], LEAST_SHARE)
    up = {"range": [max(-_BEYOND, low), min(1 + _BEYOND, high)], "tickformat": ".0%"}
    return _figure(traces, across, up, "x unified")


def _span(values: Sequence[float], least: float) -> list[float]:
    """The range of an axis: a little more than the values, ``least`` at least, and these in its middle."""
    low, high = min(values, default=0), max(values, default=0)
    beside = max(0.08 * (high - low), (least - (high - low)) / 2)
    return [low - beside, high + beside]


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


def _figure(traces: Sequence[Part], across: Part, up: Part, hover: str = "closest") -> go.Figure:
    axes = {"xaxis": {"type": "date", "fixedrange": True, **across}, "yaxis": {"fixedrange": True, **up}}
    looks = {"height": HEIGHT_PX, "margin": _MARGIN, "legend": LEGEND, "showlegend": True, "hovermode": hover}
    return figure_of(traces, axes, looks)
