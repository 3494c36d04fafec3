"""Runs of trades that a file has twice within a second (domain rule 4).

Real trades are out of order too, by fractions of a second, as clocks are; and two equal ones are two. But where time
falls, and what follows are the very rows that began at that earlier time, a part of the file is there twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kraken_core.domain.exchange import NS
from kraken_core.domain.trades import TRADES

FALL_NS = NS  # trades less than a second out of order are those of clocks; rows further back are out of place
_RUN = 2  # rows; a single one that comes again is a trade like the one before


@dataclass(slots=True)
class RepeatedRuns:
    """The runs of a file, which is added portion by portion. ``found``: from when to when, in epoch nanoseconds."""

    found: list[tuple[int, int]] = field(default_factory=list)
    _tail: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=TRADES))  # what may be repeated next

    def add(self, trades: pl.DataFrame, times: NDArray[np.int64]) -> None:
        """The next good rows of the file, columns as in TRADES, at least one; and their times."""
        rows = pl.concat([self._tail, trades])
        if not rows["time"].is_sorted():
            self.found += _repeated(rows, rows["time"].to_numpy())
        recent = int(np.searchsorted(times, times[-1] - 2 * FALL_NS))
        self._tail = trades[recent:] if recent else rows


def _repeated(rows: pl.DataFrame, times: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    steps = np.diff(times)
    falls = np.flatnonzero((steps < 0) & (steps > -FALL_NS))
    prices, latest = rows["price"].to_numpy(), np.maximum.accumulate(times)
    for fall in falls.tolist():
        # The row behind it may be two halves of others.
        for again in (fall + 1, fall + 2):
            if again + _RUN > len(times) or times[again] >= times[fall]:
                continue
            first = int(np.searchsorted(latest, times[again]))
            alike = (times[first : fall + 1] == times[again]) & (prices[first : fall + 1] == prices[again])
            run = rows[again : again + _RUN]
            if any(rows[at : at + _RUN].equals(run) for at in (first + np.flatnonzero(alike)).tolist()):
                yield int(times[again]), int(latest[fall])
                break
