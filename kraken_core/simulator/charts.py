"""Candles as Kraken Futures charts them: each opens at the close of the one before, and counts no trades.

Sources of that: docs/guide/exchanges.md.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl

from kraken_core.domain.candles import TIME, VOLUME_DECIMALS
from kraken_core.simulator.candles import COLUMNS
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


def candles(tape: Tape, interval: int) -> pl.DataFrame:
    """The candles of the tape at an interval (minutes), one a slot that traded: as ``simulator.candles.candles``."""
    width = interval * 60
    if not len(tape):
        return pl.DataFrame(schema=COLUMNS)
    found = charted(tape, np.unique(tape.time_ns // (width * NS)) * width, width)
    tick = 10.0**tape.price_decimals
    return pl.DataFrame(
        {
            "pair": [str(tape.pair)] * len(found.slots),
            "interval_minutes": [interval] * len(found.slots),
            "time": pl.Series(found.slots * 1_000_000).cast(TIME),
            "open": found.opens / tick,
            "high": found.highs / tick,
            "low": found.lows / tick,
            "close": found.closes / tick,
            "volume": [units / 10**VOLUME_DECIMALS for units in found.volumes.tolist()],
            "trades": [None] * len(found.slots),
        },
        schema=COLUMNS,
    )
