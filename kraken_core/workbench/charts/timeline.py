"""A timeline: what is known of some series in a window, as stretches of one kind."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import NamedTuple

import numpy as np

from kraken_core.domain.coverage import CoverageSource, DataCoverageRange
from kraken_core.domain.grades import Grade
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.ports import CandleStore
from kraken_core.workbench.charts.bins import Bins, width_for
from kraken_core.workbench.charts.buckets import counts

STRETCHES = 300  # of a series at most


class Known(StrEnum):
    """What is known of a stretch of time, as a whole."""

    PRESENT = "present"  # known, and there are candles
    SILENT = "silent"  # covered: nothing traded
    PARTLY = "partly missing"
    MISSING = "missing"  # no source covers it


class Stretch(NamedTuple):
    """What is known of ``[start, end)`` (epoch seconds) of a series, and from which kind of source.

    ``slots`` of it are missing; ``source`` and ``grade``, the weakest in it, are None where all of them are.
    """

    row: int
    start: int
    end: int
    known: Known
    source: CoverageSource | None
    candles: int
    slots: int
    grade: Grade | None = None


@dataclass(frozen=True, slots=True)
class Timeline:
    """Stretches of the series (their ``row`` is an index of these), each of whole bins of ``width`` seconds or more."""

    series: tuple[Series, ...]
    window: TimeRange
    width: int
    stretches: tuple[Stretch, ...]


def timeline(
    store: CandleStore,
    coverage: Collection[DataCoverageRange],
    wanted: Mapping[Series, TimeRanges],
    series: Sequence[Series],
    window: TimeRange,
) -> Timeline:
    """What is known of the series in the window."""
    width = width_for(window, STRETCHES)
    by_series: dict[Series, list[DataCoverageRange]] = defaultdict(list)
    for known in coverage:
        by_series[known.series].append(known)
    stretches: list[Stretch] = []
    candles = _candles(store, series, window, width)
    for row, each in enumerate(series):
        bins = Bins.even(window, max(width, each.width))
        cells = _cells(each, bins, by_series[each], wanted.get(each, TimeRanges()), candles[each])
        stretches += _merged(row, window, cells)
    return Timeline(tuple(series), window, width, tuple(stretches))


class _Cell(NamedTuple):
    bin: TimeRange
    known: Known | None
    source: CoverageSource | None
    candles: int
    slots: int
    grade: Grade | None


def _cells(
    series: Series,
    bins: Bins,
    covered: Collection[DataCoverageRange],
    wanted: TimeRanges,
    candles: Mapping[int, int],
) -> Iterator[_Cell]:
    """What is known of each bin; nothing where it is neither covered nor expected."""
    every = _ranges(covered)
    known, missing = bins.seconds(every), bins.seconds(wanted - every)
    by_source = {s: bins.seconds(_ranges(c for c in covered if c.source is s)) for s in {c.source for c in covered}}
    weakest_first = reversed(Grade)
    by_grade = {grade: bins.seconds(_ranges(c for c in covered if c.grade is grade)) for grade in weakest_first}
    for k, span in enumerate(bins):
        sources = {source for source, seconds in by_source.items() if seconds[k]}
        source = (sources.pop() if len(sources) == 1 else CoverageSource.MIXED) if sources else None
        found = candles.get(span.start, 0)
        grade = next((grade for grade, seconds in by_grade.items() if seconds[k]), None)
        yield _Cell(span, _what(known[k], missing[k], found), source, found, int(missing[k]) // series.width, grade)


def _ranges(covered: Iterable[DataCoverageRange]) -> TimeRanges:
    return TimeRanges.of((known.start, known.end) for known in covered)


def _what(known: np.int64, missing: np.int64, candles: int) -> Known | None:
    if missing:
        return Known.PARTLY if known else Known.MISSING
    if known:
        return Known.PRESENT if candles else Known.SILENT
    return None


def _merged(row: int, window: TimeRange, cells: Iterator[_Cell]) -> Iterator[Stretch]:
    """Neighbours of one kind as one, inside the window."""
    for (known, source, grade), group in groupby(cells, key=lambda cell: (cell.known, cell.source, cell.grade)):
        if known:
            found = list(group)
            start, end = max(found[0].bin.start, window.start), min(found[-1].bin.end, window.end)
            candles, slots = sum(cell.candles for cell in found), sum(cell.slots for cell in found)
            yield Stretch(row, start, end, known, source, candles, slots, grade)


def _candles(
    store: CandleStore, series: Sequence[Series], window: TimeRange, width: int
) -> dict[Series, dict[int, int]]:
    pairs: dict[int, list[Pair]] = defaultdict(list)
    for each in series:
        pairs[each.interval].append(each.pair)
    found = {}
    for interval, some in pairs.items():
        slot = interval * 60
        whole = TimeRange(window.start - window.start % slot, window.end)
        for pair, candles in counts(store, some, interval, whole, max(width, slot)).items():
            found[Series(pair, interval)] = candles
    return found
