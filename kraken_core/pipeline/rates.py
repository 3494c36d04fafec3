"""How often pairs trade, from the stored candles, to estimate what a sweep of their trades costs."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import polars as pl

from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.timerange import TimeRanges
from kraken_core.ports import CandleStore

RECENT_S = 28 * 86_400  # of what is covered, the newest part


def trades_a_second(
    store: CandleStore, pairs: Collection[Pair], covered: Mapping[Series, TimeRanges]
) -> dict[Pair, float]:
    """The trades a second of each pair lately; without pairs of which nothing is covered, or whose sources count none.

    From the coarsest candles there are, so that little is read; of a pair that did not trade, less than one trade.
    """
    recent: dict[Series, TimeRanges] = {}
    for pair in pairs:
        for interval in reversed(INTERVALS):
            series = Series(pair, interval)
            if known := covered.get(series):
                end = known.hull.end
                recent[series] = known.clip(end - max(RECENT_S, series.width), end)
                break
    counted = (
        store.candles(recent).group_by("pair").agg(pl.sum("trades"), pl.col("trades").has_nulls().alias("uncounted"))
    )
    found = {name: (trades, uncounted) for name, trades, uncounted in counted.iter_rows()}
    rates = {}
    for series, ranges in recent.items():
        trades, uncounted = found.get(str(series.pair), (0, False))
        if not uncounted:
            rates[series.pair] = max(trades, 0.5) / ranges.seconds
    return rates
