"""What averages of candles truly are, by the trades of a tape, as fractions of whole numbers."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import polars as pl

from kraken_core.domain.candles import Source
from kraken_core.simulator.tape import NS, Tape

_US = 1_000_000


def exact(tape: Tape, interval: int) -> dict[int, Fraction]:
    """Price times volume through volume of every slot with trades, by its open (epoch seconds)."""
    slots = tape.time_ns // (interval * 60 * NS) * (interval * 60)
    amounts = tape.price_ticks.astype(object) * tape.volume_units.astype(object)
    first = np.flatnonzero(np.diff(slots, prepend=-1))
    sums = (np.add.reduceat(each, first) for each in (amounts, tape.volume_units.astype(object)))
    whole = zip(slots[first].tolist(), *(each.tolist() for each in sums), strict=True)
    return {slot: Fraction(amount, volume * 10**tape.price_decimals) for slot, amount, volume in whole}


def assert_true_averages(stored: pl.DataFrame, tape: Tape, interval: int) -> dict[str, int]:
    """Stored candles of whole slots (FULL_SCHEMA) have the averages that their sources can have; how many, by source.

    Those of trades are the doubles nearest to the exact ones, those of OHLC answers rounded to the pair's decimals;
    archives have none. Those derived are of others, by whatever these were rounded.
    """
    truth, counted = exact(tape, interval), dict.fromkeys(map(str, Source), 0)
    tick = Fraction(1, 10**tape.price_decimals)
    for time, source, vwap in stored.select(pl.col("time").to_physical() // _US, "source", "vwap").iter_rows():
        right = truth[time]
        match source:
            case "trades":
                assert vwap == float(right), (tape.pair, interval, time)
            case "ohlc" if tape.pair.market:  # no other exchange's candles have one
                assert vwap is None
            case "ohlc":
                assert abs(Fraction(vwap) - right) <= tick / 2 + right / 10**14, (tape.pair, interval, time)
            case "csv":
                assert vwap is None
            case _:
                assert vwap is None or abs(Fraction(vwap) - right) <= tick / 2 + right / 10**14
        counted[source] += vwap is not None
    return counted
