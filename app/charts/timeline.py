"""Coverage: a bar a series, coloured by what is known, or by where it is known from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import plotly.graph_objects as go

from app.charts.palette import MISSING, PARTLY, PRESENT, SILENT, SOURCES
from app.charts.parts import AROUND_PX, ROW_PX, over_time, rows, span, stretches, text
from app.shared import formatting
from kraken_core.workbench.charts.timeline import Known, Stretch, Timeline


class Colouring(NamedTuple):
    """What the colours tell: the kind of a stretch, and the colour of each kind, in the legend's order."""

    kind: Callable[[Stretch], str]
    colours: Mapping[str, str]


_MISSING = {Known.PARTLY.value: PARTLY, Known.MISSING.value: MISSING}
KNOWN = Colouring(
    lambda stretch: stretch.known.value, {Known.PRESENT.value: PRESENT, Known.SILENT.value: SILENT, **_MISSING}
)
SOURCE = Colouring(lambda stretch: stretch.source or Known.MISSING.value, {**SOURCES, Known.MISSING.value: MISSING})


def coverage_timeline(timeline: Timeline, colouring: Colouring = KNOWN, *, dragged: bool = False) -> go.Figure:
    """The timeline's series as rows. A bar that is clicked tells its row, start and end (epoch seconds)."""
    figure = go.Figure()
    for kind, colour in colouring.colours.items():
        found = [stretch for stretch in timeline.stretches if colouring.kind(stretch) == kind]
        if found:
            at = [(stretch.row, stretch.start, stretch.end) for stretch in found]
            hovers = [_hover(timeline, stretch) for stretch in found]
            figure.add_trace(
                stretches(at, hovers, name=kind, width=0.7, marker={"color": colour, "line": {"width": 0}})
            )
    names = [f"{each.pair} {formatting.interval(each.interval)}" for each in timeline.series]
    over_time(figure, timeline.window, AROUND_PX + ROW_PX * len(names), dragged=dragged)
    return rows(figure, names).update_layout(barmode="overlay", showlegend=True)


def _hover(timeline: Timeline, stretch: Stretch) -> str:
    series = timeline.series[stretch.row]
    lines = [f"{text(str(series.pair))} {formatting.interval(series.interval)}: {stretch.known}"]
    lines.append(span(stretch.start, stretch.end))
    if stretch.source:
        lines.append(f"known from {stretch.source}, {formatting.count(stretch.candles)} candles")
    if stretch.slots:
        lines.append(f"{formatting.count(stretch.slots)} slots missing")
    return "<br>".join(lines)
