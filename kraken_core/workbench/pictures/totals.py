"""Completeness of everything at once, added up in columns: what a report says, several times as fast."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

import polars as pl

from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.ports import CandleStore

_SERIES = ["pair", "interval_minutes"]
_SLOTS = {"pair": pl.String, "interval_minutes": pl.Int32, "from": pl.Int64, "to": pl.Int64}


class Totals(NamedTuple):
    """Of all that was wanted by ``as_of``, the last detection.

    ``series``: pair, interval_minutes and the slots wanted, covered and present of each series that is wanted.

    ``gaps``: its open gaps. ``newest``: where what is covered ends, epoch seconds, by interval.
    """

    as_of: int
    series: pl.DataFrame
    gaps: pl.DataFrame
    newest: dict[int, int]


def totals(
    store: CandleStore,
    as_of: int,
    wanted: Iterable[tuple[Series, TimeRanges]],
    covered: pl.DataFrame,
    gaps: pl.DataFrame,
) -> Totals:
    """What is wanted of each series (aligned to its slots), and what is covered and open of that."""
    slots = pl.DataFrame(
        [(str(series.pair), series.interval, *span) for series, ranges in wanted for span in ranges],
        _SLOTS,
        orient="row",
    )
    width = 60 * pl.col("interval_minutes").cast(pl.Int64)
    inside = covered.join(slots, on=_SERIES).with_columns(
        pl.max_horizontal("start", "from").alias("first"), pl.min_horizontal("end", "to").alias("last")
    )
    inside = inside.filter(pl.col("first") < pl.col("last"))
    whole = (pl.col("first") == pl.col("start")) & (pl.col("last") == pl.col("end"))
    cut = _counted(store, inside.filter(~whole))
    known = inside.group_by(_SERIES).agg(
        ((pl.col("last") - pl.col("first")) // width).sum().alias("covered"),
        pl.col("candles").filter(whole).sum().alias("present"),
    )
    series = (
        slots.group_by(_SERIES)
        .agg(((pl.col("to") - pl.col("from")) // width).sum().alias("wanted"))
        .join(known, on=_SERIES, how="left")
        .join(cut, on=_SERIES, how="left")
        .with_columns(pl.col("covered", "present", "counted").fill_null(0))
        .select(*_SERIES, "wanted", "covered", pl.col("present") + pl.col("counted"))
    )
    reaching = gaps.join(slots, on=_SERIES).filter((pl.col("start") < pl.col("to")) & (pl.col("from") < pl.col("end")))
    newest = covered.group_by("interval_minutes").agg(pl.col("end").max())
    of_wanted = gaps.join(reaching.select("gap_id").unique(), on="gap_id", how="semi")
    return Totals(as_of, series, of_wanted, dict(newest.rows()))


def _counted(store: CandleStore, cut: pl.DataFrame) -> pl.DataFrame:
    """Candles of ranges that were counted as a part of others, by series, counted now."""
    parts: dict[Series, list[TimeRange]] = defaultdict(list)
    for pair, interval, first, last in cut.select(*_SERIES, "first", "last").iter_rows():
        base, _, quote = pair.partition("/")
        parts[Series(Pair(base, quote), interval)].append(TimeRange(first, last))
    found = store.count({series: TimeRanges.of(spans) for series, spans in parts.items()})
    return pl.DataFrame(
        [(str(series.pair), series.interval, sum(counts)) for series, counts in found.items()],
        {"pair": pl.String, "interval_minutes": pl.Int32, "counted": pl.Int64},
        orient="row",
    )
