"""How fast trades become candles of all eight intervals, in trades per second.

python -m bench.trades [--trades 10000000] [--runs 3]

``a frame`` is a whole tape at once, ``pages`` the same tape in pages of 1,000, as the API answers them,
``a file`` some of it as the text of an archive.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import polars as pl

from kraken_core.domain.exchange import NS, TRADES_A_PAGE
from kraken_core.domain.market import Pair
from kraken_core.domain.trades import TRADES, TradeCandles
from kraken_core.domain.trading_history import parse_trades

PAIR = Pair("BTC", "USD")
START, TRADES_A_MINUTE = 1_704_067_200, 20
TARGET = 5_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trades", type=int, default=10_000_000)
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    whole, paged = tape(args.trades), tape(args.trades // 10)
    text = paged.select(pl.col("time") // NS, "price", "volume").write_csv(include_header=False).encode()
    print(f"a frame  {per_second(at_once, whole, args.runs):>14,.0f} trades/s   target {TARGET:,}")
    print(f"pages    {per_second(in_pages, paged, args.runs):>14,.0f} trades/s")
    print(f"a file   {per_second(lambda _: of_text(text), paged, args.runs):>14,.0f} trades/s")


def tape(trades: int) -> pl.DataFrame:
    """Trades of one pair, about twenty a minute."""
    rng = np.random.default_rng(1)
    minutes = trades // TRADES_A_MINUTE
    return pl.DataFrame(
        {
            "time": START * NS + np.sort(rng.integers(0, minutes * 60 * NS, trades)),
            "price": 60_000 + np.cumsum(rng.normal(0, 1, trades)),
            "volume": pl.Series(rng.integers(1, 10**9, trades)).cast(pl.Decimal(38, 0)).cast(TRADES["volume"]),
            "id": np.arange(trades),
        },
        schema=TRADES,
    )


def at_once(trades: pl.DataFrame) -> None:
    TradeCandles.empty(PAIR).add(trades).candles()


def in_pages(trades: pl.DataFrame) -> None:
    """Every page added, and what its days hold handed over once they are over."""
    rest = TradeCandles.empty(PAIR)
    for first in range(0, trades.height, TRADES_A_PAGE):
        page = trades[first : first + TRADES_A_PAGE]
        done, rest = rest.add(page).split(page["time"][-1] // NS // 86_400 * 86_400)
        if done.parts.height:
            done.candles()


def of_text(text: bytes) -> None:
    TradeCandles.empty(PAIR).add(parse_trades(text, 1, 2 * START).trades).candles()


def per_second(work: Callable[[pl.DataFrame], None], trades: pl.DataFrame, runs: int) -> float:
    speeds = []
    for _ in range(runs):
        began = time.perf_counter()
        work(trades)
        speeds.append(trades.height / (time.perf_counter() - began))
    return statistics.median(speeds)


if __name__ == "__main__":
    main()
