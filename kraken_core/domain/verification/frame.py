"""Frames: candles of whole days of some pairs, and which rows are whose; memory is bounded by the frame."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from kraken_core.domain.candles import SCHEMA
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.slices import picked
from kraken_core.domain.timerange import TimeRanges
from kraken_core.domain.verification.known_pair import KnownPair
from kraken_core.domain.verification.screening import PairRows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

US = 1_000_000  # microseconds a second
NO_OPENS = np.array([], dtype=np.int64)
SERIES = ("pair", "interval_minutes")


class Rows(NamedTuple):
    """The candles of one series in a frame: the first row's number, and all their opens in epoch seconds."""

    first: int
    opens: Ints

    def within(self, ranges: TimeRanges) -> Ints:
        """The numbers of the rows in the ranges: those from one up to the next, and so on by twos."""
        return np.searchsorted(self.opens, np.array(ranges.bounds, dtype=np.int64)) + self.first


NO_ROWS = Rows(0, NO_OPENS)


def rows_by_series(candles: pl.DataFrame, pairs: Iterable[Pair]) -> dict[Series, Rows]:
    """Which rows are whose, of candles of these pairs; those of a series lie together, by time."""
    names = {str(pair): pair for pair in pairs}
    opens = opens_of(candles)
    distinguishing = SERIES if len(names) > 1 else SERIES[1:]  # a single pair's name is the same in every row
    runs = [candles[name].rle().struct.field("len").cast(pl.Int64).cum_sum() for name in distinguishing]
    ends = pl.concat(runs).unique().sort()
    heads = candles.select(SERIES)[ends - 1]
    return {
        Series(names[name], interval): Rows(first, opens[first:end])
        for (name, interval), first, end in zip(heads.iter_rows(), [0, *ends], ends, strict=False)
    }


class Frame:
    """Candles of whole days (SCHEMA; those of a series together, by time), and which rows are whose."""

    def __init__(self, candles: pl.DataFrame, pairs: Mapping[Pair, KnownPair]) -> None:
        self.candles = candles
        self.pairs = pairs
        self.series = rows_by_series(candles, pairs)

    @classmethod
    def read(
        cls,
        read: Callable[[Mapping[Series, TimeRanges], Collection[str]], pl.DataFrame],
        ranges: Mapping[Series, TimeRanges],
        pairs: Mapping[Pair, KnownPair],
        columns: Collection[str] = SCHEMA,
    ) -> Frame:
        """The candles in the ranges, one interval after the other: so whole intervals are compared as they lie.

        ``read``: see CandleStore.candles.
        """
        by_interval: dict[int, dict[Series, TimeRanges]] = defaultdict(dict)
        for series, some in ranges.items():
            by_interval[series.interval][series] = some
        found = [read(some, columns).rechunk() for _, some in sorted(by_interval.items())]
        return cls(pl.concat(found or [read({}, columns)]), pairs)

    def opens(self, series: Series) -> Ints:
        """When the candles of a series open, provisional ones included."""
        return self.series.get(series, NO_ROWS).opens

    def of(self, wanted: Mapping[Series, TimeRanges]) -> PairRows:
        """The candles of some series of one interval in some ranges, in the order in which they lie."""
        within = ((self.series[each].within(ranges), each) for each, ranges in wanted.items() if each in self.series)
        found = sorted(((bounds.reshape(-1, 2), str(each.pair)) for bounds, each in within), key=_first_row)
        runs = [(name, int((bounds[:, 1] - bounds[:, 0]).sum())) for bounds, name in found]
        slices = np.concatenate([NO_OPENS.reshape(-1, 2), *(bounds for bounds, _ in found)])
        return PairRows(picked(self.candles, slices[:, 0], slices[:, 1]), runs)


def _first_row(found: tuple[Ints, str]) -> list[int]:
    bounds, _ = found
    first: list[int] = bounds[:1, 0].tolist()
    return first


def opens_of(candles: pl.DataFrame) -> Ints:
    """When the slots of candles open, in epoch seconds."""
    opens: Ints = candles["time"].to_physical().to_numpy() // US
    return opens


def inside(opens: Ints, ranges: TimeRanges) -> NDArray[np.bool_]:
    """Which instants lie in the ranges."""
    bounds = np.array(ranges.bounds, dtype=np.int64)
    found: NDArray[np.bool_] = np.searchsorted(bounds, opens, side="right") % 2 == 1
    return found
