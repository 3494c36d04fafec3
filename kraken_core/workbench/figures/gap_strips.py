"""Where in time series have gaps or are doubtful: a strip each, from where they are expected to where they end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import plotly.graph_objects as go

from kraken_core.domain.grades import Grade
from kraken_core.domain.plural import counted
from kraken_core.domain.timerange import TimeRange
from kraken_core.workbench.figures.marks import marks
from kraken_core.workbench.figures.palette import GRADES, MISSING, PRESENT
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

_WIDTH = 0.6  # of a row
_MARKS = {"doubtful": (GRADES[Grade.DOUBTFUL], "range"), "missing": (MISSING, "gap")}  # what one of them is called


class GapStrip(NamedTuple):
    """A series by its name, where it is expected, its gaps and doubtful ranges: half-open, in epoch seconds."""

    name: str
    expected: TimeRange
    gaps: Sequence[tuple[int, int]]
    doubtful: Sequence[tuple[int, int]] = ()


def gap_strips(strips: Sequence[GapStrip]) -> go.Figure:
    """The strips from top to bottom, at least one. What is clicked gives its row, start and end (epoch seconds)."""
    window = TimeRange(min(each.expected.start for each in strips), max(each.expected.end for each in strips))
    names = [f"{text(each.name)}<br>{span(*each.expected)}" for each in strips]
    covered = stretches([(row, *each.expected) for row, each in enumerate(strips)], names, **_look("covered", PRESENT))
    doubtful = _marked("doubtful", strips, [each.doubtful for each in strips], window)
    missing = _marked("missing", strips, [each.gaps for each in strips], window)
    return figure_of(
        [covered, doubtful, missing],
        over_time(window, AROUND_PX + ROW_PX * len(strips), dragged=False),
        rows([each.name for each in strips]),
    )


def _look(name: str, colour: str) -> Part:
    return {"name": name, "width": _WIDTH, "marker": {"line": {"width": 0}, "color": colour}}


def _marked(
    kind: str, strips: Sequence[GapStrip], spans: Sequence[Iterable[tuple[int, int]]], window: TimeRange
) -> Part:
    """What is marked of each strip, over it; each says how many there are, as those close together are drawn as one."""
    colour, noun = _MARKS[kind]
    at, hovers = [], []
    for row, (each, found) in enumerate(zip(strips, spans, strict=True)):
        for mark in marks(found, window):
            at.append((row, mark.start, mark.end))
            hovers.append(f"{text(each.name)}<br>{span(*mark.spans)}<br>{kind}: {counted(mark.many, noun)}")
    return stretches(at, hovers, **_look(kind, colour))
