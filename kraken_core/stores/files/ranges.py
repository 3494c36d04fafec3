"""Which rows of files lie in the ranges of their series: found run by run, without touching other rows.

A file lies sorted by pair and time, so that a range is a slice of it; what is needed whole is not even copied.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from kraken_core.domain.candles import KEY
from kraken_core.domain.market import Series
from kraken_core.domain.slices import picked
from kraken_core.domain.timerange import TimeRanges
from kraken_core.stores.files.spans import US, pair_of, times_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

_NONE = np.array([], dtype=np.int64)


class RowRun(NamedTuple):
    """Rows ``begin`` up to ``end`` of one pair, by rising open times."""

    pair: str
    first: int  # open times, in microseconds
    last: int
    begin: int
    end: int


def in_ranges(rows: pl.DataFrame, ranges: Mapping[Series, TimeRanges], interval: int) -> pl.DataFrame:
    """The rows of an interval in the ranges, sorted by pair and time."""
    runs = _runs(rows)
    if runs is None:  # a file that another tool wrote, or several with the same days of a pair
        rows = rows.sort(KEY)
        runs = _runs(rows) or []
    times = times_of(rows)
    begins, ends = [_NONE], [_NONE]
    for pair, _, _, begin, end in runs:
        wanted = ranges.get(Series(pair_of(pair), interval), TimeRanges())
        cuts = begin + np.searchsorted(times[begin:end], np.array(wanted.bounds, dtype=np.int64) * US)
        begins.append(cuts[::2])
        ends.append(cuts[1::2])
    return picked(rows, np.concatenate(begins), np.concatenate(ends))


def _runs(rows: pl.DataFrame) -> list[RowRun] | None:
    """The runs of pairs, sorted by pair and time; None where rows have to be moved to bring them into this order."""
    found = rows["pair"].rle().struct.unnest()
    times, ends = times_of(rows), np.cumsum(found["len"].to_numpy().astype(np.int64))
    begins = np.append(0, ends)[:-1]
    firsts, lasts = times[begins], times[ends - 1]
    steps_back, between = np.count_nonzero(times[1:] < times[:-1]), np.count_nonzero(firsts[1:] < lasts[:-1])
    parts = (found["value"].to_list(), *(values.tolist() for values in (firsts, lasts, begins, ends)))
    runs = sorted(map(RowRun._make, zip(*parts, strict=True)))
    mixed = any(a.pair == b.pair and b.first < a.last for a, b in pairwise(runs))
    return None if steps_back != between or mixed else runs
