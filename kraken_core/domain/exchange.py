"""What the exchange's public API answers, in our own terms (domain rules 2 and 4).

https://docs.kraken.com/api/docs/rest-api/get-ohlc-data and get-recent-trades, as measured in practice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from kraken_core.domain.candles import VOLUME_DECIMALS
from kraken_core.domain.timerange import TimeRange, floor

if TYPE_CHECKING:
    from kraken_core.domain.market import Pair, Series
    from kraken_core.domain.timerange import TimeRanges

OHLC_LIMIT = 720  # committed candles the OHLC endpoint answers at most, whatever `since` says
OHLC_INTERVALS = (1, 5, 15, 30, 60, 240, 1440)  # minutes; there is no 720
NS = 1_000_000_000  # nanoseconds a second
TRADES_A_PAGE = 1_000  # at most

# A frame of trades of one pair, in the order they happened. ``time`` in nanoseconds since the epoch, ``volume`` exact,
# ``id`` null where the source has none.
TRADES: dict[str, pl.DataType | type[pl.DataType]] = {
    "time": pl.Int64,
    "price": pl.Float64,
    "volume": pl.Decimal(38, VOLUME_DECIMALS),
    "id": pl.Int64,
}


class ListedPair(NamedTuple):
    """A pair that AssetPairs lists; ``status`` is online, cancel_only, post_only, limit_only or reduce_only."""

    pair: Pair
    status: str


class Market(NamedTuple):
    """What the exchange told of itself: its clock (epoch seconds), and the pairs it lists."""

    now: int
    listed: frozenset[Pair]


class OhlcAnswer(NamedTuple):
    """What an OHLC answer tells of a series, without the forming candle and whatever was not closed.

    ``candles`` has the columns of SCHEMA: slots that traded. ``known`` are the slots the answer speaks of, silent ones
    included: every contiguous run of its rows. ``rows`` counts what it held, whatever became of it.
    """

    candles: pl.DataFrame
    known: TimeRanges
    rows: int


class TradesPage(NamedTuple):
    """One answer of the Trades endpoint: columns of TRADES, oldest first.

    ``cursor`` asks for what follows it, in integer nanoseconds. ``is_last``: nothing follows by now.
    """

    trades: pl.DataFrame
    cursor: int
    is_last: bool


def ohlc_horizon(series: Series, now: int) -> TimeRange:
    """The slots the OHLC endpoint still answers: the 720 last ones closed by ``now``; none for 720 minutes."""
    end = floor(now, series.width)
    reach = OHLC_LIMIT * series.width if series.interval in OHLC_INTERVALS else 0
    return TimeRange(end - reach, end)
