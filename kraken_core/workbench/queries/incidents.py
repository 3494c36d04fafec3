"""Incidents of Kraken spot, with how many of its stored pairs they concerned; and conditions by day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import polars as pl

from kraken_core.domain.candles import TIME
from kraken_core.domain.conditions import DayCondition, day_conditions
from kraken_core.domain.coverage import DataCoverageRange
from kraken_core.domain.grades import Grade
from kraken_core.domain.incidents import KNOWN, OBSERVED, Incident, tightest
from kraken_core.domain.market import Series
from kraken_core.domain.request import Selection
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.domain.verification.silences import KNOWN_SILENCES
from kraken_core.pipeline.witnesses import Witnesses
from kraken_core.workbench.queries.holdings import Holdings

INCIDENTS: dict[str, Any] = {
    "start": TIME,
    "end": TIME,
    "pairs": pl.Int64,
    "of_pairs": pl.Int64,
    "share": pl.Float64,
    "source": pl.String,
    "name": pl.String,
    "impact": pl.String,
}
CONDITIONS: dict[str, Any] = {
    "pair": pl.String,
    "interval": pl.Int32,
    "day": TIME,
    "condition": pl.String,
    "expected": pl.Int64,
    "missing": pl.Int64,
    "doubtful": pl.Int64,
}


_MOST = 0.5  # of the stored pairs: one that trades seldom has no trades in most hours


class IncidentQuery(NamedTuple):
    """Reads when the exchange stood still, as jobs found it, and counts the pairs by their finest candles then."""

    holdings: Holdings

    def of(self, reported: Iterable[Incident] = ()) -> list[Incident]:
        """Those observed, those known in which most stored pairs had no trades, and those reported, by time."""
        asleep = self.holdings.ledger.asleep()
        observed = tightest(TimeRange(*s) for pair, ranges in asleep.items() if not pair.market for s in ranges)
        known = [
            span for span in KNOWN_SILENCES if not any(span.start < o.end and o.start < span.end for o in observed)
        ]
        spans = [
            *(Incident(*span, 0, 0, OBSERVED) for span in observed),
            *(Incident(*span, 0, 0, KNOWN) for span in known),
        ]
        covered = [each for each in self.holdings.ledger.coverage() if not each.series.pair.market]
        witnesses = Witnesses.of(self.holdings.store, covered)
        counted = [self._counted(each, witnesses) for each in (*spans, *reported)]
        return sorted(each for each in counted if each.source != KNOWN or each.share > _MOST)

    def _counted(self, incident: Incident, witnesses: Witnesses) -> Incident:
        within: dict[Series, TimeRanges] = {}
        for series, known in witnesses.known:
            slots = TimeRanges.single(incident.start, incident.end).inner(series.width)
            if slots and (slots & known) == slots and series.pair not in {each.pair for each in within}:
                within[series] = slots
        candles = self.holdings.store.count(within)
        silent = sum(1 for series in within if not sum(candles[series]))
        return incident._replace(pairs=silent, of_pairs=len(within))


def conditions(holdings: Holdings, selection: Selection) -> Iterator[DayCondition]:
    """The condition of every day of every selected series, by series and day, as of the last detection."""
    by_series: dict[Series, list[DataCoverageRange]] = defaultdict(list)
    for covered in holdings.coverage(selection):
        by_series[covered.series].append(covered)
    as_of = holdings.as_of or 0
    for series, expected in sorted(holdings.expected(selection).items()):
        known = by_series[series]
        doubtful = TimeRanges.of((c.start, c.end) for c in known if c.grade is Grade.DOUBTFUL)
        everything = TimeRanges.of((c.start, c.end) for c in known)
        yield from day_conditions(series, expected, everything, doubtful, as_of)


def incident_frame(found: Iterable[Incident]) -> pl.DataFrame:
    """Incidents as a frame: columns of INCIDENTS."""
    rows = [(*each[:4], each.share, *each[4:]) for each in found]
    return frame_of(rows, INCIDENTS)


def condition_frame(found: Iterable[DayCondition]) -> pl.DataFrame:
    """Conditions as a frame: columns of CONDITIONS."""
    return frame_of(((str(c.series.pair), c.series.interval, *c[1:]) for c in found), CONDITIONS)


def frame_of(rows: Iterable[tuple[Any, ...]], columns: dict[str, Any]) -> pl.DataFrame:
    """Rows whose times are epoch seconds, as a frame with times in UTC."""
    epochs = {name: pl.Int64 if kind == TIME else kind for name, kind in columns.items()}
    times = [name for name, kind in columns.items() if kind == TIME]
    frame = pl.DataFrame(list(rows), schema=epochs, orient="row")
    return frame.with_columns(pl.from_epoch(name).cast(pl.Datetime("us")).dt.replace_time_zone("UTC") for name in times)
