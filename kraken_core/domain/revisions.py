"""What a commit changes of the candle table, so that it can be read as it was before.

Of a commit, the ranges are kept in which anything changes, and the candles that were in them. Taken backwards, it
empties the ranges and puts these candles back. That is right however much of it was carried out, be it nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from kraken_core.domain.candles import SCHEMA, TIME, VALUES, altered
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRanges

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SLOT = ("pair", "interval_minutes", "time")
# What users see of a candle: how it ranks is no part of what was known.
VISIBLE = {name: kind for name, kind in SCHEMA.items() if name != "rank"}
_US = 1_000_000
_FLOATS = tuple(name for name in VALUES if SCHEMA[name] == pl.Float64)


class Replacement(NamedTuple):
    """Where a commit changes anything, and all candles that were there before: VISIBLE, sorted by slot.

    A range may reach over slots that stay empty; it never reaches over a candle that stays as it is.
    """

    ranges: Mapping[Series, TimeRanges]
    before: pl.DataFrame


def replacement(lost: pl.DataFrame, new: pl.DataFrame, kept: pl.DataFrame) -> Replacement:
    """What a commit changes: ``lost`` are candles that leave their slots, ``new`` those that take one (VISIBLE).

    A new one that is equal to the lost one of its slot, to the bit, changes nothing, nor does one of a slot of ``kept``
    (SLOT): of the candles that stay as they are, at least those between the others, lest ranges reach over them.
    """
    unchanged = pl.concat([kept.select(SLOT), _alike(lost, new)])
    before = lost.join(unchanged, on=SLOT, how="anti").sort(SLOT)
    came = new.select(SLOT).join(unchanged, on=SLOT, how="anti")
    return Replacement(ranges_between(pl.concat([before.select(SLOT), came]), unchanged), before)


def ranges_between(changed: pl.DataFrame, kept: pl.DataFrame) -> dict[Series, TimeRanges]:
    """The slots that change (SLOT), by series: those with no kept one between them are one range."""
    marked = pl.concat([changed.with_columns(stays=False), kept.with_columns(stays=True)]).sort(SLOT)
    runs = (
        marked.lazy()
        .with_columns(run=pl.struct("pair", "interval_minutes", "stays").rle_id())
        .filter(~pl.col("stays"))
        .group_by("run", maintain_order=True)
        .agg(pl.first("pair", "interval_minutes"), pl.first("time").alias("first"), pl.last("time").alias("last"))
        .with_columns(pl.col("first", "last").to_physical() // _US)
        .collect()
    )
    found: dict[Series, list[tuple[int, int]]] = {}
    for _, name, interval, first, last in runs.iter_rows():
        base, _, quote = name.partition("/")
        series = Series(Pair(base, quote), interval)
        found.setdefault(series, []).append((first, last + series.width))
    return {series: TimeRanges.of(spans) for series, spans in found.items()}


class Earlier(NamedTuple):
    """Ranges as they were: ``unchanged`` are those parts that are as they are now, ``candles`` all of the others."""

    unchanged: Mapping[Series, TimeRanges]
    candles: pl.DataFrame


def earlier(ranges: Mapping[Series, TimeRanges], since: Iterable[Replacement]) -> Earlier:
    """How ranges were before the commits made ``since``, oldest first: the first that changed a slot tells of it."""
    left = dict(ranges)
    found = [pl.DataFrame(schema=VISIBLE)]
    for each in since:
        told = {series: changed & left[series] for series, changed in each.ranges.items() if series in left}
        told = {series: parts for series, parts in told.items() if parts}
        if told:
            found.append(within(each.before, told))
            left |= {series: left[series] - parts for series, parts in told.items()}
    return Earlier(left, pl.concat(found).sort(SLOT))


def within(candles: pl.DataFrame, ranges: Mapping[Series, TimeRanges]) -> pl.DataFrame:
    """The candles that lie in the ranges of their own series."""
    bounds = pl.DataFrame(
        [(str(s.pair), s.interval, start * _US, end * _US) for s, found in ranges.items() for start, end in found],
        {"pair": pl.String, "interval_minutes": pl.Int32, "start": TIME, "end": TIME},
        orient="row",
    )
    return (
        candles.sort("time")
        .join_asof(bounds.sort("start"), left_on="time", right_on="start", by=SLOT[:2], check_sortedness=False)
        .filter(pl.col("time") < pl.col("end"))
        .select(candles.columns)
    )


def unlike(stored: str = "_stored") -> pl.Expr:
    """Whether two joined candles differ in anything that users see, were it in a bit: 0.0 is not -0.0."""
    signs = (1 / pl.col(name) != 1 / pl.col(f"{name}{stored}") for name in _FLOATS)
    source = pl.col("source").ne_missing(pl.col(f"source{stored}"))
    return pl.any_horizontal(altered(stored), source, *signs)


def _alike(lost: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """The slots (SLOT) in which the new candle is the lost one."""
    return new.join(lost, on=SLOT, suffix="_stored").filter(~unlike()).select(SLOT)
