"""See :class:`Plot`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from kraken_core.domain.completeness import Completeness
from kraken_core.domain.errors import UsageError
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.request import Selection
from kraken_core.domain.timerange import TimeRange, iso
from kraken_core.workbench.charts.charts import NO_TIER, ChartData
from kraken_core.workbench.figures.candles import candle_chart
from kraken_core.workbench.figures.completeness import completeness_heatmap
from kraken_core.workbench.figures.conditions import conditions_calendar
from kraken_core.workbench.figures.missing import missing_heatmap
from kraken_core.workbench.figures.parts import AROUND_PX, ROW_PX, titled
from kraken_core.workbench.figures.silences import silences_timeline
from kraken_core.workbench.figures.timeline import EVIDENCE, KNOWN, SOURCE, coverage_timeline
from kraken_core.workbench.queries.holdings import Holdings
from kraken_core.workbench.queries.incidents import conditions
from kraken_core.workbench.queries.silences import SilenceQuery
from kraken_core.workbench.requests import When, instant

ROWS = 60  # of a figure at most: more can't be read
COLOURS = {"known": KNOWN, "evidence": EVIDENCE, "source": SOURCE}
BY = ("pair", "tier")


@dataclass(frozen=True, slots=True)
class Plot:
    """Figures of what is stored, as of the last detection: plotly's, the same that the dashboard shows.

    Arguments are those of ``Workbench.select``: tiers or pairs, quotes, intervals, days; without any, everything.
    Of more than 60 rows the first are drawn, and the title says so.
    """

    charts: ChartData
    holdings: Holdings
    select: Callable[..., Selection]

    def coverage(self, *, colours: str = "known", **selection: Any) -> go.Figure:  # noqa: ANN401 - see Workbench.select
        """A bar a series, over time. ``colours``: what is ``known``, the ``evidence`` for it, or its ``source``.

        Raises UsageError for other colours, or a wrong selection.
        """
        chosen = self.select(**selection)
        colouring = COLOURS[_one_of(COLOURS, "colours", colours)]
        series, window = self.charts.series(chosen), self.charts.window(chosen)
        if not window:
            return _empty()
        return _counted(coverage_timeline(self.charts.timeline(series[:ROWS], window), colouring), len(series))

    def gaps(self, *, by: str = "pair", **selection: Any) -> go.Figure:  # noqa: ANN401 - see Workbench.select
        """What share is missing, a row a ``pair`` or ``tier``, over time; those that lack the most come first.

        Raises UsageError for another ``by``, or a wrong selection.
        """
        chosen = self.select(**selection)
        row = _one_of(BY, "by", by)
        if not (window := self.charts.window(chosen)):
            return _empty()
        found = self.charts.missing(self.charts.gaps(chosen), row, chosen, window, slice(0, ROWS))
        return _counted(missing_heatmap(found), found.total) if found.rows else _empty("Nothing is missing.")

    def candles(
        self,
        pair: str | Pair,
        interval: int | str,
        start: When | None = None,
        end: When | None = None,
        *,
        logarithmic: bool = False,
    ) -> go.Figure:
        """Candles and volume of a series that open in ``[start, end)``; missing, doubtful and silent time is shaded.

        Where there are too many for a figure they are drawn as wider ones. Raises UsageError.
        """
        chosen = self.select(pairs=[pair], intervals=[interval])
        if not (window := self.charts.window(chosen)):
            return _empty()
        first = window.start if start is None else instant(start)
        last = window.end if end is None else instant(end)
        if first >= last:
            raise UsageError(f"no candle opens between {iso(first)} and {iso(last)}: name a start before the end.")
        series = Series(chosen.pairs[0], chosen.intervals[0])
        return candle_chart(self.charts.drawn(series, TimeRange(first, last)), logarithmic=logarithmic)

    def completeness(self, *, by: str = "pair", **selection: Any) -> go.Figure:  # noqa: ANN401 - see Workbench.select
        """Covered of expected, a row a ``pair`` or ``tier``, a column an interval; the least complete come first.

        Raises UsageError for another ``by``, or a wrong selection.
        """
        chosen = self.select(**selection)
        row = _one_of(BY, "by", by)
        cells: dict[tuple[str, int], Completeness] = defaultdict(Completeness)
        of_row: dict[str, Completeness] = defaultdict(Completeness)
        for line in self.holdings.report(chosen).series:
            name = str(line.series.pair) if row == "pair" else line.tier or NO_TIER
            cells[name, line.series.interval] += line.counts
            of_row[name] += line.counts
        if not cells:
            return _empty()
        names = sorted(of_row, key=lambda name: (_least(cells, name), name))
        return _counted(completeness_heatmap(cells, names[:ROWS]), len(names))

    def silences(self, *, at_least: int = 1, **selection: Any) -> go.Figure:  # noqa: ANN401 - see Workbench.select
        """The spans of ``at_least`` so many slots in which nothing traded, by what explains them, a row a series.

        Raises UsageError for a wrong selection.
        """
        chosen = self.select(**selection)
        series, window = self.charts.series(chosen), self.charts.window(chosen)
        if not window:
            return _empty()
        drawn = series[:ROWS]
        silences = SilenceQuery(self.holdings).of(chosen, at_least)
        found = [each for each in silences if each.series in set(drawn)]
        return _counted(silences_timeline(found, drawn, window), len(series))

    def conditions(self, **selection: Any) -> go.Figure:  # noqa: ANN401 - see Workbench.select
        """The condition of each day (available, degraded, missing, pending), a row a series.

        Raises UsageError for a wrong selection.
        """
        chosen = self.select(**selection)
        series, window = self.charts.series(chosen), self.charts.window(chosen)
        if not window:
            return _empty()
        drawn = series[:ROWS]
        found = [each for each in conditions(self.holdings, chosen) if each.series in set(drawn)]
        return _counted(conditions_calendar(found, drawn, window), len(series))


def _least(cells: Mapping[tuple[str, int], Completeness], name: str) -> float:
    return min(cell.completeness for (row, _), cell in cells.items() if row == name)


def _one_of(choices: Mapping[str, object] | tuple[str, ...], argument: str, value: str) -> str:
    if value not in choices:
        raise UsageError(f"{argument} is {value!r}; it can be {' or '.join(map(repr, choices))}.")
    return value


def _counted(figure: go.Figure, rows: int) -> go.Figure:
    """The figure, which says so where it has not got room for all rows."""
    if rows <= ROWS:
        return figure
    return titled(figure, f"the first {ROWS} of {rows:,} rows: name pairs or intervals to see others")


def _empty(why: str = "Nothing of this selection was ever expected.") -> go.Figure:
    """A figure that says why there is nothing to see."""
    figure = go.Figure(layout={"height": AROUND_PX + ROW_PX})
    figure.add_annotation(text=why, showarrow=False, xref="paper", yref="paper", x=0.5, y=0.5)
    return figure.update_xaxes(visible=False).update_yaxes(visible=False)
