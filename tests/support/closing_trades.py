"""Markets in which pairs trade to the end of every release, so that no last slot is absent from an archive.

An absent last slot is covered by no archive (domain rule 4). That has tests of its own; the others would all have a
missing minute at the end of each release.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.tape import NS


def trading_to(ends: Iterable[int], market: SimulatedMarket) -> SimulatedMarket:
    """The market, each pair's last trade before each of the ends (epoch seconds) moved to half a minute before it."""
    tapes = {}
    for pair, tape in market.tapes.items():
        times = tape.time_ns.copy()
        for end in ends:
            last = int(np.searchsorted(times, end * NS)) - 1
            if last >= 0:
                times[last] = max(times[last], (end - 30) * NS)
        tapes[pair] = replace(tape, time_ns=times)
    return replace(market, tapes=tapes)
