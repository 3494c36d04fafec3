"""Candles as Kraken Futures charts them: each opens at the close of the one before, and counts no trades.

Sources of that: docs/guide/exchanges.md.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl

from kraken_core.domain.candles import TIME, VOLUME_DECIMALS
from kraken_core.domain.market import Pair
from kraken_core.domain.timerange import floor
from kraken_core.simulator.candles import COLUMNS
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.tape import NS, Ints, Tape


class Charted(NamedTuple):
    """Candles of slots (epoch seconds): prices in ticks, volumes in units of the tape; flat where nothing traded."""

    slots: Ints
    opens: Ints
    highs: Ints
    lows: Ints
    closes: Ints
    volumes: Ints


def charted(tape: Tape, slots: Ints, width: int) -> Charted:
    """The candles of slots of ``width`` seconds, ascending, none of which ends before the tape's first trade."""
    first, stop = (np.searchsorted(tape.time_ns, edge * NS) for edge in (slots, slots + width))
    ticks = tape.price_ticks
    closes = ticks[stop - 1]
    opens = np.where(first > 0, ticks[np.maximum(first, 1) - 1], ticks[0])
    highs, lows, volumes = opens.copy(), opens.copy(), np.zeros_like(opens)
    for place in np.flatnonzero(stop > first).tolist():
        part = slice(first[place], stop[place])
        highs[place] = max(opens[place], ticks[part].max())
        lows[place] = min(opens[place], ticks[part].min())
        volumes[place] = tape.volume_units[part].sum()
    return Charted(slots, opens, highs, lows, closes, volumes)


def charted_truth(market: SimulatedMarket, pair: Pair, interval: int) -> pl.DataFrame:
    """The candles of every closed slot that traded: columns of ``simulator.candles.COLUMNS``, by time."""
    width = interval * 60
    tape = market.tapes[pair].between(market.start, floor(market.end, width))
    if not len(tape):
        return pl.DataFrame(schema=COLUMNS)
    found = charted(tape, np.unique(tape.time_ns // (width * NS)) * width, width)
    tick = 10.0**tape.price_decimals
    return pl.DataFrame(
        {
            "pair": str(pair),
            "interval_minutes": pl.Series([interval], dtype=pl.Int32).new_from_index(0, len(found.slots)),
            "time": pl.Series(found.slots * 1_000_000).cast(TIME),
            "open": found.opens / tick,
            "high": found.highs / tick,
            "low": found.lows / tick,
            "close": found.closes / tick,
            "volume": [units / 10**VOLUME_DECIMALS for units in found.volumes.tolist()],
            "trades": pl.Series([None] * len(found.slots), dtype=pl.Int32),
        }
    ).select(*COLUMNS)
