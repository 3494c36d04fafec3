"""See :class:`ChartData`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import polars as pl

from kraken_core.domain.completeness import Completeness, least_complete_first
from kraken_core.domain.grades import Grade
from kraken_core.domain.life import expected_slots
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.report import Report
from kraken_core.domain.request import Selection, closed
from kraken_core.domain.scope import Detection
from kraken_core.domain.tiers import Tiers
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.ledger.ledger import SqlLedger
from kraken_core.ports import CandleStore
from kraken_core.workbench.charts.candle_chart import Drawn, drawn
from kraken_core.workbench.charts.doubtful import Doubtful, doubtful
from kraken_core.workbench.charts.downloadable import downloadable
from kraken_core.workbench.charts.missing import MissingByBin, missing
from kraken_core.workbench.charts.share import SERIES, Spans, spans
from kraken_core.workbench.charts.timeline import Timeline, timeline
from kraken_core.workbench.charts.totals import Totals, totals
from kraken_core.workbench.queries.doubts import doubts

NO_TIER = "no tier"  # where fiat bases are


class SpanDoubts(NamedTuple):
    """How many slots of a span are doubtful, and what speaks against them, for people."""

    slots: int
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChartData:
    """What is stored, added up to what a screen can show; all as of the last detection."""

    ledger: SqlLedger
    store: CandleStore
    tiers: Tiers

    def series(self, selection: Selection) -> list[Series]:
        """The selected series that were ever expected, sorted."""
        return sorted(series for series in self.ledger.detections() if self._holds(selection, series))

    def window(self, selection: Selection) -> TimeRange | None:
        """From the first expected instant of the selection to the last; None where there is none."""
        wanted = [found.wanted for series, found in self.ledger.detections().items() if self._holds(selection, series)]
        if not wanted:
            return None
        selected_window = selection.window(max(span.end for span in wanted))
        start = max(selected_window.start, min(span.start for span in wanted))
        return TimeRange(start, selected_window.end) if start < selected_window.end else None

    def spans(self, selection: Selection) -> Spans:
        """What is expected of the selection, and what is covered of that."""
        detections = self.ledger.detections()
        chosen = [series for series in detections if self._holds(selection, series)]
        return spans(self._wanted(chosen, detections), self.ledger.covered_ranges())

    def timeline(self, series: Sequence[Series], window: TimeRange) -> Timeline:
        """What is known of some series in the window, from which kind of source."""
        wanted = dict(self._wanted(series, self.ledger.detections(series)))
        return timeline(self.store, self.ledger.coverage(series), wanted, series, window)

    def drawn(self, series: Series, window: TimeRange) -> Drawn:
        """A series in the window, as a chart shows it."""
        wanted = dict(self._wanted([series], self.ledger.detections([series]))).get(series, TimeRanges())
        return drawn(self.store, self.ledger.coverage([series]), wanted, series, window)

    def doubts(self, series: Series, span: TimeRange) -> SpanDoubts:
        """How much of a span of a series is doubtful, and why."""
        ranges = [known for known in self.ledger.coverage([series]) if known.grade is Grade.DOUBTFUL]
        found = TimeRanges.of((known.start, known.end) for known in ranges).clip(*span)
        return SpanDoubts(found.slots(series.width), doubts(self.ledger, series, found.hull) if found else ())

    def totals(self) -> Totals:
        """How complete everything is, and its open gaps (as of :meth:`gaps`)."""
        detections = self.ledger.detections()
        covered, gaps = self.ledger.covered_ranges(), self.ledger.open_gaps()
        return totals(self.store, self._as_of, self._wanted(detections, detections), covered, gaps)

    def doubtful(self) -> Doubtful:
        """Where what is covered of everything is doubtful."""
        covered = self.ledger.covered_ranges().filter(pl.col("grade") == Grade.DOUBTFUL)
        names = covered.select(SERIES).unique().sort(SERIES).iter_rows()
        series = [Series(Pair.stored(pair), interval) for pair, interval in names]
        return doubtful(self.store, self._wanted(series, self.ledger.detections(series)), covered)

    def completeness(self, report: Report | None = None) -> dict[int, Completeness]:
        """How complete everything is, by interval.

        ``report`` is one of now: a series of which it has everything that is expected is not counted again.
        """
        detections = self.ledger.detections()
        wanted = dict(self._wanted(detections, detections))
        result: dict[int, Completeness] = defaultdict(Completeness)
        for line in report.series if report else ():
            slots = wanted.get(line.series)
            if slots and (line.counts.wanted, line.start, line.end) == (slots.slots(line.series.width), *slots.hull):
                result[line.series.interval] += line.counts
                del wanted[line.series]
        if any(wanted.values()):
            rest = totals(self.store, 0, wanted.items(), self.ledger.covered_ranges(), self.ledger.open_gaps())
            for interval, counts in rest.by_interval.items():
                result[interval] += counts
        return least_complete_first(result)

    def gaps(self, selection: Selection) -> pl.DataFrame:
        """The selection's open gaps: columns of ``SqlLedger.open_gaps``, and tier."""
        found = self.ledger.open_gaps()
        pairs = pl.DataFrame(
            [(str(record.pair), self.tiers.of(record.pair.base) or NO_TIER) for record in self.ledger.pairs()
             if selection.holds(record.pair, self.tiers)],
            {"pair": pl.String, "tier": pl.String},
            orient="row",
        )  # fmt: skip
        chosen = found.filter(pl.col("interval_minutes").is_in(selection.intervals))
        return chosen.join(pairs, on="pair", maintain_order="left")

    def downloads(self, gaps: pl.DataFrame) -> pl.DataFrame:
        """What published archives contain of gaps (of :meth:`gaps`), a row for each archive."""
        return downloadable(gaps, self._as_of)

    @property
    def _as_of(self) -> int:
        return max((found.as_of for found in self.ledger.detections().values()), default=0)

    def missing(
        self, gaps: pl.DataFrame, row: str, selection: Selection, window: TimeRange, rows: slice
    ) -> MissingByBin:
        """What gaps (of :meth:`gaps`) leave missing of the selection, by ``row`` (pair or tier) and time.

        Of its rows those of a slice.
        """

        def wanted(names: Collection[str]) -> Iterator[tuple[str, TimeRanges]]:
            of_row = [(series, self._row(row, series)) for series in self.series(selection)]
            named = {series: name for series, name in of_row if name in names}
            return ((named[series], slots) for series, slots in self._wanted(named, self.ledger.detections(named)))

        return missing(gaps, row, wanted, window, rows)

    def _row(self, row: str, series: Series) -> str:
        return str(series.pair) if row == "pair" else self.tiers.of(series.pair.base) or NO_TIER

    def _wanted(
        self, series: Collection[Series], detections: Mapping[Series, Detection]
    ) -> Iterator[tuple[Series, TimeRanges]]:
        """The slots that were expected of the series at their last detection, which is one of those given."""
        lives = {record.pair: record.lives for record in self.ledger.pairs()}
        for each in series:
            if found := detections.get(each):
                yield each, expected_slots(lives[each.pair], closed(found.wanted, each.width), each.width)

    def _holds(self, selection: Selection, series: Series) -> bool:
        return series.interval in selection.intervals and selection.holds(series.pair, self.tiers)
