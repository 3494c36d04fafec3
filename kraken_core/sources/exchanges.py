"""Several exchanges as one: each pair is requested from its own."""

from __future__ import annotations

import threading
from collections.abc import Callable

from kraken_core.domain.errors import UsageError
from kraken_core.domain.exchange import TRADES_A_PAGE, FirstTrade, Listed, OhlcAnswer, TradesPage
from kraken_core.domain.funding import FundingAnswer
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRange
from kraken_core.domain.venues import SPOT_NAME, is_installed
from kraken_core.ports import Exchange, FundingExchange, NumberingExchange


class Exchanges:
    """An :class:`~kraken_core.ports.Exchange` of several, each opened when a pair of it is requested first.

    Its clock, state and list of pairs are those of ``venue``.
    """

    def __init__(self, opened: Callable[[str], Exchange], venue: str = SPOT_NAME) -> None:
        self._open = opened
        self._venue = venue
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
        """The exchange's clock, in epoch seconds."""
        return self._at(self._venue).now()

    def status(self) -> str:
        """The exchange's state, such as ``online``."""
        return self._at(self._venue).status()

    def listed(self) -> Listed:
        """The pairs listed now."""
        return self._at(self._venue).listed()

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

    def pays_funding(self, pair: Pair) -> bool:
        """Whether the pair is a perpetual, of an exchange that is installed."""
        if not is_installed(pair.venue):
            return False
        exchange = self._at(pair.venue)
        return isinstance(exchange, FundingExchange) and exchange.pays_funding(pair)

    def funding_rates(self, pair: Pair) -> FundingAnswer:
        """What the pair's exchange still answers of its funding. Raises UsageError where it knows no such thing."""
        exchange = self._at(pair.venue)
        if not (isinstance(exchange, FundingExchange) and exchange.pays_funding(pair)):
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
