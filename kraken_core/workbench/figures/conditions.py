"""The condition of each day as a calendar: a row a series, a column a day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import plotly.graph_objects as go

from kraken_core.domain.conditions import DAY_S, Condition, DayCondition
from kraken_core.domain.grades import Grade
from kraken_core.domain.interval_units import short
from kraken_core.domain.market import Series
from kraken_core.domain.timerange import TimeRange, iso
from kraken_core.workbench.figures.palette import GRADES, MISSING, PRESENT, UNWANTED
from kraken_core.workbench.figures.parts import AROUND_PX, ROW_PX, figure_of, over_time, rows, stretches, text, titled

COLOURS = {
    Condition.AVAILABLE: PRESENT,
    Condition.DEGRADED: GRADES[Grade.DOUBTFUL],
    Condition.MISSING: MISSING,
    Condition.PENDING: UNWANTED,
}


def conditions_calendar(found: Iterable[DayCondition], series: Sequence[Series], window: TimeRange) -> go.Figure:
    """The conditions of some series as rows of days, over a window; neighbouring days of one condition are one bar."""
    at = {one: row for row, one in enumerate(series)}
    runs: list[tuple[int, int, int, Condition]] = []
    for each in found:
        row, day = at[each.series], each.day
        if runs and (runs[-1][0], runs[-1][2], runs[-1][3]) == (row, day, each.condition):
            runs[-1] = (row, runs[-1][1], day + DAY_S, each.condition)
        else:
            runs.append((row, day, day + DAY_S, each.condition))
    traces = []
    for condition, colour in COLOURS.items():
        spans = [(row, start, end) for row, start, end, kind in runs if kind is condition]
        hovers = [f"{text(str(series[row]))}: {condition.value}<br>{_days(start, end)}" for row, start, end in spans]
        marker = {"color": colour, "line": {"width": 0}}
        look = {"name": condition.value, "width": 0.8, "marker": marker, "visible": True if spans else "legendonly"}
        traces.append(stretches(spans, hovers, **look))
    layout = over_time(window, AROUND_PX + ROW_PX * len(series), dragged=False)
    figure = figure_of(traces, layout, rows([f"{each.pair} {short(each.interval)}" for each in series]))
    degraded = sum((end - start) // DAY_S for _, start, end, kind in runs if kind is not Condition.AVAILABLE)
    days = sum((end - start) // DAY_S for _, start, end, _ in runs)
    return titled(figure, f"{days - degraded:,} of {days:,} days available")


def _days(start: int, end: int) -> str:
    first, last = iso(start)[:10], iso(end - 1)[:10]
    return first if first == last else f"{first} to {last}"
