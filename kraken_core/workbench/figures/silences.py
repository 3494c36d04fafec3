"""Silences: a bar for each span in which nothing traded, coloured by what explains it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import plotly.graph_objects as go

from kraken_core.domain.grades import Grade
from kraken_core.domain.interval_units import short
from kraken_core.domain.market import Series
from kraken_core.domain.timerange import TimeRange
from kraken_core.workbench.figures.palette import GRADES, SILENT, UNWANTED
from kraken_core.workbench.figures.parts import (
    AROUND_PX,
    ROW_PX,
    figure_of,
    over_time,
    rows,
    span,
    stretches,
    text,
    titled,
)
from kraken_core.workbench.queries.silences import SilenceKind, SilentSpan

DRAWN = 300  # of a series at most: the suspicious ones, then the explained ones, then the longest
COLOURS = {
    SilenceKind.SUSPICIOUS: GRADES[Grade.DOUBTFUL],
    SilenceKind.EXPLAINED: UNWANTED,
    SilenceKind.NO_TRADES: SILENT,
}
_ORDER = list(SilenceKind)


def silences_timeline(found: Iterable[SilentSpan], series: Sequence[Series], window: TimeRange) -> go.Figure:
    """The silences of some series as rows, over a window; the title says how many of them are drawn."""
    by_series: dict[Series, list[SilentSpan]] = defaultdict(list)
    for each in found:
        by_series[each.series].append(each)
    drawn = [
        (row, each)
        for row, one in enumerate(series)
        for each in sorted(by_series[one], key=lambda s: (_ORDER.index(s.kind), s.start - s.end, s.start))[:DRAWN]
    ]
    traces = []
    for kind, colour in COLOURS.items():
        spans = [(row, each) for row, each in drawn if each.kind is kind]
        at = [(row, each.start, each.end) for row, each in spans]
        marker = {"color": colour, "line": {"width": 0}}
        look = {"name": kind.value, "width": 0.7, "marker": marker, "visible": True if spans else "legendonly"}
        traces.append(stretches(at, [_hover(each) for _, each in spans], **look))
    total = sum(map(len, by_series.values()))
    which = f"{total:,} silences" if total == len(drawn) else f"{len(drawn):,} of {total:,} silences, the longest"
    layout = over_time(window, AROUND_PX + ROW_PX * len(series), dragged=False)
    return titled(figure_of(traces, layout, rows([f"{each.pair} {short(each.interval)}" for each in series])), which)


def _hover(silence: SilentSpan) -> str:
    of = f"{text(str(silence.series.pair))} {short(silence.series.interval)}: {silence.kind.value}"
    likely = f"{silence.slots:,} slots, {silence.expected_trades:,.1f} trades expected"
    return f"{of}<br>{span(silence.start, silence.end)}<br>{likely}"
