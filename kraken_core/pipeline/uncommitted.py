"""Derived candles that wait for a commit, and the table as it will be after it.

What is derived from them meanwhile is what would be derived once they are committed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

from kraken_core.domain.candles import FULL_SCHEMA, KEY, Source
from kraken_core.domain.market import Series
from kraken_core.domain.revisions import SLOT, within
from kraken_core.domain.timerange import TimeRanges


class Uncommitted:
    """Candles to commit (FULL_SCHEMA) over ranges whose earlier derived candles are to be cleared."""

    def __init__(self) -> None:
        self.clear: dict[Series, TimeRanges] = {}
        self._candles: dict[int, pl.DataFrame] = {}  # by interval

    def add(self, candles: pl.DataFrame, clear: Mapping[Series, TimeRanges]) -> None:
        """All that is derived in the ranges; nothing of it was added before. ``candles`` have one interval."""
        for series, ranges in clear.items():
            self.clear[series] = self.clear.get(series, TimeRanges()) | ranges
        if candles.height:
            interval = candles.item(0, "interval_minutes")
            before = self._candles.get(interval)
            self._candles[interval] = candles if before is None else pl.concat([before, candles])

    def by_interval(self) -> Iterator[pl.DataFrame]:
        """The candles, as a store stages them."""
        for _, candles in sorted(self._candles.items()):
            yield candles.sort(KEY)

    def seen_in(self, stored: pl.DataFrame, ranges: Mapping[Series, TimeRanges]) -> pl.DataFrame:
        """The candles of ranges (of one interval), given those in the table: as they will be after the commit.

        A stored candle keeps its slot where its rank is as high: see CandleStore.commit, and
        :func:`~kraken_core.domain.candles.prevails` for a candle that was not observed.
        """
        if not ranges.keys() & self.clear.keys():
            return stored
        cleared = within(stored.filter(pl.col("source") == Source.DERIVED), self.clear)
        new = [within(self._candles[i], ranges) for i in {series.interval for series in ranges} & self._candles.keys()]
        return (
            pl.concat([stored.join(cleared, on=SLOT, how="anti"), *new])
            .sort("rank", descending=True, maintain_order=True)
            .unique(KEY, keep="first", maintain_order=True)
            .select(*FULL_SCHEMA)
        )
