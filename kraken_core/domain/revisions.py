"""What a commit changes of the candle table, so that it can be read as it was before.

Of a commit, the ranges are kept in which anything changes, and the candles that were in them. Taken backwards, it
empties the ranges and puts these candles back. That is right however much of it was carried out, be it nothing.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from kraken_core.domain.averages import VWAP, averaged_otherwise
from kraken_core.domain.candles import FULL_SCHEMA, SCHEMA, TIME, VALUES, altered
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRanges

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SLOT = ("pair", "interval_minutes", "time")
# What users see of a candle, and with what they see on request: how it ranks is no part of what was known.
VISIBLE = {name: kind for name, kind in SCHEMA.items() if name != "rank"}
ALL_VISIBLE = {**VISIBLE, VWAP: FULL_SCHEMA[VWAP]}
_US = 1_000_000
_FLOATS = tuple(name for name in VALUES if SCHEMA[name] == pl.Float64)


class Replacement(NamedTuple):
    """Where a commit changes anything, and all candles that were there before: ALL_VISIBLE, sorted by slot.

    Elsewhere, by the source that they had before, are the ranges in which candles keep their values and get another
    source. A range may reach over slots that stay empty; it never reaches over a candle that is none of its own.
    """

    ranges: Mapping[Series, TimeRanges]
    before: pl.DataFrame
    sources: Mapping[str, Mapping[Series, TimeRanges]] = MappingProxyType({})

    @property
    def series(self) -> set[Series]:
        """The series of which anything changes."""
        return {*self.ranges, *(series for ranges in self.sources.values() for series in ranges)}


def replacement(lost: pl.DataFrame, new: pl.DataFrame, kept: pl.DataFrame) -> Replacement:
    """What a commit changes: ``lost`` are candles that leave their slots, ``new`` those that take one (ALL_VISIBLE).

    A new one that is equal to the lost one of its slot, to the bit, changes nothing, nor does one of a slot of ``kept``
    (SLOT): of the candles that stay as they are, at least those between the others, lest ranges reach over them.
    """
    alike = new.join(lost, on=SLOT, suffix="_stored").filter(~_other_values() & ~averaged_otherwise())
    from_other = pl.col("source").ne_missing(pl.col("source_stored"))
    relabelled = alike.filter(from_other).select(*SLOT, "source_stored").join(kept.select(SLOT), on=SLOT, how="anti")
    unchanged = pl.concat([kept.select(SLOT), alike.filter(~from_other).select(SLOT)])
    like = pl.concat([unchanged, relabelled.select(SLOT)])
    before = lost.join(like, on=SLOT, how="anti").sort(SLOT)
    changed = pl.concat([before.select(SLOT), new.select(SLOT).join(like, on=SLOT, how="anti")])
    ranges = _ranges(
        [
            changed.with_columns(what=pl.lit(_CHANGED)),
            relabelled.select(*SLOT, what=_SOURCE + pl.col("source_stored")),
            unchanged.with_columns(what=pl.lit(_STAYS)),
        ]
    )
    sources = {what.removeprefix(_SOURCE): found for what, found in ranges.items() if what.startswith(_SOURCE)}
    return Replacement(ranges.get(_CHANGED, {}), before, sources)


def ranges_of(slots: pl.DataFrame) -> dict[Series, TimeRanges]:
    """From the first of some slots (SLOT) to the last, by series."""
    return _ranges([slots.with_columns(what=pl.lit(_CHANGED))]).get(_CHANGED, {})


_CHANGED, _SOURCE, _STAYS = "changed", "source:", "stays"


def _ranges(slots: Iterable[pl.DataFrame]) -> dict[str, dict[Series, TimeRanges]]:
    """Slots by ``what`` happens in them, and by series: those with no other ones between them are one range."""
    runs = (
        pl.concat(slots)
        .lazy()
        .sort(SLOT)
        .with_columns(run=pl.struct("pair", "interval_minutes", "what").rle_id())
        .filter(pl.col("what") != _STAYS)
        .group_by("run", maintain_order=True)
        .agg(
            pl.first("what", "pair", "interval_minutes"),
            pl.first("time").alias("first"),
            pl.last("time").alias("last"),
        )
        .with_columns(pl.col("first", "last").to_physical() // _US)
        .collect()
    )
    found: dict[str, dict[Series, list[tuple[int, int]]]] = {}
    for _, what, name, interval, first, last in runs.iter_rows():
        series = Series(Pair.stored(name), interval)
        found.setdefault(what, {}).setdefault(series, []).append((first, last + series.width))
    return {
        what: {series: TimeRanges.of(spans) for series, spans in of_kind.items()} for what, of_kind in found.items()
    }


class Earlier(NamedTuple):
    """Ranges as they were: ``unchanged`` are those parts that are as they are now, ``candles`` all of the others.

    Of both, ``sources`` says where candles had another source; ``candles`` have it already.
    """

    unchanged: Mapping[Series, TimeRanges]
    candles: pl.DataFrame
    sources: Mapping[str, Mapping[Series, TimeRanges]]


def earlier(ranges: Mapping[Series, TimeRanges], since: Iterable[Replacement]) -> Earlier:
    """How ranges were before the commits made ``since``, oldest first: the first that changed a slot decides."""
    left, named = dict(ranges), dict(ranges)  # where values, and sources, are not decided yet
    found = [pl.DataFrame(schema=ALL_VISIBLE)]
    sources: dict[str, dict[Series, TimeRanges]] = {}
    for each in since:
        for source, relabelled in each.sources.items():
            for series, parts in _met(relabelled, named).items():
                of_source = sources.setdefault(source, {})
                of_source[series] = of_source.get(series, TimeRanges()) | parts
                named[series] -= parts
        if decided := _met(each.ranges, left):
            found.append(within(each.before, decided))
            left |= {series: left[series] - parts for series, parts in decided.items()}
        named |= {series: named[series] - parts for series, parts in _met(each.ranges, named).items()}
    return Earlier(left, with_sources(pl.concat(found).sort(SLOT), sources), sources)


def taken_back(now: pl.DataFrame, ranges: Mapping[Series, TimeRanges], since: Iterable[Replacement]) -> pl.DataFrame:
    """The candles of ranges (ALL_VISIBLE), given those of ``now``, before the commits made ``since``, oldest first."""
    then = earlier(ranges, since)
    same = now if then.unchanged == ranges else within(now, then.unchanged)
    return pl.concat([with_sources(same, then.sources), then.candles]).sort(SLOT)


def with_sources(candles: pl.DataFrame, sources: Mapping[str, Mapping[Series, TimeRanges]]) -> pl.DataFrame:
    """The candles (ALL_VISIBLE), those in the ranges of a source as of that source."""
    for source, ranges in sources.items():
        theirs = within(candles, ranges)
        others = candles.join(theirs, on=SLOT, how="anti")
        candles = pl.concat([others, theirs.with_columns(source=pl.lit(source))]).sort(SLOT)
    return candles


def _met(ranges: Mapping[Series, TimeRanges], others: Mapping[Series, TimeRanges]) -> dict[Series, TimeRanges]:
    both = {series: found & others[series] for series, found in ranges.items() if series in others}
    return {series: parts for series, parts in both.items() if parts}


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
    return pl.any_horizontal(_other_values(stored), pl.col("source").ne_missing(pl.col(f"source{stored}")))


def kept_apart(stored: str = "_stored") -> pl.Expr:
    """Whether one of two joined candles is kept where the other takes its slot: they are unlike, or average otherwise.

    That the average alone is another is no revision; all the same it is read again as it was.
    """
    return pl.any_horizontal(unlike(stored), averaged_otherwise(stored))


def _other_values(stored: str = "_stored") -> pl.Expr:
    signs = (1 / pl.col(name) != 1 / pl.col(f"{name}{stored}") for name in _FLOATS)
    return pl.any_horizontal(altered(stored), *signs)
