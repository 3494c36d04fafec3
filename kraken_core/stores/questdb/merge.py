"""Computes one commit to QuestDB: which candles take their slots, which slots are deleted, and which ranks change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType

import polars as pl

from kraken_core.domain.averages import averaged_otherwise
from kraken_core.domain.candles import FULL_SCHEMA, Source, altered, demoted, prevails
from kraken_core.domain.differences import FOUND, differs, sizes
from kraken_core.domain.market import Series
from kraken_core.domain.timerange import TimeRanges
from kraken_core.ports import Merged
from kraken_core.stores.files.spans import US, pair_of
from kraken_core.stores.questdb.ranks import RankRun

SLOT = ("pair", "interval_minutes", "time")
RANKED = (*SLOT, "rank")
_UNCHANGED, _BEFORE, _AFTER = 0, 1, 2


@dataclass(frozen=True, slots=True)
class QuestDbMerge:
    """A commit that was worked out and not yet made.

    A rank that falls, or of a slot in which nothing is stored, is recorded before the candles, one that rises behind
    them: wherever a crash comes in between, no candle is ever stored at a rank above its own.
    """

    winners: pl.DataFrame  # FULL_SCHEMA
    gone: pl.DataFrame  # FULL_SCHEMA: rows of slots, or of other sources in a slot, that are deleted
    ranks_before: Sequence[RankRun] = ()
    ranks_after: Sequence[RankRun] = ()
    merged: Mapping[Series, Merged] = field(default_factory=dict)
    differing: pl.DataFrame = field(default_factory=partial(pl.DataFrame, schema=FOUND))
    before: pl.DataFrame = field(
        default_factory=partial(pl.DataFrame, schema=FULL_SCHEMA)
    )  # what was looked at, a row a slot
    after: pl.DataFrame = field(default_factory=partial(pl.DataFrame, schema=FULL_SCHEMA))


def merge(
    files: Sequence[pl.DataFrame],
    rows: pl.DataFrame,
    clear: Mapping[Series, TimeRanges],
    demote: Mapping[Series, TimeRanges],
    *,
    drop: Mapping[Series, TimeRanges] = MappingProxyType({}),
    by_source: bool = False,
) -> QuestDbMerge:
    """Merge files, one after the other, into what is stored: see CandleStore.commit.

    ``rows`` are those of the table (FULL_SCHEMA): all of each series from its first incoming or demoted candle to its
    last, derived ones inside ``clear``, and whatever is inside ``drop``. ``by_source``: rows of several sources may
    share a slot; the last counts.
    """
    dropped = rows.filter(_inside(drop, rows))
    stored = one_a_slot(rows)
    cleared = stored.filter(pl.col("source") == Source.DERIVED)
    cleared = cleared.filter(_inside(clear, cleared))
    left = stored.join(cleared, on=SLOT, how="anti").join(dropped, on=SLOT, how="anti")
    now = left.with_columns(
        rank=pl.when(_inside(demote, left)).then(demoted()).otherwise("rank"), ours=pl.lit(value=False)
    )
    merged: dict[Series, Merged] = {}
    differing = [pl.DataFrame(schema=FOUND)]
    for candles in files:
        joined = candles.join(now, on=SLOT, how="left", suffix="_stored", maintain_order="left").with_columns(
            new=pl.col("rank_stored").is_null(), same=~differs()
        )
        joined = joined.with_columns(wins=pl.col("new") | prevails())
        becomes_other = ~pl.col("new") & pl.col("wins") & (altered() | averaged_otherwise())
        met = joined.select(*SLOT, "new", "same", "wins", altered=becomes_other)
        differing.append(joined.filter(~pl.col("new") & ~pl.col("same")).with_columns(*sizes()).select(*FOUND))
        _count(merged, met)
        winning = candles.filter(met["wins"]).with_columns(ours=pl.lit(value=True))
        now = pl.concat([now.join(winning, on=SLOT, how="anti"), winning])
    winners = now.filter("ours").drop("ours").sort(SLOT)
    gone = pl.concat([cleared, dropped]).unique((*SLOT, "source"))
    gone = gone.join(winners, on=SLOT, how="anti").sort(SLOT)
    if by_source:  # the winner does not take the place of a row of another source
        beside = rows.join(winners.select(*SLOT, "source"), on=SLOT, suffix="_new")
        gone = pl.concat([gone, beside.filter(pl.col("source") != pl.col("source_new")).select(*FULL_SCHEMA)])
    before, after = _runs(now, stored)
    return QuestDbMerge(winners, gone, before, after, merged, pl.concat(differing), stored, now.select(*FULL_SCHEMA))


def one_a_slot(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows that count, where several share a slot."""
    return rows.unique(SLOT, keep="last", maintain_order=True)


def runs_of(candles: pl.DataFrame) -> list[RankRun]:
    """The runs of candles (pair, interval_minutes, time, rank) that are sorted, with nothing else between them."""
    return [run for _, run in _phased(candles.with_columns(phase=pl.lit(_BEFORE)))]


def _runs(now: pl.DataFrame, stored: pl.DataFrame) -> tuple[list[RankRun], list[RankRun]]:
    rises = pl.col("rank") > pl.col("rank_stored")
    changed = pl.col("ours") | (pl.col("rank") != pl.col("rank_stored"))
    phased = (
        now.join(stored.select(*SLOT, "rank"), on=SLOT, how="left", suffix="_stored")
        .sort(SLOT)
        .with_columns(phase=pl.when(~changed).then(_UNCHANGED).when(rises).then(_AFTER).otherwise(_BEFORE))
    )
    runs = list(_phased(phased))
    return [run for phase, run in runs if phase == _BEFORE], [run for phase, run in runs if phase == _AFTER]


def _phased(candles: pl.DataFrame) -> Iterable[tuple[int, RankRun]]:
    alike = pl.struct("pair", "interval_minutes", "phase", "rank").rle_id()
    seconds = pl.col("time").to_physical() // US
    runs = (
        candles.lazy()
        .group_by(alike.alias("run"), maintain_order=True)
        .agg(
            pl.first("phase", "pair", "interval_minutes", "rank"),
            seconds.min().alias("first"),
            seconds.max().alias("last"),
        )
        .filter(pl.col("phase") != _UNCHANGED)
        .collect()
    )
    for _, phase, pair, interval, rank, first, last in runs.iter_rows():
        series = Series(pair_of(pair), interval)
        yield phase, RankRun(series, first, last + series.width, rank)


def _inside(ranges: Mapping[Series, TimeRanges], candles: pl.DataFrame) -> pl.Series:
    """Which of the candles lie in their series' ranges."""
    if not any(ranges.values()):
        return pl.Series([False] * candles.height, dtype=pl.Boolean)
    nothing = TimeRanges()
    slots = candles.select("pair", "interval_minutes", pl.col("time").to_physical() // US).iter_rows()
    found = [start in ranges.get(Series(pair_of(pair), interval), nothing) for pair, interval, start in slots]
    return pl.Series(found, dtype=pl.Boolean)


def _count(merged: dict[Series, Merged], met: pl.DataFrame) -> None:
    old = ~pl.col("new")
    counts = met.group_by("pair", "interval_minutes").agg(
        new=pl.col("new").sum(),
        changed=(old & ~pl.col("same") & pl.col("wins")).sum(),
        confirmed=(old & pl.col("same")).sum(),
        outranked=(old & ~pl.col("same") & ~pl.col("wins")).sum(),
        altered=pl.col("altered").sum(),
    )
    for pair, interval, *outcome in counts.iter_rows():
        series = Series(pair_of(pair), interval)
        before = merged.get(series, Merged())
        merged[series] = Merged(*map(sum, zip(before, outcome, strict=True)))
