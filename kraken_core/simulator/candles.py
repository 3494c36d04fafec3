"""What a tape's candles truly are: computed from the trades at every interval, never from finer candles."""

from __future__ import annotations

import numpy as np
import polars as pl

from kraken_core.domain.candles import SCHEMA, TIME, VOLUME_DECIMALS
from kraken_core.domain.timerange import TimeRanges
from kraken_core.simulator.tape import NS, Tape

# The columns of a candle itself; source and rank come from its reader.
COLUMNS = {name: dtype for name, dtype in SCHEMA.items() if name not in {"source", "rank"}}


def candles(tape: Tape, interval: int) -> pl.DataFrame:
    """The candles of the tape at an interval (minutes), one a slot that traded: columns of :data:`COLUMNS`, by time.

    Prices and volumes are the doubles nearest to the exact decimals.
    """
    if not len(tape):
        return pl.DataFrame(schema=COLUMNS)
    slots = tape.time_ns // (interval * 60 * NS)
    first = np.flatnonzero(np.diff(slots, prepend=-1))
    stop = np.append(first[1:], len(tape))
    tick = 10.0**tape.price_decimals
    volumes = np.add.reduceat(tape.volume_units, first)
    return pl.DataFrame(
        {
            "time": slots[first] * (interval * 60_000_000),
            # Both operands are exact doubles, so the quotient is the double nearest to the price.
            "open": tape.price_ticks[first] / tick,
            "high": np.maximum.reduceat(tape.price_ticks, first) / tick,
            "low": np.minimum.reduceat(tape.price_ticks, first) / tick,
            "close": tape.price_ticks[stop - 1] / tick,
            # A day's volume can exceed 2**53 units; Python's division of integers still rounds only once.
            "volume": [units / 10**VOLUME_DECIMALS for units in volumes.tolist()],
            "trades": stop - first,
        }
    ).select(
        pl.lit(str(tape.pair)).alias("pair"),
        pl.lit(interval).alias("interval_minutes").cast(pl.Int32),
        pl.col("time").cast(TIME),
        pl.col("open", "high", "low", "close", "volume"),
        pl.col("trades").cast(pl.Int32),
    )


def traded(tape: Tape, interval: int) -> TimeRanges:
    """The slots of an interval (minutes) in which something traded."""
    width = interval * 60
    slots = np.unique(tape.time_ns // (width * NS))
    breaks = np.flatnonzero(np.diff(slots) > 1) + 1
    starts = slots[np.concatenate(([0], breaks))] if len(slots) else slots
    ends = slots[np.append(breaks - 1, -1)] + 1 if len(slots) else slots
    return TimeRanges(tuple((np.stack((starts, ends), axis=1).ravel() * width).tolist()))
