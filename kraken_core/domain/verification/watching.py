"""Watching: at which interval the silences of a pair are judged, which none of its finer ones explains (rule 12)."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kraken_core.domain.timerange import TimeRanges

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from kraken_core.domain.coverage import DataCoverageRange
    from kraken_core.domain.market import Pair

    Ints = NDArray[np.int64]

_NOTHING = TimeRanges()


class Traded(NamedTuple):
    """What is covered of a pair, by interval in rising order, and the covered ranges in which something ``traded``."""

    covered: Mapping[int, TimeRanges]
    traded: Mapping[int, TimeRanges]

    @property
    def watched(self) -> dict[int, TimeRanges]:
        """The slots of each interval whose lack of trades no finer one explains.

        One explains it where it traded, as its own silences are judged there by the candles around. A finer interval
        that is covered and never traded expects no trades, whatever the pair did: an archive without a file of the
        pair covers all intervals, those too of which nothing was ever read.
        """
        result = {}
        explained = _NOTHING
        for interval, ranges in self.covered.items():
            result[interval] = (ranges - explained).inner(interval * 60)
            explained |= self.traded.get(interval, _NOTHING)
        return result


def traded_ranges(covered: TimeRanges, opens: Ints) -> TimeRanges:
    """The covered ranges with any of the candles that open then (ascending)."""
    bounds = np.array(covered.bounds, dtype=np.int64)
    before = np.searchsorted(opens, bounds)
    there = before[::2] < before[1::2]
    return TimeRanges.of(zip(bounds[::2][there].tolist(), bounds[1::2][there].tolist(), strict=True))


def traded_by_pair(coverage: Iterable[DataCoverageRange]) -> dict[Pair, Traded]:
    """The same of pairs, by what is known of how many candles lie where."""
    ranges: dict[Pair, dict[int, list[DataCoverageRange]]] = defaultdict(lambda: defaultdict(list))
    for known in coverage:
        ranges[known.series.pair][known.series.interval].append(known)
    found = {}
    for pair, by_interval in ranges.items():
        covered, traded = {}, {}
        for interval in sorted(by_interval):
            parts = sorted(by_interval[interval])
            covered[interval] = TimeRanges.of((part.start, part.end) for part in parts)
            opens = np.array([part.start for part in parts if part.candles], dtype=np.int64)
            traded[interval] = traded_ranges(covered[interval], opens)
        found[pair] = Traded(covered, traded)
    return found
