"""How much is covered of what is expected, in any window: found quickly, and by the slots alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import polars as pl

from kraken_core.domain.grades import Grade
from kraken_core.domain.market import Series
from kraken_core.domain.timerange import TimeRange, TimeRanges

SERIES = ["pair", "interval_minutes"]
WIDTH = 60 * pl.col("interval_minutes").cast(pl.Int64)  # of a slot, in seconds
_SLOTS = {"pair": pl.String, "interval_minutes": pl.Int32, "from": pl.Int64, "to": pl.Int64}


class Share(NamedTuple):
    """Slots that are expected, those of them that are covered, and of these the doubtful ones."""

    wanted: int
    covered: int
    doubtful: int = 0

    @property
    def missing(self) -> int:
        """Slots that no source covers."""
        return self.wanted - self.covered

    @property
    def part(self) -> float:
        """Covered of expected, 0 to 1; nothing expected is 0, not 1."""
        return self.covered / self.wanted if self.wanted else 0.0


class Spans(NamedTuple):
    """What is expected of many series, covered and doubtful of that: width (of a slot), start and end, in seconds."""

    wanted: pl.DataFrame
    covered: pl.DataFrame
    doubtful: pl.DataFrame

    def within(self, window: TimeRange) -> Share:
        """What opens inside the window."""
        return Share(*(_opening(spans, window) for spans in self))


def spans(wanted: Iterable[tuple[Series, TimeRanges]], covered: pl.DataFrame) -> Spans:
    """What is expected of each series (aligned to its slots), and what of that is in the ranges covered."""
    slots = slots_of(wanted)
    of_slots = slots.select(WIDTH.alias("width"), start="from", end="to")
    within = inside(slots, covered)
    known, doubtful = (
        some.select(WIDTH.alias("width"), start="first", end="last")
        for some in (within, within.filter(pl.col("grade") == Grade.DOUBTFUL))
    )
    return Spans(of_slots, known, doubtful)


def slots_of(wanted: Iterable[tuple[Series, TimeRanges]]) -> pl.DataFrame:
    """A row for each expected range: its series, ``from`` and ``to``."""
    rows = [(str(series.pair), series.interval, *span) for series, ranges in wanted for span in ranges]
    return pl.DataFrame(rows, _SLOTS, orient="row")


def inside(slots: pl.DataFrame, covered: pl.DataFrame) -> pl.DataFrame:
    """The covered ranges as far as they are expected: from ``first`` to ``last``, beside the columns of both."""
    found = covered.join(slots, on=SERIES).with_columns(
        pl.max_horizontal("start", "from").alias("first"), pl.min_horizontal("end", "to").alias("last")
    )
    return found.filter(pl.col("first") < pl.col("last"))


def _opening(spans: pl.DataFrame, window: TimeRange) -> int:
    """How many slots of the spans open in the window."""
    first, last = pl.max_horizontal("start", window.start), pl.min_horizontal("end", window.end)
    slots = -(-last // pl.col("width")) + (-first // pl.col("width"))  # from the first multiple that is not before
    return int(spans.select(slots.clip(0).sum()).item())
