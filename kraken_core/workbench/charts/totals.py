"""Completeness of everything at once, added up in columns: the figures of a report, several times as fast."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

import polars as pl

from kraken_core.domain.completeness import Completeness, least_complete_first
from kraken_core.domain.completeness_answer import CompletenessAnswer, completeness_answer
from kraken_core.domain.grades import Grade
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.ports import CandleStore
from kraken_core.workbench.charts.share import SERIES, WIDTH, inside, slots_of

_COUNTS = Completeness.__match_args__
_GRADES = [grade.value for grade in Grade if grade is not Grade.CLAIMED]  # which is the rest


class Totals(NamedTuple):
    """Of all that was expected by ``as_of``, the last detection.

    ``series``: pair, interval_minutes, the slots expected (``wanted``), covered, present, proved, confirmed and
    doubtful of each series that is expected, and from where to where (``start``, ``end``, epoch seconds).

    ``gaps``: its open gaps. ``ends``: pair, interval_minutes and where what is covered of it ends (epoch seconds).
    """

    as_of: int
    series: pl.DataFrame
    gaps: pl.DataFrame
    ends: pl.DataFrame

    @property
    def by_interval(self) -> dict[int, Completeness]:
        """All series of an interval together, the least complete interval first."""
        rows = self.series.group_by("interval_minutes").agg(pl.col(_COUNTS).sum()).iter_rows()
        return least_complete_first({interval: Completeness(*counts) for interval, *counts in rows})

    @property
    def answer(self) -> CompletenessAnswer:
        """Whether the data is complete."""
        rows = self.series.select(*SERIES, *_COUNTS).iter_rows()
        return completeness_answer(
            (Series(Pair.stored(pair), interval), Completeness(*counts)) for pair, interval, *counts in rows
        )


def totals(
    store: CandleStore,
    as_of: int,
    wanted: Iterable[tuple[Series, TimeRanges]],
    covered: pl.DataFrame,
    gaps: pl.DataFrame,
) -> Totals:
    """What is expected of each series (aligned to its slots), and what is covered and open of that."""
    slots = slots_of(wanted)
    found = inside(slots, covered)
    whole = (pl.col("first") == pl.col("start")) & (pl.col("last") == pl.col("end"))
    cut = counted(store, found.filter(~whole))
    covering = (pl.col("last") - pl.col("first")) // WIDTH
    known = found.group_by(SERIES).agg(
        covering.sum().alias("covered"),
        pl.col("candles").filter(whole).sum().alias("present"),
        *(covering.filter(pl.col("grade") == grade).sum().alias(grade) for grade in _GRADES),
    )
    series = (
        slots.group_by(SERIES)
        .agg(
            ((pl.col("to") - pl.col("from")) // WIDTH).sum().alias("wanted"),
            pl.col("from").min().alias("start"),
            pl.col("to").max().alias("end"),
        )
        .join(known, on=SERIES, how="left")
        .join(cut, on=SERIES, how="left")
        .with_columns(pl.col("covered", "present", "counted", *_GRADES).fill_null(0))
        .select(*SERIES, "wanted", "covered", pl.col("present") + pl.col("counted"), *_GRADES, "start", "end")
    )
    reaching = gaps.join(slots, on=SERIES).filter((pl.col("start") < pl.col("to")) & (pl.col("from") < pl.col("end")))
    ends = covered.group_by(SERIES).agg(pl.col("end").max())
    of_wanted = gaps.join(reaching.select("gap_id").unique(), on="gap_id", how="semi")
    return Totals(as_of, series, of_wanted, ends)


def counted(store: CandleStore, cut: pl.DataFrame) -> pl.DataFrame:
    """Candles of ranges that were counted as a part of others, by series, counted now."""
    parts: dict[Series, list[TimeRange]] = defaultdict(list)
    for pair, interval, first, last in cut.select(*SERIES, "first", "last").iter_rows():
        parts[Series(Pair.stored(pair), interval)].append(TimeRange(first, last))
    found = store.count({series: TimeRanges.of(spans) for series, spans in parts.items()})
    return pl.DataFrame(
        [(str(series.pair), series.interval, sum(counts)) for series, counts in found.items()],
        {"pair": pl.String, "interval_minutes": pl.Int32, "counted": pl.Int64},
        orient="row",
    )
