"""Trades that are kept: their columns, what a source proves of them, and whose a minute is that two sources have.

A minute of a pair is the least of which anything is claimed, as no source of candles gives less. Where every trade of
a minute has an id of its own, in what is stored and in what is offered, the two are joined by id, and nothing is lost.
Where a source has no ids (archives, and the runs of id 0, domain 1.3), two equal rows are two trades, so that nothing
can be joined: the minute is that of one source, the one of higher rank.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

import numpy as np
import polars as pl

from kraken_core.domain.candles import VOLUME_DECIMALS
from kraken_core.domain.exchange import NS
from kraken_core.domain.market import Pair
from kraken_core.domain.timerange import TimeRanges

MINUTE_NS = 60 * NS
MICROSECOND_NS = 1_000  # a stream cuts times to it
PRICE_DECIMALS = 12  # a pair's pair_decimals is 10 at most
PRICE, VOLUME = pl.Decimal(38, PRICE_DECIMALS), pl.Decimal(38, VOLUME_DECIMALS)
# One row a trade. ``id`` is null where the source has none; then ``place`` is the trade's number in its source, else
# null. ``time`` in nanoseconds since the epoch. ``side`` (of the taker: buy, sell) and ``order_type`` (market, limit)
# are null where the source has none.
KEPT: dict[str, pl.DataType | type[pl.DataType]] = {
    "pair": pl.String,
    "id": pl.Int64,
    "time": pl.Int64,
    "price": PRICE,
    "volume": VOLUME,
    "side": pl.String,
    "order_type": pl.String,
    "source": pl.String,
    "place": pl.Int64,
}
_SIDES, _TYPES = {"b": "buy", "s": "sell"}, {"m": "market", "l": "limit"}
_VALUES = ("price", "volume")
API_RANK = 1 << 62  # of what the exchange answered or streamed: above all archives, as it has ids
_UNCLAIMED, _NOTHING = -1, -2  # ranks of a minute that nobody claims, and of one of which nothing is stored either


class TradeSource(StrEnum):
    """Where a kept trade was read."""

    ARCHIVE = "archive"
    REST = "rest"
    LIVE = "live"


class KeptClaim(NamedTuple):
    """What a source proves of a pair's kept trades: there are no others in ``[start, end)``, epoch seconds.

    ``rank`` orders sources. ``evidence`` is a file's content hash, or the request. ``first_id`` and ``last_id`` are
    those of the range, None where it has no trades, or ids are unknown. ``proved``: all ids between them were seen.
    """

    pair: Pair
    start: int
    end: int
    source: TradeSource
    rank: int
    evidence: str
    first_id: int | None = None
    last_id: int | None = None
    proved: bool = False


class RankedRange(NamedTuple):
    """A range, epoch seconds, that a source of this rank claims."""

    start: int
    end: int
    rank: int


class KeptCounts(NamedTuple):
    """What became of the trades offered of a pair, or stored where they belong.

    ``new``, and ``confirmed`` as they were stored already. ``differing`` are trades that one of two sources has, and
    the other has not, or otherwise, in a minute that both claim; ``removed``, of those stored, lost their minute to
    another source.
    """

    new: int = 0
    confirmed: int = 0
    differing: int = 0
    removed: int = 0

    def plus(self, *others: KeptCounts) -> KeptCounts:
        """These and others, added up."""
        return KeptCounts(*map(sum, zip(self, *others, strict=True)))


class TradeJoin(NamedTuple):
    """``rows`` (KEPT) that take the place of whatever is stored in the ``minutes``, whole minutes since the epoch."""

    rows: pl.DataFrame
    minutes: pl.Series
    counts: KeptCounts


def archive_rank(rank: int) -> int:
    """The rank of an archive's trades, from that of its candles: the newer vintage first, below the exchange's own."""
    return rank >> 1


def kept(trades: pl.DataFrame, pair: Pair, source: TradeSource, first_place: int = 0) -> pl.DataFrame:
    """Trades (TRADES, or PAGE) as they are kept: KEPT, in order; those without an id are numbered from a place on.

    A price is the decimal that is written shortest of all that its double is nearest to: what the source wrote, to 15
    digits.
    """
    kind = pl.col("kind") if "kind" in trades.columns else pl.lit(None, pl.String)
    number = pl.when(pl.col("id") > 0).then("id")
    rows = trades.select(
        pl.lit(str(pair)).alias("pair"),
        number.alias("id"),
        "time",
        exact_prices(trades["price"]).alias("price"),
        pl.col("volume").cast(VOLUME),
        kind.str.slice(0, 1).replace_strict(_SIDES, default=None, return_dtype=pl.String).alias("side"),
        kind.str.slice(1, 1).replace_strict(_TYPES, default=None, return_dtype=pl.String).alias("order_type"),
        pl.lit(source.value).alias("source"),
        pl.when(number.is_null()).then(pl.int_range(first_place, first_place + pl.len())).alias("place"),
    )
    return in_order(rows)


def exact_prices(prices: pl.Series) -> pl.Series:
    """Doubles as the decimals that they were written as: each distinct one is converted once, as prices repeat."""
    distinct = prices.unique(maintain_order=True)
    texts = distinct.cast(pl.String).cast(PRICE)
    if len(distinct) == len(prices):
        return texts
    found = pl.DataFrame({"price": distinct, "exact": texts})
    return pl.DataFrame({"price": prices}).join(found, on="price", how="left", maintain_order="left")["exact"]


def in_order(trades: pl.DataFrame) -> pl.DataFrame:
    """Kept trades by pair and time; those of one instant by id, or as they were in their source."""
    return trades.sort("pair", "time", pl.coalesce("id", "place"), maintain_order=True)


def within(ranges: TimeRanges, times: pl.Series) -> pl.Series:
    """Which times (nanoseconds) lie in ranges of seconds."""
    bounds = np.array(ranges.bounds, dtype=np.int64)
    return pl.Series(np.searchsorted(bounds, times.to_numpy() // NS, side="right") % 2 == 1, dtype=pl.Boolean)


def covered_by(claims: Iterable[KeptClaim], *, proved: bool = False) -> TimeRanges:
    """Where claims say that no trade is missing; by consecutive ids alone where that has to be ``proved``."""
    return TimeRanges.of((claim.start, claim.end) for claim in claims if claim.proved or not proved)


def ranked(claims: Iterable[KeptClaim]) -> list[RankedRange]:
    """Where claims are, and of which rank."""
    return [RankedRange(claim.start, claim.end, claim.rank) for claim in claims]


def join(
    stored: pl.DataFrame, offered: pl.DataFrame, standing: Sequence[RankedRange], claims: TimeRanges, rank: int
) -> TradeJoin:
    """What becomes of the minutes in which a source offers trades of a pair, beside what is stored of these minutes.

    Frames of KEPT. ``standing`` are the claims made before, ``claims`` those of the source, of this rank. What was
    stored is never taken away by a source that has no trade in its minute.
    """
    minute = (pl.col("time") // MINUTE_NS).alias("minute")
    before, now = stored.with_columns(minute), offered.with_columns(minute)
    met = _minutes(before, now, standing, claims, rank)
    by_id = pl.col("ids") & pl.col("ids_stored")
    joins = []
    for minutes, of in ((met.filter(by_id), _joined_by_id), (met.filter(~by_id), _won)):
        if minutes.height:
            inside = pl.col("minute").is_in(minutes["minute"].implode())
            joins.append(of(before.filter(inside), now.filter(inside), minutes))
    return TradeJoin(
        in_order(pl.concat([pl.DataFrame(schema=KEPT), *(each.rows for each in joins)])),
        pl.concat([pl.Series("minute", [], pl.Int64), *(each.minutes for each in joins)]),
        KeptCounts().plus(*(each.counts for each in joins)),
    )


def _minutes(
    before: pl.DataFrame, now: pl.DataFrame, standing: Sequence[RankedRange], claims: TimeRanges, rank: int
) -> pl.DataFrame:
    """The minutes in which trades are offered: how many there are, whether all have ids, and who claims the minute."""
    numbered = (pl.col("id").null_count() == 0) & (pl.col("id").n_unique() == pl.len())
    found = now.group_by("minute").agg(pl.len().alias("offered"), numbered.alias("ids"))
    there = before.group_by("minute").agg(pl.len().alias("stored"), numbered.alias("ids_stored"))
    met = found.join(there, on="minute", how="left").with_columns(
        pl.col("stored").fill_null(0), pl.col("ids_stored").fill_null(value=True)
    )
    opens = met["minute"] * MINUTE_NS
    claimed = within(claims, opens)
    ranks = np.where(met["stored"].to_numpy() > 0, _UNCLAIMED, _NOTHING)
    seconds = opens.to_numpy() // NS
    for start, end, of in standing:
        inside = (start <= seconds) & (seconds < end)
        ranks[inside] = np.maximum(ranks[inside], of)
    return met.with_columns(
        rank=pl.when(claimed).then(pl.lit(rank, pl.Int64)).otherwise(_UNCLAIMED),
        rank_stored=pl.Series(ranks, dtype=pl.Int64),
    ).with_columns(disputed=(pl.col("rank") >= 0) & (pl.col("rank_stored") >= 0))


def _joined_by_id(before: pl.DataFrame, now: pl.DataFrame, met: pl.DataFrame) -> TradeJoin:
    """Minutes in which every trade has an id: all of both, each once; of two that differ the later of no less rank."""
    both = now.join(before, on=["minute", "id"], how="full", suffix="_before", coalesce=True).join(met, on="minute")
    new, gone = pl.col("time_before").is_null(), pl.col("time").is_null()
    alike = pl.all_horizontal(pl.col(name) == pl.col(f"{name}_before") for name in _VALUES)
    at_once = (pl.col("time") - pl.col("time_before")).abs() < MICROSECOND_NS
    wins = new | (~gone & (pl.col("rank") >= pl.col("rank_stored")))
    same = ~new & ~gone & alike & at_once
    chosen = {name: pl.when(wins).then(name).otherwise(f"{name}_before") for name in KEPT if name != "id"}
    chosen |= {name: pl.coalesce(chosen[name], name, f"{name}_before") for name in ("side", "order_type")}
    chosen["time"] = pl.when(at_once).then(pl.max_horizontal("time", "time_before")).otherwise(chosen["time"])
    chosen["source"] = pl.when(same).then("source_before").otherwise(chosen["source"])
    found = both.select(
        "minute",
        "id",
        *(each.alias(name) for name, each in chosen.items()),
        *(pl.col(f"{name}_before") for name in chosen),
        new=new,
        same=same,
        differing=pl.col("disputed") & ~same,
    )
    altered = pl.any_horizontal(
        pl.col(name).ne_missing(pl.col(f"{name}_before")) for name in chosen if name not in {"place", "source"}
    )
    minutes = found.filter(pl.col("new") | altered)["minute"].unique()
    rows = found.filter(pl.col("minute").is_in(minutes.implode())).select(*KEPT)
    return TradeJoin(rows, minutes, KeptCounts(*(int(found[name].sum()) for name in ("new", "same", "differing"))))


def _won(before: pl.DataFrame, now: pl.DataFrame, met: pl.DataFrame) -> TradeJoin:
    """Minutes without ids on one side: all of the one source, or all of the other."""
    key = ("minute", *_VALUES)
    amounts = (
        now.group_by(key)
        .len("offered_here")
        .join(before.group_by(key).len("stored_here"), on=key, how="full", coalesce=True)
        .with_columns(pl.col("offered_here", "stored_here").fill_null(0).cast(pl.Int64))
        .group_by("minute")
        .agg(
            common=pl.min_horizontal("offered_here", "stored_here").sum(),
            apart=(pl.col("offered_here") - pl.col("stored_here")).abs().sum(),
        )
    )
    higher, equal = pl.col("rank") > pl.col("rank_stored"), pl.col("rank") == pl.col("rank_stored")
    later = equal & ((pl.col("rank") >= 0) | (pl.col("offered") > pl.col("stored")))
    other, brings_ids = pl.col("apart") > 0, pl.col("ids") & ~pl.col("ids_stored")
    met = met.join(amounts, on="minute").with_columns(wins=(higher & (other | brings_ids)) | (later & other))
    minutes = met.filter("wins")["minute"]
    total = met.select(
        (pl.when("wins").then(pl.col("offered") - pl.col("common"))).sum().alias("new"),
        pl.col("common").sum().alias("confirmed"),
        (pl.when("disputed").then("apart")).sum().alias("differing"),
        (pl.when("wins").then(pl.col("stored") - pl.col("common"))).sum().alias("removed"),
    ).row(0)
    rows = now.filter(pl.col("minute").is_in(minutes.implode())).select(*KEPT)
    return TradeJoin(rows, minutes, KeptCounts(*(int(each or 0) for each in total)))
