"""Coverage: a bar a series, coloured by what is known, or by where it is known from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import plotly.graph_objects as go

from kraken_core.domain.grades import Grade
from kraken_core.domain.interval_units import short
from kraken_core.workbench.charts.timeline import Known, Stretch, Timeline
from kraken_core.workbench.figures.palette import GRADES, MISSING, PARTLY, PRESENT, SILENT, SOURCES
from kraken_core.workbench.figures.parts import AROUND_PX, ROW_PX, over_time, rows, span, stretches, text

_MISSING = {Known.PARTLY.value: PARTLY, Known.MISSING.value: MISSING}


def _known(stretch: Stretch) -> str:
    """What is known; of what is known as a whole and doubtful, that."""
    doubtful = stretch.grade is Grade.DOUBTFUL and stretch.known.value not in _MISSING
    return Grade.DOUBTFUL.value if doubtful else stretch.known.value


def _grade(stretch: Stretch) -> str:
    """The weakest grade of it; of what is not known as a whole, that."""
    whole = stretch.known.value not in _MISSING
    return stretch.grade.value if stretch.grade and whole else stretch.known.value


class Colouring(NamedTuple):
    """What the colours tell: the kind of a stretch, and the colour of each kind, in the legend's order.

    ``hover`` is what a hover says first.
    """

    kind: Callable[[Stretch], str]
    colours: Mapping[str, str]
    hover: Callable[[Stretch], str]


_DOUBTFUL = {Grade.DOUBTFUL.value: GRADES[Grade.DOUBTFUL]}
KNOWN = Colouring(_known, {Known.PRESENT.value: PRESENT, Known.SILENT.value: SILENT, **_DOUBTFUL, **_MISSING}, _known)
EVIDENCE = Colouring(_grade, {**{grade.value: colour for grade, colour in GRADES.items()}, **_MISSING}, _grade)
SOURCE = Colouring(
    lambda stretch: stretch.source or Known.MISSING.value, {**SOURCES, Known.MISSING.value: MISSING}, _known
)


def coverage_timeline(timeline: Timeline, colouring: Colouring = KNOWN, *, dragged: bool = False) -> go.Figure:
    """The timeline's series as rows. A bar that is clicked tells its row, start and end (epoch seconds)."""
    figure = go.Figure()
    for kind, colour in colouring.colours.items():
        found = [stretch for stretch in timeline.stretches if colouring.kind(stretch) == kind]
        if found:
            at = [(stretch.row, stretch.start, stretch.end) for stretch in found]
            hovers = [_hover(timeline, stretch, colouring.hover(stretch)) for stretch in found]
            figure.add_trace(
                stretches(at, hovers, name=kind, width=0.7, marker={"color": colour, "line": {"width": 0}})
            )
    names = [f"{each.pair} {short(each.interval)}" for each in timeline.series]
    over_time(figure, timeline.window, AROUND_PX + ROW_PX * len(names), dragged=dragged)
    return rows(figure, names).update_layout(barmode="overlay", showlegend=True)


def _hover(timeline: Timeline, stretch: Stretch, what: str) -> str:
    series = timeline.series[stretch.row]
    lines = [f"{text(str(series.pair))} {short(series.interval)}: {what}"]
    lines.append(span(stretch.start, stretch.end))
    if stretch.source:
        lines.append(f"from {stretch.source}, {stretch.candles:,} candles")
    if stretch.slots:
        lines.append(f"{stretch.slots:,} slots missing")
    return "<br>".join(lines)
