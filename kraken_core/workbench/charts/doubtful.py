"""Where what is covered is doubtful, and how many candles it has there: no such slot is complete."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import polars as pl

from kraken_core.domain.market import Series
from kraken_core.domain.timerange import TimeRanges
from kraken_core.ports import CandleStore
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
