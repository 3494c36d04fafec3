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

STRETCHES = 115  # of a series at most
LEVELS = 6  # that the height of a stretch is divided into


class Known(StrEnum):
    """What is known of a stretch of time, as a whole."""

    PRESENT = "present"  # a candle in every slot
    SPARSE = "present and no trades"
    SILENT = "no trades"
    PARTLY = "partly missing"
    MISSING = "missing"  # no source covers any of it


class Stretch(NamedTuple):
    """What is known of ``[start, end)`` (epoch seconds, whole slots) of a series, and from which kind of source.

    ``slots`` of it are missing; of the others ``candles`` have one, and ``silent`` none. ``source`` and ``grade``, the
    weakest in it, are None where all of them are missing.
    """

    row: int
    start: int
    end: int
    known: Known
    source: CoverageSource | None
    candles: int
    slots: int
    grade: Grade | None = None
    silent: int = 0

    @property
    def levels(self) -> tuple[int, int, int]:
        """The shares that are present, without trades and missing, of LEVELS: whatever there is has one at least."""
        return levels(self.candles, self.silent, self.slots)


def levels(present: int, silent: int, missing: int) -> tuple[int, int, int]:
    """Counts as parts of LEVELS: none is lost that is not 0, however small its share."""
    counts = (present, silent, missing)
    total = sum(counts)
    parts = [max(1, round(LEVELS * count / total)) if count else 0 for count in counts]
    if total:
        parts[counts.index(max(counts))] += LEVELS - sum(parts)
    return parts[0], parts[1], parts[2]


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
    uncovered: dict[Series, TimeRanges] = {}
    for each in series:
        inside = TimeRanges.single(*_slots(each, window))
        covered = _ranges(by_series[each]) & inside
        pieces[each] = _Pieces(covered, (wanted.get(each, TimeRanges()) & inside) - covered)
        uncovered[each] = inside - covered
    provisional = _times(store, uncovered)
    stretches: list[Stretch] = []
    for row, each in enumerate(series):
        bins = Bins.even(window, max(width, each.width))
        at = [floor(time, max(width, each.width)) for time in provisional.get(each, ())]
        there = [candles[each].get(span.start, 0) - at.count(span.start) for span in bins]
        stretches += _merged(row, _slots(each, window), _cells(each, bins, by_series[each], pieces[each], there))
    return Timeline(tuple(series), window, width, tuple(stretches))


class _Pieces(NamedTuple):
    covered: TimeRanges
    missing: TimeRanges


class _Cell(NamedTuple):
    bin: TimeRange
    known: Known | None
    source: CoverageSource | None
    candles: int
    slots: int
    grade: Grade | None
    silent: int


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
    series: Series,
    bins: Bins,
    covered: Collection[DataCoverageRange],
    pieces: _Pieces,
    candles: Sequence[int],
) -> Iterator[_Cell]:
    """What is known of each bin; nothing where it is neither known nor wanted."""
    known, missing = (bins.seconds(ranges) // series.width for ranges in pieces)
    by_source = {s: bins.seconds(_ranges(c for c in covered if c.source is s)) for s in {c.source for c in covered}}
    weakest_first = reversed(Grade)
    by_grade = {grade: bins.seconds(_ranges(c for c in covered if c.grade is grade)) for grade in weakest_first}
    for k, span in enumerate(bins):
        sources = {source for source, seconds in by_source.items() if seconds[k]}
        source = (sources.pop() if len(sources) == 1 else CoverageSource.MIXED) if sources and known[k] else None
        grade = next((grade for grade, seconds in by_grade.items() if seconds[k]), None) if known[k] else None
        silent = int(known[k]) - candles[k]
        what = _what(int(known[k]), int(missing[k]), silent)
        yield _Cell(span, what, source, candles[k], int(missing[k]), grade, silent)


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


def _merged(row: int, inside: TimeRange, cells: Iterator[_Cell]) -> Iterator[Stretch]:
    """Neighbours of one kind, and of shares that look alike, as one."""
    for (known, source, grade, _), group in groupby(cells, key=_look):
        if known:
            found = list(group)
            start, end = max(found[0].bin.start, inside.start), min(found[-1].bin.end, inside.end)
            candles, slots, silent = (
                sum(many) for many in zip(*((cell.candles, cell.slots, cell.silent) for cell in found), strict=True)
            )
            yield Stretch(row, start, end, known, source, candles, slots, grade, silent)


def _look(cell: _Cell) -> tuple[Known | None, CoverageSource | None, Grade | None, tuple[int, ...]]:
    return cell.known, cell.source, cell.grade, levels(cell.candles, cell.silent, cell.slots)
