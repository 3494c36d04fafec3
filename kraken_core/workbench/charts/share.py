"""How much is covered of what is expected, in any window: found quickly, and by the slots alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import polars as pl

from kraken_core.domain.grades import Grade
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRange, TimeRanges

SERIES = ["pair", "interval_minutes"]
WIDTH = 60 * pl.col("interval_minutes").cast(pl.Int64)  # of a slot, in seconds
COMPLETE = pl.col("covered") - pl.col("doubtful") == pl.col("wanted")  # of a row of Spans.shares: see Share
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
    def is_complete(self) -> bool:
        """Whether every slot wanted is covered, and none doubtful."""
        return self.covered - self.doubtful == self.wanted

    @property
    def part(self) -> float:
        """Covered and not doubtful, of those expected, 0 to 1, as ``Completeness.completeness``."""
        return (self.covered - self.doubtful) / self.wanted if self.wanted else 0.0


class Spans(NamedTuple):
    """What is wanted of many series, covered and doubtful of that: the series, width (of a slot), start and end.

    Seconds, of the epoch.
    """

    wanted: pl.DataFrame
    covered: pl.DataFrame
    doubtful: pl.DataFrame

    def within(self, window: TimeRange) -> Share:
        """What opens inside the window."""
        return Share(*(int(_opening(spans, window)["slots"].sum()) for spans in self))

    def by_series(self, window: TimeRange) -> dict[Series, Share]:
        """The same of each series of which anything is wanted in the window, in the order of :meth:`shares`."""
        return shares_of(self.shares(window))

    def shares(self, window: TimeRange) -> pl.DataFrame:
        """The same as a table, a row each: pair, interval_minutes, and the fields of a share. Least complete first.

        Of equally complete ones those that lack more slots come first, then those of names that come first.
        """
        wanted, covered, doubtful = (
            _opening(spans, window).group_by(SERIES).agg(pl.col("slots").sum().alias(name))
            for name, spans in zip(Share._fields, self, strict=True)
        )
        found = wanted.filter(pl.col("wanted") > 0).join(covered, on=SERIES, how="left")
        found = found.join(doubtful, on=SERIES, how="left").fill_null(0)
        complete = pl.col("covered") - pl.col("doubtful")
        return found.sort(complete / pl.col("wanted"), complete - pl.col("wanted"), *SERIES)


def shares_of(rows: pl.DataFrame) -> dict[Series, Share]:
    """Rows of :meth:`Spans.shares` by their series."""
    return {Series(Pair.stored(pair), interval): Share(*counts) for pair, interval, *counts in rows.iter_rows()}


def spans(wanted: Iterable[tuple[Series, TimeRanges]], covered: pl.DataFrame) -> Spans:
    """What is expected of each series (aligned to its slots), and what of that is in the ranges covered."""
    slots = slots_of(wanted)
    of_slots = slots.select(*SERIES, WIDTH.alias("width"), start="from", end="to")
    within = inside(slots, covered)
    known, doubtful = (
        some.select(*SERIES, WIDTH.alias("width"), start="first", end="last")
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


def _opening(spans: pl.DataFrame, window: TimeRange) -> pl.DataFrame:
    """The spans with how many of their ``slots`` open in the window."""
    first, last = pl.max_horizontal("start", window.start), pl.min_horizontal("end", window.end)
    slots = -(-last // pl.col("width")) + (-first // pl.col("width"))  # from the first multiple that is not before
    return spans.select(*SERIES, slots=slots.clip(0))
