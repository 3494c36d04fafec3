"""The largest figure of each kind: what a full page gives it, at whatever zoom, is what a browser can draw and get."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle, islice, product
from typing import Any

import numpy as np
import plotly.graph_objects as go
import polars as pl
import pytest

from app.shared.paging import HEATMAP_ROWS, TIMELINES
from kraken_core.domain.completeness import Completeness
from kraken_core.domain.coverage import CoverageSource
from kraken_core.domain.grades import Grade
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.workbench.charts.bins import Bins, width_for
from kraken_core.workbench.charts.candle_chart import BARS, Drawn
from kraken_core.workbench.charts.missing import MissingByBin
from kraken_core.workbench.charts.timeline import STRETCHES, Known, Stretch, Timeline
from kraken_core.workbench.figures.candles import candle_chart
from kraken_core.workbench.figures.completeness import completeness_heatmap
from kraken_core.workbench.figures.missing import missing_heatmap
from kraken_core.workbench.figures.timeline import EVIDENCE, KNOWN, SOURCE, coverage_timeline

MOST_MARKS, MOST_BYTES = 50_000, 2_000_000
BESIDE = 200_000  # bytes of such a view that are not its figure: 500 gaps in a table, 1,500 pairs to choose from
BINS = 101  # of a heatmap
FIRST = 1_378_000_000  # the exchange's first month
HOUR, DAY = 3_600, 86_400
SERIES = Series(Pair("LONGESTNAME", "USDT"), 1)
LENGTHS = (*range(HOUR, 20 * DAY, 7 * HOUR), *range(20 * DAY, 20 * 366 * DAY, 5 * DAY))


def timeline() -> Timeline:
    """Every bin differs from the one before, and has much to tell."""
    kinds = cycle(product(Known, CoverageSource, (Grade.CONFIRMED, Grade.CLAIMED)))
    some = 1_000_000
    stretches = [
        Stretch(row, FIRST + k * DAY, FIRST + (k + 1) * DAY, known, source, 2 * some, some, grade, some, some, some)
        for row in range(TIMELINES)
        for k, (known, source, grade) in enumerate(islice(kinds, STRETCHES))
    ]
    window = TimeRange(FIRST, FIRST + STRETCHES * DAY)
    return Timeline((SERIES,) * TIMELINES, window, DAY, tuple(stretches))


def missing() -> MissingByBin:
    shape = (HEATMAP_ROWS, BINS)
    some = np.linspace(1, DAY, HEATMAP_ROWS * BINS).reshape(shape)
    rows = tuple(str(SERIES.pair) for _ in range(HEATMAP_ROWS))
    return MissingByBin(Bins(FIRST + np.arange(BINS + 1) * DAY), rows, 10_000, some, np.full(shape, DAY), some)


def drawn() -> Drawn:
    """As many bars as there may be, as many silences of a bar between them, and a gap in each."""
    bars = pl.DataFrame(
        {
            "start": [FIRST + n * HOUR for n in range(BARS)],
            **{name: [12_345.678901 + n for n in range(BARS)] for name in ("open", "high", "low", "close", "volume")},
            **{name: [1_000_000] * BARS for name in ("trades", "candles")},
            "source": ["csv, derived, ohlc, trades"] * BARS,
        }
    )
    silent = TimeRanges.of((FIRST + n * HOUR, FIRST + (n + 1) * HOUR) for n in range(0, BARS, 2))
    missing = TimeRanges.of((FIRST + n * HOUR + 60, FIRST + n * HOUR + 120) for n in range(0, BARS, 3))
    return Drawn(SERIES, TimeRange(FIRST, FIRST + BARS * HOUR), HOUR, bars, silent, missing)


def completeness() -> go.Figure:
    tiers = [f"TIER{number}" for number in range(50)]
    cells = {(tier, interval): Completeness(10**9, 10**8, 10**7) for tier in tiers for interval in INTERVALS}
    return completeness_heatmap(cells, tiers)


def marks(figure: Any) -> int:
    """Points, bars and cells of its traces, and its shapes."""
    cells = sum(len(row) for trace in figure.data for row in (trace.z if trace.type == "heatmap" else ()))
    return cells + sum(len(trace.x) for trace in figure.data if trace.type != "heatmap") + len(figure.layout.shapes)


@pytest.mark.parametrize(
    ("draw", "least"),
    [
        pytest.param(lambda: coverage_timeline(timeline(), KNOWN), TIMELINES * STRETCHES, id="timeline"),
        pytest.param(lambda: coverage_timeline(timeline(), EVIDENCE), TIMELINES * STRETCHES, id="timeline by evidence"),
        pytest.param(lambda: coverage_timeline(timeline(), SOURCE), TIMELINES * STRETCHES, id="timeline by source"),
        pytest.param(lambda: missing_heatmap(missing()), HEATMAP_ROWS * BINS, id="missing"),
        pytest.param(lambda: candle_chart(drawn()), 2 * BARS + BARS // 2 + BARS // 3, id="candles"),
        pytest.param(completeness, 50 * len(INTERVALS), id="completeness"),
    ],
)
def test_the_largest_figure_is_what_a_browser_can_draw_and_get(draw: Callable[[], go.Figure], least: int) -> None:
    figure = draw()
    assert least <= marks(figure) <= MOST_MARKS
    assert len(figure.to_json()) <= MOST_BYTES - BESIDE


def test_no_window_has_more_bins_than_those_figures() -> None:
    for length in LENGTHS:
        window = TimeRange(FIRST + 7, FIRST + 7 + length)
        assert len(Bins.calendar(window)) <= BINS
        for interval in INTERVALS:
            assert len(Bins.even(window, max(width_for(window, STRETCHES), interval * 60))) <= STRETCHES
            assert len(Bins.even(window, width_for(window, BARS, interval))) <= BARS
