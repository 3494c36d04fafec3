"""Whether coarse candles are what finer ones make of their slots (domain rules 12 and 13)."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from kraken_core.domain.candles import KEY, PRICES, VALUES, release
from kraken_core.domain.timerange import TimeRange, TimeRanges

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

VOLUME_TOLERANCE = 1e-8  # of the volume, or of one coin for every finer slot: what adding up doubles may cost


class Verdict(StrEnum):
    """What comparing a coarse slot with the finer candles in it shows.

    Archives and answers that were made at different times, or by different ways, differ in counts and volumes of whole
    days though their prices are equal; candles of one release never do (domain rule 13).
    """

    AGREES = "agrees"
    COARSE_SILENT = "coarse silent"  # there is no coarse candle, though finer ones traded
    FINE_SILENT = "fine silent"  # there is no finer candle, though the coarse one traded
    FINE_LACKS = "fine lacks"  # of one release, and the finer candles count fewer trades, at prices inside the coarse
    DIFFERS = "differs"  # other prices; of one release, other counts or volumes too
    OTHER_COUNTS = "other counts"  # of two sources or vintages: other counts or volumes, and only these; no failure


FAILING = (Verdict.FINE_LACKS, Verdict.DIFFERS)  # both have candles, and these cannot both be right


class Comparison(NamedTuple):
    """Coarse slots, and the finer interval to compare them with; minutes, and aligned ranges of epoch seconds."""

    coarse: int
    fine: int
    slots: TimeRanges


def comparisons(
    covered: Mapping[int, TimeRanges], observed: Mapping[int, TimeRanges], outside_life: TimeRanges
) -> list[Comparison]:
    """What to compare of one pair: every covered slot with the coarsest finer interval that observed all of it.

    ``covered`` are the known slots by interval, ``observed`` those of them that sources cover rather than derivations:
    what was derived agrees with its origin, and comparing with it is comparing with that.
    """
    found = []
    for coarse in sorted(covered):
        left = covered[coarse]
        for fine in sorted((i for i in observed if i < coarse and coarse % i == 0), reverse=True):
            whole = (observed[fine] | outside_life & left).inner(coarse * 60) & left if left else left
            if whole:
                found.append(Comparison(coarse, fine, whole))
                left -= whole
    return found


def compared(fine: pl.DataFrame, coarse: pl.DataFrame, comparison: tuple[int, int]) -> pl.DataFrame:
    """The verdict on every slot in which either traded, by pair and time.

    ``fine`` (of each pair together, by time) and ``coarse`` are all candles of the slots compared, with all columns of
    SCHEMA that values and ranks take; ``comparison`` their intervals, coarse first. Columns: pair, time, verdict;
    trades, fine_trades, volume and fine_volume, null where there is no candle, or
    no count.
    """
    interval, finer = comparison
    # Sorted slots, numbered: many times as fast as to look up the name of the pair for every candle.
    made = (
        fine.lazy()
        .with_columns(pl.col("time").dt.truncate(f"{interval}m"), release=release())
        .with_columns(slot=(~pl.all_horizontal(pl.col(key).eq_missing(pl.col(key).shift()) for key in KEY)).cum_sum())
        .with_columns(pl.col("slot").set_sorted())
        .group_by("slot", maintain_order=True)
        .agg(
            pl.first(*KEY, "open"),
            pl.max("high"),
            pl.min("low"),
            pl.last("close"),
            pl.sum("volume"),
            pl.when(~pl.col("trades").has_nulls()).then(pl.sum("trades")),
            pl.when(
                pl.min("release") == pl.max("release"),
                ~pl.col("release").has_nulls(),
            ).then(pl.first("release")),
        )
    )
    theirs = coarse.lazy().select(*KEY, *VALUES, release=release())
    return (
        theirs.join(made, on=KEY, how="full", coalesce=True, suffix="_fine")
        .with_columns(_verdict(interval // finer))
        .select(*KEY, "verdict", "trades", "volume", fine_trades="trades_fine", fine_volume="volume_fine")
        .sort(KEY)
        .collect()
    )


def _verdict(slots: int) -> pl.Expr:
    present, made = pl.col("open").is_not_null(), pl.col("open_fine").is_not_null()
    same_counts = (pl.col("trades") == pl.col("trades_fine")).fill_null(value=True)
    same_prices = pl.all_horizontal(pl.col(name) == pl.col(f"{name}_fine") for name in PRICES)
    allowed = VOLUME_TOLERANCE * pl.max_horizontal(pl.lit(float(slots)), "volume")
    same_volume = (pl.col("volume") - pl.col("volume_fine")).abs() <= allowed
    # Who has some of a slot's trades only has no price beyond theirs: else it has other trades, of another pair say.
    inside = (pl.col("high") >= pl.col("high_fine")) & (pl.col("low") <= pl.col("low_fine"))
    one_release = (pl.col("release") == pl.col("release_fine")).fill_null(value=False)
    verdict = (
        pl.when(~present)
        .then(pl.lit(Verdict.COARSE_SILENT.value))
        .when(~made)
        .then(pl.lit(Verdict.FINE_SILENT.value))
        .when(same_prices & same_counts & same_volume)
        .then(pl.lit(Verdict.AGREES.value))
        .when(same_prices & ~one_release)
        .then(pl.lit(Verdict.OTHER_COUNTS.value))
        .when(one_release & inside & (pl.col("trades") > pl.col("trades_fine")).fill_null(value=False))
        .then(pl.lit(Verdict.FINE_LACKS.value))
        .otherwise(pl.lit(Verdict.DIFFERS.value))
    )
    return verdict.alias("verdict")


def contradicted(contested: Iterable[int], width: int, known: TimeRanges, traded: TimeRanges) -> TimeRanges:
    """The finer slots of contested slots (opens; ``width`` s) without trades that the coarse candles have.

    One or several of the ``known`` ones without a candle; ``traded`` are those with one, and no values are
    doubted for a count.
    """
    silent: list[TimeRange] = []
    for slot in contested:
        silent += known.clip(slot, slot + width) - traded.clip(slot, slot + width)
    return TimeRanges.of(silent)
