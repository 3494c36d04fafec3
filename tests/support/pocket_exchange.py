"""The simulated exchange without a wire: what its endpoints answer, as the port's own values."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from kraken_core import Workbench
from kraken_core.domain.errors import Interrupted, PairRefusedError, UnavailableError
from kraken_core.domain.exchange import (
    NS,
    OHLC_INTERVALS,
    SETTLING_S,
    TRADES_A_PAGE,
    FirstTrade,
    Listed,
    OhlcAnswer,
    TradesPage,
)
from kraken_core.domain.interval_units import short
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.names import BY_RULES, TOKENIZED
from kraken_core.domain.timerange import TimeRange
from kraken_core.domain.venues import SPOT_NAME
from kraken_core.simulator.exchange import TapeFaults
from kraken_core.simulator.exchange.answers import PublicApi, RequestRefusedError, body
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.sources.rest import RetryBudget, answers, candle_answer, listed_pairs, trade_answer


class PocketExchange:
    """Answers for a market at a present of its own, which may be moved. ``asked`` counts requests by kind and pair.

    ``fails`` may raise what goes wrong with a request; ``stop`` says that whoever waits shall not.
    """

    def __init__(self, market: SimulatedMarket, now: int | None = None) -> None:
        self.market = market
        self.present = market.end + SETTLING_S if now is None else now
        self.asked: Counter[tuple[str, Pair | None]] = Counter()
        self.retries = 0
        self.fails: Callable[[str, Pair | None], None] = lambda _kind, _pair: None
        self.stop: Callable[[], bool] = lambda: False
        self._api = PublicApi(market, trade_ids=True, repeats=True)
        self._lock = threading.Lock()

    def __call__(
        self, stop: Callable[[], bool], patience: RetryBudget | None = None, venue: str = SPOT_NAME
    ) -> PocketExchange:
        """Opened, as a workbench does it."""
        self.stop = stop
        return self

    @property
    def tape_faults(self) -> TapeFaults:
        return self._api.tape_faults

    @tape_faults.setter
    def tape_faults(self, faults: TapeFaults) -> None:
        self._api.tape_faults = faults

    @property
    def requests(self) -> int:
        return sum(self.asked.values())

    def of_kind(self, *kinds: str) -> int:
        return sum(count for (kind, _), count in self.asked.items() if kind in kinds)

    def now(self) -> int:
        self._count("Time")
        return answers.server_time(self._told("Time"))

    def status(self) -> str:
        self._count("SystemStatus")
        return answers.status(self._told("SystemStatus"))

    def listed(self) -> Listed:
        self._count("AssetPairs")
        currencies = listed_pairs.asset_pairs(self._told("AssetPairs"))
        tokenized = listed_pairs.asset_pairs(self._told("AssetPairs", aclass_base=TOKENIZED))
        pairs = sorted((*currencies.pairs, *tokenized.pairs), key=lambda each: each.pair)
        return Listed(tuple(pairs), {**currencies.skipped, **tokenized.skipped})

    def ohlc(self, series: Series, as_of: int, young_s: int = 0, within: TimeRange | None = None) -> OhlcAnswer:
        if series.interval not in OHLC_INTERVALS:
            raise ValueError(f"the exchange has no {short(series.interval)} candles")
        self._count("OHLC", series.pair)
        return candle_answer.ohlc(self._told("OHLC", series.pair, interval=series.interval), series, as_of, young_s)

    def trades(self, pair: Pair, cursor: int, count: int = TRADES_A_PAGE) -> TradesPage:
        self._count("Trades", pair)
        return self._page(pair, max(cursor, 0), count)

    def first_trade(self, pair: Pair) -> FirstTrade | None:
        self._count("First", pair)
        first = self._page(pair, 0, 1).trades
        return FirstTrade(first["time"][0] // NS, first["id"][0]) if len(first) else None

    def _page(self, pair: Pair, cursor: int, count: int) -> TradesPage:
        return trade_answer.trades(self._told("Trades", pair, since=cursor, count=count), cursor, count)

    def _told(self, endpoint: str, pair: Pair | None = None, **query: str | int) -> answers.Result:
        asked = BY_RULES.query(pair) if pair else {}
        asked |= {name: str(value) for name, value in query.items()}
        try:
            return answers.result(body(self._api.answer(endpoint, asked, self.present * NS)))
        except RequestRefusedError as refused:
            raise PairRefusedError(f"{pair}: the exchange answers {refused}") from refused

    def _count(self, kind: str, pair: Pair | None = None) -> None:
        if self.stop():
            raise Interrupted("paused")
        with self._lock:
            self.asked[kind, pair] += 1
        self.fails(kind, pair)


def down(_kind: str, _pair: Pair | None) -> None:
    """Nothing can be asked."""
    raise UnavailableError("the exchange cannot be reached; try again later")


def at_pocket(home: Path, exchange: PocketExchange) -> Workbench:
    """The workbench of a home that asks this exchange."""
    workbench = Workbench.open(home)
    workbench.exchange = exchange  # type: ignore[method-assign]
    return workbench
