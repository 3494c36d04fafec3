"""Which files contain candles of which series, and where: the answer to most questions without reading a candle."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, KeysView, Mapping

from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRanges
from kraken_core.ports import CandleSpan


class FileIndex:
    """The spans of a set of files, by file and by series."""

    def __init__(self) -> None:
        self._files: dict[str, tuple[int, Mapping[Pair, CandleSpan]]] = {}
        self._with_vwap: set[str] = set()
        self._series: dict[Series, dict[str, CandleSpan]] = {}

    @property
    def paths(self) -> KeysView[str]:
        """The files known."""
        return self._files.keys()

    def add(self, path: str, interval: int, spans: Mapping[Pair, CandleSpan], *, has_vwap: bool = False) -> None:
        """Add a file."""
        self._files[path] = (interval, spans)
        if has_vwap:
            self._with_vwap.add(path)
        for pair, span in spans.items():
            self._series.setdefault(Series(pair, interval), {})[path] = span

    def discard(self, path: str) -> None:
        """Forget a file."""
        interval, spans = self._files.pop(path)
        self._with_vwap.discard(path)
        for pair in spans:
            series = Series(pair, interval)
            del self._series[series][path]
            if not self._series[series]:
                del self._series[series]

    def interval(self, path: str) -> int:
        """The interval of a file's candles, in minutes."""
        return self._files[path][0]

    def has_vwap(self, path: str) -> bool:
        """Whether a file has the column of averages."""
        return path in self._with_vwap

    def files_of(self, series: Series) -> Mapping[str, CandleSpan]:
        """The files that hold candles of a series, by path, and where they lie in it."""
        return self._spans(series)

    def spans(self, path: str) -> Mapping[Pair, CandleSpan]:
        """Where the candles of each pair lie in a file."""
        return self._files[path][1]

    def by_series(self) -> dict[Series, int]:
        """How many candles the files hold of each series."""
        return {series: sum(span.candles for span in found.values()) for series, found in self._series.items()}

    def first(self, path: str) -> int:
        """The open of a file's earliest candle, epoch seconds."""
        return min(span.first for span in self._files[path][1].values())

    def candles(self, path: str) -> int:
        """How many candles a file contains."""
        return sum(span.candles for span in self._files[path][1].values())

    def contested(self) -> Iterator[tuple[Series, TimeRanges, list[CandleSpan]]]:
        """The series of which several files may have the same slot: where that may be, and all spans of the series."""
        for series, by_path in sorted(self._series.items()):
            spans, shared, reach = sorted(by_path.values()), [], -1
            for span in spans:
                shared.append((span.first, min(span.last, reach) + 1))
                reach = max(reach, span.last)
            if ranges := TimeRanges.of(shared):
                yield series, ranges, spans

    def holding(self, ranges: Mapping[Series, TimeRanges]) -> dict[str, dict[Series, TimeRanges]]:
        """The files that may have candles in the ranges, each with the ranges to look for in it."""
        found: dict[str, dict[Series, TimeRanges]] = defaultdict(dict)
        for series, wanted in ranges.items():
            for path, span in self._spans(series).items():
                before, after = _bounds_up_to(wanted, span)
                if before != after or before % 2:
                    found[path][series] = wanted
        return found

    def count(self, series: Series, wanted: TimeRanges) -> tuple[list[int], list[str]]:
        """The candles in each range as far as spans show, and the files that have to be read for the rest."""
        counts, undecided = [0] * len(wanted), []
        for path, span in self._spans(series).items():
            before, after = _bounds_up_to(wanted, span)
            if before == after:
                if before % 2:
                    counts[before // 2] += span.candles
            elif before % 2 and after == before + 1 and wanted.bounds[before] == span.last:
                counts[before // 2] += span.candles - 1  # all but the last one: what an unstated archive leaves open
            else:
                undecided.append(path)
        return counts, undecided

    def _spans(self, series: Series) -> Mapping[str, CandleSpan]:
        return self._series.get(series, {})


def _bounds_up_to(wanted: TimeRanges, span: CandleSpan) -> tuple[int, int]:
    """How many bounds (start, end, start, …) lie at or before a span's first and its last candle.

    Equal numbers: no bound falls into the span, so all of it is inside one range (odd) or outside of all (even).
    """
    return bisect_right(wanted.bounds, span.first), bisect_right(wanted.bounds, span.last)
