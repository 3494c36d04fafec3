"""The simulated exchange without a wire: what its endpoints answer, as the port's own values."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

import polars as pl

from kraken_core import Workbench
from kraken_core.domain.candles import SCHEMA, TIME, Source, rank_of
from kraken_core.domain.errors import Interrupted, PairRefusedError, UnavailableError
from kraken_core.domain.exchange import NS, TRADES, TRADES_A_PAGE, ListedPair, OhlcAnswer, TradesPage
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRange, TimeRanges, floor
from kraken_core.simulator.exchange.ohlc import ohlc_rows
from kraken_core.simulator.exchange.trades import TradeBook
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.sources.rest import PATIENT, Patience


class PocketExchange:
    """Answers for a market at a present of its own, which may be moved. ``asked`` counts requests by kind and pair.

    ``fails`` may raise what goes wrong with a request; ``stop`` says that whoever waits shall not.
    """

    def __init__(self, market: SimulatedMarket, now: int | None = None) -> None:
        self.market = market
        self.present = market.end if now is None else now
        self.asked: Counter[tuple[str, Pair | None]] = Counter()
        self.retries = 0
        self.fails: Callable[[str, Pair | None], None] = lambda _kind, _pair: None
        self.stop: Callable[[], bool] = lambda: False
        self._books = {pair: TradeBook(tape, ids=True, repeats=True) for pair, tape in market.tapes.items()}
        self._lock = threading.Lock()

    def __call__(self, stop: Callable[[], bool], patience: Patience = PATIENT) -> PocketExchange:
        """Opened, as a workbench does it."""
        self.stop = stop
        return self

    @property
    def requests(self) -> int:
        return sum(self.asked.values())

    def of_kind(self, *kinds: str) -> int:
        return sum(count for (kind, _), count in self.asked.items() if kind in kinds)

    def now(self) -> int:
        self._count("Time")
        return self.present

    def status(self) -> str:
        self._count("SystemStatus")
        return "online"

    def pairs(self) -> Sequence[ListedPair]:
        self._count("AssetPairs")
        return [ListedPair(pair, "online") for pair in sorted(self.market.listings) if self._listed(pair)]

    def ohlc(self, series: Series, as_of: int) -> OhlcAnswer:
        self._count("OHLC", series.pair)
        lives = self.market.listings[series.pair].lives or (TimeRange(self.market.start, self.market.end),)
        texts, last = ohlc_rows(self.market.tapes[series.pair], lives, series.interval, 0, self.present * NS)
        rows = [json.loads(text) for text in texts]
        closed = [row for row in rows if row[0] <= last and row[0] + series.width <= as_of]
        known = TimeRanges.of((row[0], row[0] + series.width) for row in closed)
        frame = pl.DataFrame(
            [
                {
                    "pair": str(series.pair),
                    "interval_minutes": series.interval,
                    "time": row[0] * 1_000_000,
                    **{name: float(row[place]) for place, name in enumerate(("open", "high", "low", "close"), 1)},
                    "volume": float(row[6]),
                    "trades": row[7],
                    "source": Source.OHLC.value,
                    "rank": rank_of(Source.OHLC),
                }
                for row in closed
                if row[7]
            ],
            schema={**SCHEMA, "time": pl.Int64},
        )
        return OhlcAnswer(frame.with_columns(pl.col("time").cast(TIME)), known, len(rows))

    def trades(self, pair: Pair, cursor: int) -> TradesPage:
        self._count("Trades", pair)
        return self._page(pair, cursor, TRADES_A_PAGE)

    def first_trade(self, pair: Pair) -> int | None:
        self._count("First", pair)
        page = self._page(pair, 0, 1)
        return None if page.trades.is_empty() else page.trades["time"][0] // NS

    def _page(self, pair: Pair, cursor: int, count: int) -> TradesPage:
        texts, last = self._books[pair].page(cursor, count, self.present * NS)
        rows = [json.loads(text, parse_float=Decimal) for text in texts]
        frame = pl.DataFrame(
            {
                "time": [int(row[2] * NS) for row in rows],
                "price": [float(row[0]) for row in rows],
                "volume": [Decimal(row[1]) for row in rows],
                "id": [row[6] for row in rows],
            },
            schema=TRADES,
        )
        return TradesPage(frame, last, len(rows) < count or last == cursor)

    def _listed(self, pair: Pair) -> bool:
        lives = self.market.listings[pair].lives
        minute = floor(self.present, 60)
        return not lives or any(life.start <= minute - 60 < life.end for life in lives)

    def _count(self, kind: str, pair: Pair | None = None) -> None:
        if self.stop():
            raise Interrupted("paused")
        with self._lock:
            self.asked[kind, pair] += 1
        self.fails(kind, pair)
        if pair is not None and not self._listed(pair):
            raise PairRefusedError(f"the exchange does not know {pair}: EQuery:Unknown asset pair")


def down(_kind: str, _pair: Pair | None) -> None:
    """Nothing can be asked."""
    raise UnavailableError("the exchange cannot be reached; try again later")


def at_pocket(home: Path, exchange: PocketExchange) -> Workbench:
    """The workbench of a home that asks this exchange."""
    workbench = Workbench.open(home)
    workbench.exchange = exchange  # type: ignore[method-assign]
    return workbench
