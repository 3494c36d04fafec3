"""What is known of each slot of a series, one row a slot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from kraken_core.domain.candles import TIME
from kraken_core.domain.grades import Grade
from kraken_core.domain.life import Life, lived
from kraken_core.domain.timerange import TimeRange, TimeRanges

if TYPE_CHECKING:
    from numpy.typing import NDArray

_US = 1_000_000


class SlotState(StrEnum):
    """What a slot is: covered with a candle, covered without trades, in life and not covered, or outside of life."""

    PRESENT = "present"
    NO_TRADES = "no trades"
    MISSING = "missing"
    OUTSIDE = "outside"


def slot_states(
    window: TimeRange,
    width: int,
    lives: Sequence[Life],
    covered: Mapping[Grade, TimeRanges],
    candles: pl.Series,
) -> pl.DataFrame:
    """The slots of ``width`` seconds that open in a window: ``time`` (slot open, UTC), ``state``, ``grade``.

    ``candles`` are when candles open. Only a covered slot has a grade; of a pair of whose life nothing is known all
    slots are missing.
    """
    opens = np.arange(-(-window.start // width) * width, window.end, width, dtype=np.int64)
    frame = pl.DataFrame({"time": pl.Series(opens * _US).cast(TIME)})
    alive = _inside(opens, lived(lives, width)) if lives else np.ones(len(opens), dtype=np.bool_)
    known = TimeRanges.of(part for ranges in covered.values() for part in ranges)
    grade = pl.lit(None, pl.String)
    for each, ranges in covered.items():
        grade = pl.when(pl.Series(_inside(opens, ranges))).then(pl.lit(each.value)).otherwise(grade)
    return frame.with_columns(
        state=pl.when(pl.Series(_inside(opens, known)) & pl.col("time").is_in(candles.implode()))
        .then(pl.lit(SlotState.PRESENT.value))
        .when(pl.Series(_inside(opens, known)))
        .then(pl.lit(SlotState.NO_TRADES.value))
        .when(pl.Series(alive))
        .then(pl.lit(SlotState.MISSING.value))
        .otherwise(pl.lit(SlotState.OUTSIDE.value)),
        grade=grade,
    )


def _inside(instants: NDArray[np.int64], ranges: TimeRanges) -> NDArray[np.bool_]:
    """Which of rising instants lie in ranges."""
    found: NDArray[np.bool_] = np.searchsorted(np.array(ranges.bounds, dtype=np.int64), instants, "right") % 2 == 1
    return found
