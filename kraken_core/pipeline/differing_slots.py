"""The slots in which two sources of a series differ, and the ranges that are recorded of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import polars as pl

from kraken_core.domain.candles import Source, has_content, source_of
from kraken_core.domain.differences import Difference, Origin, Sources
from kraken_core.domain.market import Series
from kraken_core.domain.timerange import TimeRanges
from kraken_core.domain.verification.frame import inside

MOST_RANGES = (
    32  # of two sources of a series in a commit; more are joined where the distances between them are smallest
)
SIZES = ("volume", "trades", "price")


class DifferingSlots(NamedTuple):
    """What differs between two sources of a series: rows of FOUND, and their opens (epoch seconds, rising)."""

    series: Series
    kept: Origin
    other: Origin
    rows: pl.DataFrame
    opens: np.ndarray

    @property
    def sources(self) -> Sources:
        """As of their differences."""
        return self.series, self.kept.key, self.other.key

    def differences(self, known: TimeRanges) -> list[Difference]:
        """The ranges of what is not known yet."""
        fresh = ~inside(self.opens, known)
        return _joined(self, self.opens[fresh], self.rows.filter(pl.Series(fresh)))


def origin_of(rank: int, files: Mapping[str, str]) -> Origin:
    """Whose a candle of this rank is; ``files`` are those of its series."""
    source = source_of(rank) or Source.CSV
    if source in {Source.CSV, Source.TRADES}:
        for content_hash, path in files.items():
            if has_content(rank, content_hash):
                return Origin(source, content_hash, path)
    return Origin(source)


def _joined(group: DifferingSlots, opens: np.ndarray, rows: pl.DataFrame) -> list[Difference]:
    """Rows in ranges: neighbours together, and those that are nearest where there would be too many ranges."""
    if not len(opens):
        return []
    width = group.series.width
    distances = np.diff(opens) - width
    apart = np.flatnonzero(distances > 0)
    if len(apart) >= MOST_RANGES:
        apart = np.sort(apart[np.argsort(distances[apart], kind="stable")[-(MOST_RANGES - 1) :]])
    firsts = np.concatenate(([0], apart + 1))
    lasts = np.concatenate((apart, [len(opens) - 1]))
    largest = [np.maximum.reduceat(rows[name].to_numpy(), firsts).tolist() for name in SIZES]
    spans: Iterable[tuple[int, int]] = zip(firsts.tolist(), lasts.tolist(), strict=True)
    return [
        Difference(group.series, int(opens[a]), int(opens[b]) + width, b - a + 1, group.kept, group.other, *sizes)
        for (a, b), *sizes in zip(spans, *largest, strict=True)
    ]
