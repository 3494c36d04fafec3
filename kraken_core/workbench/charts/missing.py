"""What is missing, over pairs or tiers and time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.workbench.charts.bins import Bins

Amounts = NDArray[np.float64]
Wanted = Callable[[list[str]], Iterable[tuple[str, TimeRanges]]]  # of each series of some rows, with its row
AT_ONCE = 10_000  # gaps that are spread over bins at once: bounds the memory


@dataclass(frozen=True, slots=True)
class MissingByBin:
    """For each row (a pair, a tier) and bin: ``seconds`` missing and expected of all its series, and ``slots`` missing.

    Of ``total`` rows with something missing, those missing the most come first.
    """

    bins: Bins
    rows: tuple[str, ...]
    total: int
    missing: Amounts
    wanted: Amounts
    slots: Amounts

    @property
    def share(self) -> Amounts:
        """Missing of expected, 0 to 1; NaN where nothing is expected. Every series of a row counts alike."""
        return np.where(self.wanted > 0, self.missing / np.maximum(self.wanted, 1), np.nan)


def missing(gaps: pl.DataFrame, row: str, wanted: Wanted, window: TimeRange, rows: slice) -> MissingByBin:
    """What the gaps leave missing in the window: of its rows those of a ``slice``.

    ``gaps`` has columns start and end (epoch seconds), interval_minutes and the one whose values are the rows;
    ``wanted`` gives the expected slots of each series of some rows.
    """
    bins = Bins.calendar(window)
    missing_slots = pl.min_horizontal("end", window.end) - pl.max_horizontal("start", window.start)
    found = gaps.with_columns(missing_slots=missing_slots).filter(pl.col("missing_slots") > 0)
    order = (
        found.group_by(row).agg(pl.col("missing_slots").sum()).sort(["missing_slots", row], descending=[True, False])
    )
    names = order[row][rows].to_list()
    seconds, slots = _added(found.filter(pl.col(row).is_in(names)), row, names, bins, window)
    return MissingByBin(bins, tuple(names), order.height, seconds, _wanted(names, wanted, bins, window), slots)


def _added(gaps: pl.DataFrame, row: str, rows: list[str], bins: Bins, window: TimeRange) -> tuple[Amounts, Amounts]:
    """The seconds and the slots that the gaps leave missing, by row and bin."""
    seconds, slots = (np.zeros((len(rows), len(bins))) for _ in range(2))
    inside = gaps.select(
        start=pl.max_horizontal("start", window.start),
        end=pl.min_horizontal("end", window.end),
        width=pl.col("interval_minutes") * 60,
        row=pl.col(row).replace_strict({name: number for number, name in enumerate(rows)}, return_dtype=pl.Int64),
    )
    for some in inside.iter_slices(AT_ONCE):
        spread = bins.spread(some["start"].to_numpy(), some["end"].to_numpy())
        of, width = some["row"].to_numpy(), some["width"].to_numpy()
        for k in range(len(bins)):
            seconds[:, k] += np.bincount(of, spread[:, k], len(rows))
            slots[:, k] += np.bincount(of, spread[:, k] / width, len(rows))
    return seconds, np.round(slots)


def _wanted(rows: list[str], wanted: Wanted, bins: Bins, window: TimeRange) -> Amounts:
    sums = np.zeros((len(rows), len(bins)))
    at = {name: number for number, name in enumerate(rows)}
    for name, ranges in wanted(rows):
        sums[at[name]] += bins.seconds(ranges & TimeRanges.single(*window))
    return sums
