"""Bins: stretches of time side by side, in which ranges are added up for a picture of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from kraken_core.domain.timerange import TimeRange, ceil, floor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from kraken_core.domain.timerange import TimeRanges

DAY_S = 86_400
# Minutes; each is a multiple of every interval of the archives before it, so that no slot lies in two bins.
WIDTHS = (1, 5, 15, 30, 60, 120, 240, 720, 1440, 2880, 10_080, 20_160, 40_320, 60_480, 80_640, 201_600)


@dataclass(frozen=True, slots=True)
class Bins:
    """Bin k goes from edge k up to edge k + 1 (epoch seconds)."""

    edges: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.edges) - 1

    def __iter__(self) -> Iterator[TimeRange]:
        return (TimeRange(start, end) for start, end in pairwise(self.edges.tolist()))

    @property
    def hull(self) -> TimeRange:
        """From the first edge to the last."""
        return TimeRange(int(self.edges[0]), int(self.edges[-1]))

    @classmethod
    def even(cls, window: TimeRange, width: int) -> Bins:
        """Bins of ``width`` seconds, aligned to the epoch, that cover the window."""
        return cls(np.arange(floor(window.start, width), ceil(window.end, width) + 1, width, dtype=np.int64))

    @classmethod
    def calendar(cls, window: TimeRange) -> Bins:
        """Years, months, days or hours (UTC) that cover the window: the finest that make few bins of it."""
        days = (window.end - window.start) / DAY_S
        if days <= 4:  # noqa: PLR2004 - up to 97 hours
            return cls.even(window, 3_600)
        if days <= 100:  # noqa: PLR2004 - and as many days
            return cls.even(window, DAY_S)
        months = 1 if days <= 100 * 30 else 12
        return cls(np.array(_months(window, months), dtype=np.int64))

    def seconds(self, ranges: TimeRanges) -> NDArray[np.int64]:
        """How many seconds of each bin are in the ranges."""
        if not ranges:
            return np.zeros(len(self), np.int64)
        bounds = np.array(ranges.bounds)
        lengths = np.diff(bounds)
        lengths[1::2] = 0  # what lies between two ranges
        before = np.interp(self.edges, bounds, np.concatenate([[0], np.cumsum(lengths)]))
        result: NDArray[np.int64] = np.diff(before).round().astype(np.int64)
        return result

    def spread(self, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many seconds of each bin are in each range, a row a range."""
        before = np.clip(self.edges[None, :], starts[:, None], ends[:, None])
        result: NDArray[np.int64] = np.diff(before, axis=1)
        return result


def width_for(window: TimeRange, at_most: int, at_least: int = 1) -> int:
    """The least width (seconds) of which at most so many bins cover the window; of ``at_least`` minutes."""
    wide_enough = (minutes for minutes in WIDTHS if minutes >= at_least and minutes % at_least == 0)
    fits = (minutes for minutes in wide_enough if (window.end - window.start) <= (at_most - 1) * minutes * 60)
    return next(fits, WIDTHS[-1]) * 60


def _months(window: TimeRange, step: int) -> list[int]:
    """The starts of every so manieth month, from the one with the window's start to the first after its end."""
    first = datetime.fromtimestamp(window.start, UTC)
    month = (first.year * 12 + first.month - 1) // step * step
    edges = [_month_start(month)]
    while edges[-1] < window.end:
        month += step
        edges.append(_month_start(month))
    return edges


def _month_start(month: int) -> int:
    return int(datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC).timestamp())
