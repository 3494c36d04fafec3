"""Several exchanges as one: each pair is requested from its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection

from kraken_core.domain.errors import UsageError
from kraken_core.domain.exchange import TRADES_A_PAGE, FirstTrade, FundingRate, Listed, OhlcAnswer, TradesPage
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRange
from kraken_core.domain.venues import SPOT_NAME
from kraken_core.ports import Exchange, FundingExchange, NumberingExchange

ONLINE = "online"


class Exchanges:
    """An :class:`~kraken_core.ports.Exchange` of several, each opened when a pair of it is requested first.

    Its clock, state and listings are those of ``venues``: the clock is the one furthest behind, and it is not online
    where one of them is not.
    """

    def __init__(self, opened: Callable[[str], Exchange], venues: Collection[str]) -> None:
        self._open = opened
        self._venues = sorted(venues, key=lambda name: (name != SPOT_NAME, name))
        self._opened: dict[str, Exchange] = {}
        self._lock = threading.Lock()

    @property
    def requests(self) -> int:
        """How many requests were sent, retries included."""
        return sum(each.requests for each in self._all())

    @property
    def retries(self) -> int:
        """How many of them repeated one that had failed."""
        return sum(each.retries for each in self._all())

    def now(self) -> int:
        """The clock that is furthest behind, in epoch seconds."""
        return min(self._at(name).now() for name in self._venues)

    def status(self) -> str:
        """``online``, or the state of the first that is not."""
        states = (self._at(name).status() for name in self._venues)
        return next((state for state in states if state != ONLINE), ONLINE)

    def listed(self) -> Listed:
        """The pairs listed now."""
        found = Listed(venues=frozenset(self._venues))
        for name in self._venues:
            of_venue = self._at(name).listed()
            if name == SPOT_NAME:
                found = of_venue._replace(venues=found.venues)
            else:
                found = found._replace(elsewhere=found.elsewhere | of_venue.elsewhere)
        return found

    def ohlc(self, series: Series, as_of: int, young_s: int = 0, within: TimeRange | None = None) -> OhlcAnswer:
        """The candles of a series: see the port."""
        return self._at(series.pair.venue).ohlc(series, as_of, young_s, within)

    def trades(self, pair: Pair, cursor: int, count: int = TRADES_A_PAGE) -> TradesPage:
        """Up to so many trades after a cursor."""
        return self._at(pair.venue).trades(pair, cursor, count)

    def first_trade(self, pair: Pair) -> FirstTrade | None:
        """The first trade that is answered of the pair."""
        return self._at(pair.venue).first_trade(pair)

    def newest_trade(self, pair: Pair) -> FirstTrade | None:
        """The newest trade that is answered of the pair, of an exchange that numbers them."""
        exchange = self._at(pair.venue)
        return exchange.newest_trade(pair) if isinstance(exchange, NumberingExchange) else None

    def funding_rates(self, pair: Pair) -> list[FundingRate]:
        """What the pair's exchange still answers of its funding. Raises UsageError where it knows no such thing."""
        exchange = self._at(pair.venue)
        if not isinstance(exchange, FundingExchange):
            raise UsageError(f"{pair} has no funding rates: name a perpetual, such as kraken-futures:PF_XBTUSD.")
        return exchange.funding_rates(pair)

    def _all(self) -> list[Exchange]:
        with self._lock:
            return list(self._opened.values())

    def _at(self, name: str) -> Exchange:
        with self._lock:
            if name not in self._opened:
                self._opened[name] = self._open(name)
            return self._opened[name]
