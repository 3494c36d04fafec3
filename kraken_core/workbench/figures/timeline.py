"""Coverage: a row a series, in steps that show what share is present, without trades, doubtful and missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import plotly.graph_objects as go

from kraken_core.domain.grades import Grade
from kraken_core.workbench.charts.timeline import LEVELS, Stretch, Timeline
from kraken_core.workbench.figures.palette import GRADES, MISSING, PRESENT, SILENT, SOURCES
from kraken_core.workbench.figures.parts import AROUND_PX, ROW_PX, figure_of, over_time, rows, stretches, text

_PRESENT, _SILENT, _DOUBTFUL, _MISSING = "present", "no trades", Grade.DOUBTFUL.value, "missing"
HEIGHT = 0.7  # of a row
TIMES = "%Y-%m-%d %H:%M"  # as plotly's hovers write them
# From where to where its bar lies is written where it is seen: as text it would be a third of the figure
_HOVER = "%{hovertext}<br>%{base} – %{x} UTC<extra></extra>"


class Colouring(NamedTuple):
    """What the colours stand for: the kinds of what is covered of a stretch, and each kind's colour, in their order.

    ``covered`` gives the kinds of what has candles, of what has no trades and of what is doubtful; what is missing is
    always that. ``described``: what a hover calls a kind, where that is not its name.
    """

    covered: Callable[[Stretch], tuple[str, str, str]]
    colours: Mapping[str, str]
    described: Mapping[str, str] = {}


def _known(_: Stretch) -> tuple[str, str, str]:
    return _PRESENT, _SILENT, _DOUBTFUL


def _grade(stretch: Stretch) -> tuple[str, str, str]:
    """The weakest grade of what is not doubtful."""
    grade = stretch.weakest.value if stretch.weakest else _MISSING
    return grade, grade, _DOUBTFUL


def _source(stretch: Stretch) -> tuple[str, str, str]:
    source = stretch.source or _MISSING
    return source, source, source


_WEAK = {_DOUBTFUL: GRADES[Grade.DOUBTFUL], _MISSING: MISSING}
_OR_BETTER = {grade.value: f"{grade} or better" for grade in (Grade.CONFIRMED, Grade.CLAIMED)}
KNOWN = Colouring(_known, {_PRESENT: PRESENT, _SILENT: SILENT, **_WEAK})
EVIDENCE = Colouring(_grade, {grade.value: colour for grade, colour in GRADES.items()} | _WEAK, _OR_BETTER)
SOURCE = Colouring(_source, {**SOURCES, _MISSING: MISSING})


def coverage_timeline(timeline: Timeline, colouring: Colouring = KNOWN, *, dragged: bool = False) -> go.Figure:
    """The timeline's series as rows; of each step the shares of what is known and missing, from the bottom up.

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
            hovers = [_hover(timeline, part, colouring.described.get(kind, kind)) for part in parts]
            marker = {"color": colouring.colours[kind], "line": {"width": 0}}
            bars = stretches(at, hovers, name=kind, marker=marker, hovertemplate=_HOVER)
            # A row's axis points down: the bottom of a row is half of its height below its middle
            bars["y"] = [round(p.stretch.row + HEIGHT * (0.5 - (p.bottom + p.top) / 2 / LEVELS), 4) for p in parts]
            bars["width"] = [round(HEIGHT * (p.top - p.bottom) / LEVELS, 4) for p in parts]
            traces.append(bars)
    names = [str(each) for each in timeline.series]
    times = over_time(timeline.window, AROUND_PX + ROW_PX * len(names), dragged=dragged)
    return figure_of(traces, times, rows(names), {"xaxis": {"hoverformat": TIMES}})


class _Part(NamedTuple):
    """What is of one kind of a stretch: from where to where of LEVELS, and how many slots that stands for."""

    stretch: Stretch
    bottom: int
    top: int
    slots: int


def _parts(stretch: Stretch, colouring: Colouring) -> Iterator[tuple[str, _Part]]:
    """The parts of a stretch by kind, from the bottom up; neighbours of one kind are one."""
    bottom = 0
    whole = zip((*colouring.covered(stretch), _MISSING), stretch.levels, stretch.counts, strict=True)
    for kind, group in groupby((part for part in whole if part[1]), key=itemgetter(0)):
        parts = list(group)
        top = bottom + sum(level for _, level, _ in parts)
        yield kind, _Part(stretch, bottom, top, sum(slots for *_, slots in parts))
        bottom = top


def _hover(timeline: Timeline, part: _Part, described: str) -> str:
    """Short, as there are thousands of them: how many slots are of this kind, of how many."""
    total = sum(part.stretch.counts)
    share = f"all {total:,}" if part.slots == total else f"{part.slots:,} of {total:,}"
    return f"{text(str(timeline.series[part.stretch.row]))}<br>{share} {described}"
