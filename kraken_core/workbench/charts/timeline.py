"""A timeline: what is known of some series in a window, as stretches of one kind."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import NamedTuple

from kraken_core.domain.coverage import CoverageSource, DataCoverageRange
from kraken_core.domain.grades import Grade
from kraken_core.domain.market import Series
from kraken_core.domain.timerange import TimeRange, TimeRanges, ceil, floor
from kraken_core.ports import CandleStore
from kraken_core.workbench.charts.bins import Bins, width_for
from kraken_core.workbench.charts.buckets import counts
from kraken_core.workbench.charts.doubtful import DoubtfulStep, doubtful_steps

STRETCHES = 115  # of a series at most
LEVELS = 6  # that the height of a stretch is divided into
_COUNTS = ("candles", "slots", "silent", "doubtful", "doubtful_candles")  # of a stretch


class Known(StrEnum):
    """What is known of a stretch of time, as a whole."""

    PRESENT = "present"  # a candle in every slot
    SPARSE = "present and no trades"
    SILENT = "no trades"
    PARTLY = "partly missing"
    MISSING = "missing"  # no source covers any of it


class Stretch(NamedTuple):
    """What is known of ``[start, end)`` (epoch seconds, whole slots) of a series, and from which kind of source.

    ``slots`` of it are missing; of the others ``candles`` have one, and ``silent`` none; ``doubtful`` of both are
    doubtful, of which ``doubtful_candles`` have one. ``source`` is None where all of them are missing, and
    ``weakest``, the weakest grade of what is not doubtful, where there is no such slot.
    """

    row: int
    start: int
    end: int
    known: Known
    source: CoverageSource | None
    candles: int
    slots: int
    weakest: Grade | None = None
    silent: int = 0
    doubtful: int = 0
    doubtful_candles: int = 0

    @property
    def grade(self) -> Grade | None:
        """The weakest grade in it; None where all of it is missing."""
        return Grade.DOUBTFUL if self.doubtful else self.weakest

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """Its slots: present and without trades, as far as these are not doubtful, doubtful, and missing."""
        present = self.candles - self.doubtful_candles
        silent = self.silent - (self.doubtful - self.doubtful_candles)
        return present, silent, self.doubtful, self.slots

    @property
    def levels(self) -> tuple[int, ...]:
        """The shares of its counts, of LEVELS: whatever there is has one at least."""
        return levels(*self.counts)


def levels(*counts: int) -> tuple[int, ...]:
    """Counts, fewer than LEVELS of them, as parts of LEVELS: none is lost that is not 0, however small its share."""
    total = sum(counts)
    parts = [max(1, round(LEVELS * count / total)) if count else 0 for count in counts]
    while total and (excess := sum(parts) - LEVELS):
        largest = max(range(len(parts)), key=lambda at: (parts[at], counts[at]))
        parts[largest] -= 1 if excess > 0 else -1
    return tuple(parts)


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
    """What is known of the series in the window: of every slot that reaches into it, and of no other."""
    width = width_for(window, STRETCHES)
    by_series: dict[Series, list[DataCoverageRange]] = defaultdict(list)
    for known in coverage:
        by_series[known.series].append(known)
    candles = counts(store, series, window, width)
    pieces: dict[Series, _Pieces] = {}
    inside = {each: TimeRanges.single(*_slots(each, window)) for each in series}
    bins = {each: Bins.even(window, max(width, each.width)) for each in series}
    for each in series:
        covered = _ranges(by_series[each]) & inside[each]
        missing = (wanted.get(each, TimeRanges()) & inside[each]) - covered
        pieces[each] = _Pieces(bins[each], by_series[each], covered, missing)
    provisional = _times(store, {each: inside[each] - pieces[each].covered for each in series})
    of_grade = {each: [c for c in by_series[each] if c.grade is Grade.DOUBTFUL] for each in series}
    doubtful = doubtful_steps(store, of_grade, inside, bins)
    stretches: list[Stretch] = []
    for row, each in enumerate(series):
        at = [floor(time, max(width, each.width)) for time in provisional.get(each, ())]
        there = [candles[each].get(span.start, 0) - at.count(span.start) for span in bins[each]]
        stretches += _merged(_slots(each, window), _cells(row, each, pieces[each], there, doubtful[each]))
    return Timeline(tuple(series), window, width, tuple(stretches))


class _Pieces(NamedTuple):
    bins: Bins
    ranges: Collection[DataCoverageRange]
    covered: TimeRanges
    missing: TimeRanges


def _slots(series: Series, window: TimeRange) -> TimeRange:
    """The slots of the series that reach into the window."""
    return TimeRange(floor(window.start, series.width), ceil(window.end, series.width))


def _times(store: CandleStore, uncovered: Mapping[Series, TimeRanges]) -> dict[Series, list[int]]:
    """When the candles open that lie where nothing is covered, few as they are: no source vouches for them."""
    found: dict[Series, list[int]] = {}
    stored = store.count({each: ranges for each, ranges in uncovered.items() if ranges})
    for series, candles in stored.items():
        some = TimeRanges.of(part for part, many in zip(uncovered[series], candles, strict=True) if many)
        if some:
            found[series] = store.candles({series: some}, columns=("trades",))["time"].dt.epoch("s").to_list()
    return found


def _cells(
    row: int,
    series: Series,
    pieces: _Pieces,
    candles: Sequence[int],
    doubtful: Sequence[DoubtfulStep],
) -> Iterator[Stretch | None]:
    """What is known of each bin; None where it is neither known nor wanted."""
    bins, covered = pieces.bins, pieces.ranges
    known, missing = (bins.seconds(ranges) // series.width for ranges in (pieces.covered, pieces.missing))
    by_source = {s: bins.seconds(_ranges(c for c in covered if c.source is s)) for s in {c.source for c in covered}}
    weakest_first = [grade for grade in reversed(Grade) if grade is not Grade.DOUBTFUL]
    by_grade = {grade: bins.seconds(_ranges(c for c in covered if c.grade is grade)) for grade in weakest_first}
    for k, span in enumerate(bins):
        sources = {source for source, seconds in by_source.items() if seconds[k]}
        source = (sources.pop() if len(sources) == 1 else CoverageSource.MIXED) if sources and known[k] else None
        weakest = next((grade for grade, seconds in by_grade.items() if seconds[k]), None) if known[k] else None
        silent = int(known[k]) - candles[k]
        what = _what(int(known[k]), int(missing[k]), silent)
        yield (
            Stretch(row, *span, what, source, candles[k], int(missing[k]), weakest, silent, *doubtful[k])
            if what
            else None
        )


def _ranges(covered: Iterable[DataCoverageRange]) -> TimeRanges:
    return TimeRanges.of((known.start, known.end) for known in covered)


def _what(known: int, missing: int, silent: int) -> Known | None:
    if missing:
        return Known.PARTLY if known else Known.MISSING
    if not known:
        return None
    if not silent:
        return Known.PRESENT
    return Known.SILENT if silent == known else Known.SPARSE


def _merged(inside: TimeRange, cells: Iterator[Stretch | None]) -> Iterator[Stretch]:
    """Neighbours of one kind, and of shares that look alike, as one."""
    for look, group in groupby(cells, key=_look):
        if look:
            found = [cell for cell in group if cell]
            sums = {name: sum(getattr(cell, name) for cell in found) for name in _COUNTS}
            start, end = max(found[0].start, inside.start), min(found[-1].end, inside.end)
            yield found[0]._replace(start=start, end=end, **sums)


def _look(cell: Stretch | None) -> tuple[Known, CoverageSource | None, Grade | None, tuple[int, ...]] | None:
    return (cell.known, cell.source, cell.weakest, cell.levels) if cell else None
