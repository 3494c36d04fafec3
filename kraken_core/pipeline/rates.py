"""How often pairs trade, from what is stored, to estimate what a sweep of their trades costs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import polars as pl

from kraken_core.domain.errors import PairRefusedError, UnavailableError
from kraken_core.domain.exchange import venue_of
from kraken_core.domain.knowledge import Knowledge
from kraken_core.domain.life import Life
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.outages import Outages
from kraken_core.domain.timerange import TimeRanges
from kraken_core.domain.trade_spans import rate_of_ids
from kraken_core.ports import CandleStore, ClaimLedger, Exchange, NumberingExchange

RECENT_S = 28 * 86_400  # of what is covered, the newest part


def trades_a_second(
    store: CandleStore, ledger: ClaimLedger, pairs: Collection[Pair], knowledge: Knowledge
) -> dict[Pair, float]:
    """The trades a second of each pair; without pairs of which nothing is covered, or nothing shows it.

    From the numbers of their trades, where an exchange goes by these; else lately, from candles.
    """
    numbered = {pair for pair in pairs if venue_of(pair).search}
    found = _by_candles(store, [pair for pair in pairs if pair not in numbered], knowledge.covered())
    for pair in numbered:
        seen = [(span.end, span.last_id) for span in ledger.trade_spans(pair) if span.last_id]
        rate = rate_of_ids(seen, knowledge.lives.get(pair, ())) if seen else None
        found |= {} if rate is None else {pair: rate}
    return found


def requested_rates(
    exchange: Exchange, pairs: Collection[Pair], lives: Mapping[Pair, Sequence[Life]], most: int | None
) -> tuple[dict[Pair, float], Outages]:
    """Those of pairs that an exchange numbers the trades of, by the number of the newest: in ``most`` requests.

    Without those that it refuses; and which exchanges did not answer. Raises Interrupted.
    """
    found: dict[Pair, float] = {}
    down: dict[str, str] = {}
    if not isinstance(exchange, NumberingExchange):
        return found, down
    numbered = [pair for pair in pairs if venue_of(pair).search and lives.get(pair)]
    for pair in numbered[:most]:
        if pair.venue in down:
            continue
        try:
            newest = exchange.newest_trade(pair)
        except PairRefusedError:  # what is requested of it next says so
            continue
        except UnavailableError as error:
            down[pair.venue] = str(error)
            continue
        seen = [(newest.time, newest.id)] if newest and newest.id else []
        rate = rate_of_ids(seen, lives[pair]) if seen else None
        found |= {} if rate is None else {pair: rate}
    return found, down


def _by_candles(store: CandleStore, pairs: Collection[Pair], covered: Mapping[Series, TimeRanges]) -> dict[Pair, float]:
    """From the coarsest candles there are, so that little is read; of a pair that did not trade, less than one trade.

    Without pairs whose candles count none.
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
