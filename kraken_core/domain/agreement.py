"""Whether coarse candles are what finer ones make of their slots (domain rules 12 and 13)."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from kraken_core.domain.candles import KEY, PRICES, VALUES, goes_back_to_ohlc
from kraken_core.domain.timerange import TimeRange, TimeRanges

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

VOLUME_TOLERANCE = 1e-8  # of the volume, or of one coin for every finer slot: what adding up doubles may cost


class Verdict(StrEnum):
    """What comparing a coarse slot with the finer ones in it shows."""

    AGREES = "agrees"
    COARSE_LACKS = "coarse lacks"  # the finer candles tell of more trades, or of any where it is silent
    FINE_LACKS = "fine lacks"  # the other way round
    DIFFERS = "differs"  # as many trades, other values: nobody can tell which is wrong
    OTHER_VOLUME = "other volume"  # and only that, where the OHLC endpoint meets the archives: no failure


class Comparison(NamedTuple):
    """Coarse slots, and the finer interval to hold them against; minutes, and aligned ranges of epoch seconds."""

    coarse: int
    fine: int
    slots: TimeRanges


def comparisons(
    covered: Mapping[int, TimeRanges], observed: Mapping[int, TimeRanges], outside_life: TimeRanges
) -> list[Comparison]:
    """What to compare of one pair: every covered slot with the coarsest finer interval that observed all of it.

    ``covered`` are the known slots by interval, ``observed`` those of them that sources know rather than derivations:
    what was derived agrees with its origin, and to hold anything against it is to hold it against that.
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
    """The verdict on every slot in which either tells of trades, by pair and time.

    ``fine`` and ``coarse`` are all candles (SCHEMA) of the slots compared, ``comparison`` their intervals, coarse
    first. Columns: pair, time, verdict, trades and fine_trades (null where there is no candle, or no count).
    """
    interval, finer = comparison
    made = (
        fine.lazy()
        .with_columns(pl.col("time").dt.truncate(f"{interval}m"), ohlc=goes_back_to_ohlc())
        .group_by(KEY, maintain_order=True)
        .agg(
            pl.first("open"),
            pl.max("high"),
            pl.min("low"),
            pl.last("close"),
            pl.sum("volume"),
            pl.when(~pl.col("trades").has_nulls()).then(pl.sum("trades")),
            pl.col("ohlc").any(),
            pl.col("ohlc").all().alias("all_ohlc"),
        )
    )
    theirs = coarse.lazy().select(*KEY, *VALUES, ohlc=goes_back_to_ohlc())
    return (
        theirs.join(made, on=KEY, how="full", coalesce=True, suffix="_fine")
        .with_columns(_verdict(interval // finer))
        .select(*KEY, "verdict", "trades", fine_trades="trades_fine")
        .sort(KEY)
        .collect()
    )


def _verdict(slots: int) -> pl.Expr:
    present, made = pl.col("open").is_not_null(), pl.col("open_fine").is_not_null()
    more, fewer = pl.col("trades") > pl.col("trades_fine"), pl.col("trades") < pl.col("trades_fine")
    same_prices = pl.all_horizontal(pl.col(name) == pl.col(f"{name}_fine") for name in PRICES)
    allowed = VOLUME_TOLERANCE * pl.max_horizontal(pl.lit(float(slots)), "volume")
    same_volume = (pl.col("volume") - pl.col("volume_fine")).abs() <= allowed
    mixed = (pl.col("ohlc") | pl.col("ohlc_fine")) & ~(pl.col("ohlc") & pl.col("all_ohlc"))
    verdict = (
        pl.when(~present | fewer.fill_null(value=False))
        .then(pl.lit(Verdict.COARSE_LACKS.value))
        .when(~made | more.fill_null(value=False))
        .then(pl.lit(Verdict.FINE_LACKS.value))
        .when(same_prices & same_volume)
        .then(pl.lit(Verdict.AGREES.value))
        .when(same_prices & mixed)
        .then(pl.lit(Verdict.OTHER_VOLUME.value))
        .otherwise(pl.lit(Verdict.DIFFERS.value))
    )
    return verdict.alias("verdict")


def lacking(
    contested: Iterable[int], width: int, known: TimeRanges, traded: TimeRanges
) -> tuple[TimeRanges, TimeRanges]:
    """Which finer slots may lack trades that the coarse candles of contested slots (opens; ``width`` s) tell of.

    In each contested slot the silent ones of the finer slots that are ``known``; all of them where none is silent.
    ``traded`` are the finer slots with a candle. Returns them, and those of them that are silent.
    """
    suspects: list[TimeRange] = []
    silent: list[TimeRange] = []
    for slot in contested:
        inside = known.clip(slot, slot + width)
        quiet = inside - traded.clip(slot, slot + width)
        suspects += quiet or inside
        silent += quiet
    return TimeRanges.of(suspects), TimeRanges.of(silent)
