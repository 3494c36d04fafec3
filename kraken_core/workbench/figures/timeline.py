"""Coverage: a row a series, in steps that show what share is present, without trades and missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import plotly.graph_objects as go

from kraken_core.domain.grades import Grade
from kraken_core.workbench.charts.timeline import LEVELS, Stretch, Timeline
from kraken_core.workbench.figures.palette import GRADES, MISSING, PRESENT, SILENT, SOURCES
from kraken_core.workbench.figures.parts import AROUND_PX, ROW_PX, figure_of, over_time, rows, span, stretches, text

_PRESENT, _SILENT, _MISSING = "present", "no trades", "missing"
HEIGHT = 0.7  # of a row


class Colouring(NamedTuple):
    """What the colours stand for: the kind of what is covered of a stretch, and each kind's colour, in their order.

    ``covered`` gives the kinds of what has candles and of what has no trades; what is missing is always that.
    """

    covered: Callable[[Stretch], tuple[str, str]]
    colours: Mapping[str, str]


def _known(stretch: Stretch) -> tuple[str, str]:
    return _PRESENT, Grade.DOUBTFUL.value if stretch.grade is Grade.DOUBTFUL else _SILENT


def _grade(stretch: Stretch) -> tuple[str, str]:
    """The weakest grade in it."""
    grade = stretch.grade.value if stretch.grade else _MISSING
    return grade, grade


def _source(stretch: Stretch) -> tuple[str, str]:
    source = stretch.source or _MISSING
    return source, source


_NOT_COVERED = {_MISSING: MISSING}
_DOUBTFUL = {Grade.DOUBTFUL.value: GRADES[Grade.DOUBTFUL]}
KNOWN = Colouring(_known, {_PRESENT: PRESENT, _SILENT: SILENT, **_DOUBTFUL, **_NOT_COVERED})
EVIDENCE = Colouring(_grade, {**{grade.value: colour for grade, colour in GRADES.items()}, **_NOT_COVERED})
SOURCE = Colouring(_source, {**SOURCES, **_NOT_COVERED})


def coverage_timeline(timeline: Timeline, colouring: Colouring = KNOWN, *, dragged: bool = False) -> go.Figure:
    """The timeline's series as rows; of each step the shares present, without trades and missing, from the bottom up.

    A bar that is clicked gives its row, start and end (epoch seconds).
    """
    traces = []
    found: dict[str, list[_Part]] = {kind: [] for kind in colouring.colours}
    for stretch in timeline.stretches:
        for kind, part in _parts(stretch, colouring):
            found[kind].append(part)
    for kind, parts in found.items():
        if parts:
            at = [part.stretch[:3] for part in parts]
            hovers = [_hover(timeline, part, kind) for part in parts]
            bars = stretches(at, hovers, name=kind, marker={"color": colouring.colours[kind], "line": {"width": 0}})
            # A row's axis points down: the bottom of a row is half of its height below its middle
            bars["y"] = [round(p.stretch.row + HEIGHT * (0.5 - (p.bottom + p.top) / 2 / LEVELS), 4) for p in parts]
            bars["width"] = [round(HEIGHT * (p.top - p.bottom) / LEVELS, 4) for p in parts]
            traces.append(bars)
    names = [str(each) for each in timeline.series]
    return figure_of(traces, over_time(timeline.window, AROUND_PX + ROW_PX * len(names), dragged=dragged), rows(names))


class _Part(NamedTuple):
    """What is of one kind of a stretch: from where to where of LEVELS, and how many slots that stands for."""

    stretch: Stretch
    bottom: int
    top: int
    slots: int


def _parts(stretch: Stretch, colouring: Colouring) -> Iterator[tuple[str, _Part]]:
    """The parts of a stretch by kind, from the bottom up; neighbours of one kind are one."""
    bottom = 0
    counts = (stretch.candles, stretch.silent, stretch.slots)
    whole = zip((*colouring.covered(stretch), _MISSING), stretch.levels, counts, strict=True)
    for kind, group in groupby((part for part in whole if part[1]), key=itemgetter(0)):
        parts = list(group)
        top = bottom + sum(level for _, level, _ in parts)
        yield kind, _Part(stretch, bottom, top, sum(slots for *_, slots in parts))
        bottom = top


def _hover(timeline: Timeline, part: _Part, kind: str) -> str:
    """Short, as there are thousands of them: how many slots are of this kind, of how many."""
    stretch = part.stretch
    name = text(str(timeline.series[stretch.row]))
    total = stretch.candles + stretch.silent + stretch.slots
    share = f"all {total:,}" if part.slots == total else f"{part.slots:,} of {total:,}"
    return f"{name}<br>{span(stretch.start, stretch.end)}<br>{share} {kind}"
