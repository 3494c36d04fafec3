"""Where what is covered is doubtful, and how many candles it has there: no such slot is complete."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from kraken_core.domain.coverage import DataCoverageRange
from kraken_core.domain.market import Series
from kraken_core.domain.timerange import TimeRanges
from kraken_core.ports import CandleStore
from kraken_core.workbench.charts.bins import Bins
from kraken_core.workbench.charts.share import SERIES, inside, slots_of
from kraken_core.workbench.charts.totals import counted


class Doubtful(NamedTuple):
    """The doubtful ranges of what is expected: pair, interval_minutes, start and end (epoch seconds).

    ``candles``: pair, interval_minutes, and how many candles (``doubtful_candles``) these ranges of a series have.
    """

    ranges: pl.DataFrame
    candles: pl.DataFrame

    def of(self, series: Series) -> list[tuple[int, int]]:
        """The ranges of one series."""
        return self._its(self.ranges, series).select("start", "end").rows()

    def candles_of(self, series: Series) -> int:
        """The candles in them."""
        return int(self._its(self.candles, series)["doubtful_candles"].sum())

    def candles_by_interval(self) -> dict[int, int]:
        """The candles in those of all series of each interval that has any."""
        found = self.candles.group_by("interval_minutes").agg(pl.col("doubtful_candles").sum())
        return dict(found.iter_rows())

    @staticmethod
    def _its(rows: pl.DataFrame, series: Series) -> pl.DataFrame:
        return rows.filter(pl.col("pair") == str(series.pair), pl.col("interval_minutes") == series.interval)


def doubtful(store: CandleStore, wanted: Iterable[tuple[Series, TimeRanges]], covered: pl.DataFrame) -> Doubtful:
    """The doubtful ones of the ranges covered, as far as they are expected (aligned to slots)."""
    found = inside(slots_of(wanted), covered)
    whole = (pl.col("first") == pl.col("start")) & (pl.col("last") == pl.col("end"))
    cut = counted(store, found.filter(~whole)).rename({"counted": "candles"})
    each = pl.concat([found.filter(whole).select(*SERIES, "candles"), cut.select(*SERIES, "candles")])
    candles = each.group_by(SERIES).agg(pl.col("candles").sum().alias("doubtful_candles"))
    return Doubtful(found.select(*SERIES, start="first", end="last"), candles)


class DoubtfulStep(NamedTuple):
    """How many slots of a step are doubtful, and how many of them have a candle."""

    slots: int
    candles: int


def doubtful_steps(
    store: CandleStore,
    ranges: Mapping[Series, Sequence[DataCoverageRange]],
    inside: Mapping[Series, TimeRanges],
    bins: Mapping[Series, Bins],
) -> dict[Series, list[DoubtfulStep]]:
    """The doubtful slots of each bin, of doubtful ranges as far as they are inside.

    Most of them have no candle at all, as coverage knows. In the others candles are counted bin by bin: of every other
    bin at once, as parts that touch would be counted as one.
    """
    candles = {each: np.zeros(len(of), np.int64) for each, of in bins.items()}
    traded = {each: _ranges(one for one in found if one.candles) & inside[each] for each, found in ranges.items()}
    for first in (0, 1):
        parts = {each: spans & TimeRanges.of(list(bins[each])[first::2]) for each, spans in traded.items() if spans}
        for each, counts in store.count({each: found for each, found in parts.items() if found}).items():
            edges = bins[each].edges.tolist()
            for part, many in zip(parts[each], counts, strict=True):
                candles[each][bisect_right(edges, part.start) - 1] += many
    slots = {each: bins[each].seconds(_ranges(found) & inside[each]) // each.width for each, found in ranges.items()}
    return {
        each: [DoubtfulStep(int(many), int(some)) for many, some in zip(slots[each], candles[each], strict=True)]
        for each in ranges
    }


def _ranges(found: Iterable[DataCoverageRange]) -> TimeRanges:
    return TimeRanges.of((each.start, each.end) for each in found)
