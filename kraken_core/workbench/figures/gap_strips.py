"""Where in time series have gaps: a strip each, from where they are expected to where they end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import plotly.graph_objects as go

from kraken_core.domain.plural import counted
from kraken_core.domain.timerange import TimeRange
from kraken_core.workbench.figures.palette import MISSING, PRESENT
from kraken_core.workbench.figures.parts import AROUND_PX, ROW_PX, figure_of, over_time, rows, span, stretches, text

STEPS = 400  # of a figure: what is narrower than one is drawn as wide as one
_WIDTH = 0.6  # of a row


class GapStrip(NamedTuple):
    """A series by its name, where it is expected, and its gaps: half-open, in epoch seconds."""

    name: str
    expected: TimeRange
    gaps: Sequence[tuple[int, int]]


def gap_strips(strips: Sequence[GapStrip]) -> go.Figure:
    """The strips from top to bottom, at least one. What is clicked gives its row, start and end (epoch seconds)."""
    window = TimeRange(min(each.expected.start for each in strips), max(each.expected.end for each in strips))
    expected = [(row, *each.expected) for row, each in enumerate(strips)]
    missing, hovers = [], []
    for row, each in enumerate(strips):
        for start, end, many in _drawn(each.gaps, max(1, (window.end - window.start) // STEPS)):
            missing.append((row, start, end))
            hovers.append(f"{text(each.name)}<br>{span(start, end)}<br>missing: {counted(many, 'gap')}")
    names = [f"{text(each.name)}<br>{span(*each.expected)}" for each in strips]
    parts = (("covered", PRESENT, expected, names), ("missing", MISSING, missing, hovers))
    return figure_of(
        [
            stretches(at, said, name=name, width=_WIDTH, marker={"line": {"width": 0}, "color": colour})
            for name, colour, at, said in parts
        ],
        over_time(window, AROUND_PX + ROW_PX * len(strips), dragged=False),
        rows([each.name for each in strips]),
    )


def _drawn(gaps: Iterable[tuple[int, int]], step: int) -> Iterable[tuple[int, int, int]]:
    """Gaps as wide as a step at least, those that meet then as one: start, end, how many gaps that are."""
    found: list[tuple[int, int, int]] = []
    for start, end in sorted(gaps):
        wide = max(end, start + step)
        if found and start <= found[-1][1]:
            first, last, many = found[-1]
            found[-1] = (first, max(last, wide), many + 1)
        else:
            found.append((start, wide, 1))
    return found
