"""The simulated exchanges without a wire: Kraken spot, and Kraken Futures and Coinbase Exchange beside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from kraken_core.domain.errors import PairRefusedError
from kraken_core.domain.exchange import NS, TRADES_A_PAGE, FirstTrade, Listed, OhlcAnswer, TradesPage
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRange
from kraken_core.domain.venues import SPOT_NAME
from kraken_core.simulator.exchange.futures import FuturesApi, FuturesRefusedError
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.sources.rest import RetryBudget
from kraken_core.sources.rest.coinbase import NAME as COINBASE
from kraken_core.sources.rest.kraken_futures import EXECUTIONS, candles, chart_request, executions
from tests.support.pocket_coinbase import pocket_coinbase
from tests.support.pocket_exchange import PocketExchange

PF_XBTUSD = Pair("BTC", "USD", "kraken-futures:PF_XBTUSD")
PI_ETHUSD = Pair("ETH", "USD", "kraken-futures:PI_ETHUSD")


class PocketExchanges(PocketExchange):
    """The exchanges of a market; pairs of Kraken Futures are its contracts, and those of Coinbase its products."""

    def __init__(self, market: SimulatedMarket, now: int | None = None) -> None:
        super().__init__(market, now)
        self.futures = FuturesApi(market)
        self.coinbase, self.coinbase_desk = pocket_coinbase(market, lambda: self.present, self._is_stopped)
        self.venue = SPOT_NAME

    def __call__(
        self, stop: Callable[[], bool], patience: RetryBudget | None = None, venue: str = SPOT_NAME
    ) -> PocketExchange:
        self.venue = venue
        return super().__call__(stop, patience)

    def _is_stopped(self) -> bool:
        return self.stop()

    def listed(self) -> Listed:
        spot = super().listed()
        contracts = {each for each in self.market.listings if each.market}
        names = {row["symbol"] for row in self._told_of_futures("derivatives/api/v3/instruments")["instruments"]}
        found = spot if self.venue == SPOT_NAME else Listed()
        elsewhere = {each for each in contracts if each.altname in names and each.venue == self.venue}
        if self.venue == COINBASE:
            elsewhere |= self.coinbase.listed().elsewhere
        return found._replace(venues=frozenset({self.venue}), elsewhere=frozenset(elsewhere))

    def ohlc(self, series: Series, as_of: int, young_s: int = 0, within: TimeRange | None = None) -> OhlcAnswer:
        if not series.pair.market:
            return super().ohlc(series, as_of, young_s, within)
        self._count("OHLC", series.pair)
        if series.pair.venue == COINBASE:
            return self.coinbase.ohlc(series, as_of, young_s, within)
        where, query = chart_request(series, within or TimeRange(as_of - 1000 * series.width, as_of), young_s)
        return candles(self._told_of_futures(where, series.pair, query), series, as_of, young_s)

    def trades(self, pair: Pair, cursor: int, count: int = TRADES_A_PAGE) -> TradesPage:
        if not pair.market:
            return super().trades(pair, cursor, count)
        self._count("Trades", pair)
        if pair.venue == COINBASE:
            return self.coinbase.trades(pair, cursor, count)
        return self._executions(pair, cursor, count)

    def first_trade(self, pair: Pair) -> FirstTrade | None:
        if not pair.market:
            return super().first_trade(pair)
        self._count("First", pair)
        if pair.venue == COINBASE:
            return self.coinbase.first_trade(pair)
        first = self._executions(pair, 0, 1).trades
        return FirstTrade(first["time"][0] // NS, None) if len(first) else None

    def newest_trade(self, pair: Pair) -> FirstTrade | None:
        self._count("Newest", pair)
        return self.coinbase.newest_trade(pair)

    def _executions(self, pair: Pair, cursor: int, count: int) -> TradesPage:
        query: dict[str, int | str] = {"since": max(cursor, 0) // 1_000_000, "count": count, "sort": "asc"}
        return executions(self._told_of_futures(EXECUTIONS.format(pair.altname), pair, query), cursor, count)

    def _told_of_futures(
        self, path: str, pair: Pair | None = None, query: Mapping[str, int | str] | None = None
    ) -> Any:
        try:
            asked = {name: str(value) for name, value in (query or {}).items()}
            answered = self.futures.answer(path, asked, self.present * NS)
        except FuturesRefusedError as refused:
            raise PairRefusedError(f"{pair}: the exchange answers {refused}") from refused
        return json.loads(json.dumps(answered), parse_float=Decimal)
