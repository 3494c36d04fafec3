"""What the OHLC endpoint should tell of a market, worked out slot by slot."""

from __future__ import annotations

from typing import Any

from kraken_core.domain.market import Pair
from kraken_core.domain.timerange import TimeRange, floor
from kraken_core.simulator.candles import candles
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.tape import NS


def expected_rows(market: SimulatedMarket, pair: Pair, interval: int, now: int) -> dict[int, tuple[Any, ...]]:
    """Open, high, low, close, volume and count by slot, slot after slot from the first trade of each life."""
    tape, width = market.tapes[pair].between(0, now), interval * 60
    traded = {
        int(row[0].timestamp()): row[1:] for row in candles(tape, interval).drop("pair", "interval_minutes").rows()
    }
    rows: dict[int, tuple[Any, ...]] = {}
    for life in market.listings[pair].lives or (TimeRange(market.start, market.end),):
        trades = tape.between(*life).time_ns.tolist()
        last = now if life.end >= market.end else min(now, life.end - 1)
        until = floor(last, width) + width if trades else 0
        for slot in range(floor(trades[0] // NS, width) if trades else 0, until, width):
            close = rows[next(reversed(rows))][3] if rows else None
            rows[slot] = traded.get(slot, (close, close, close, close, 0, 0))
    return rows
