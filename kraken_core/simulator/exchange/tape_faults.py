"""What may be wrong with a tape: pages that end early, answers that are old, trades that come late, odd ids.

All of it is on demand, in any combination, and depends on the seed and on how often a pair was requested alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import numpy as np

from kraken_core.domain.market import Pair
from kraken_core.simulator.tape import NS, Ints, Tape

LONGEST_RUN = 50  # trades in a row whose id is unknown
SWAPPED_WITHIN = 10  # trades


@dataclass(frozen=True, slots=True)
class TapeFaults:
    """Shares are from 0 to 1: of pages, of answers, or of trades.

    Pages: ``short`` ones have fewer trades than requested, ``empty`` ones none, from ``lost`` ones a trade is left
    out, ``no_last`` ones have no cursor for what follows, ``elsewhere`` ones are what follows two pages later.
    ``from_page`` and ``to_page`` bound the pages of a pair (from 1) that this befalls; ``short_rows`` are left of a
    short page, at random where it is 0. Of those that go back a second or more, ``empty_again`` are empty.

    Answers: ``stale`` ones of Trades, and ``stale_candles`` of OHLC, are as they were ``stale_s`` seconds before.
    ``empty_candles`` are answers without rows, ``odd_candles`` rows of which the time alone can be read. ``late``
    trades become visible up to ``late_s`` seconds after their time.

    Ids: ``unknown`` trades have id 0, in runs; the numbering begins again at every trade of ``restarts``; ``swapped``
    ones change their ids with a neighbour's; before ``phantoms`` one to three numbers are skipped that never existed.

    ``coarse``: a cursor is a trade's time, and the trades at it are answered again, however many they are.
    """

    seed: int = 0
    short: float = 0.0
    short_rows: int = 0
    empty: float = 0.0
    lost: float = 0.0
    no_last: float = 0.0
    elsewhere: float = 0.0
    empty_again: float = 0.0
    from_page: int = 1
    to_page: int | None = None
    stale: float = 0.0
    stale_candles: float = 0.0
    stale_s: float = 0.0
    empty_candles: float = 0.0
    odd_candles: float = 0.0
    late: float = 0.0
    late_s: float = 0.0
    unknown: float = 0.0
    restarts: float = 0.0
    swapped: float = 0.0
    phantoms: float = 0.0
    coarse: bool = False

    def chance(self, what: str, pair: Pair, number: int) -> Random:
        """What befalls the n-th answer about a pair."""
        return Random(f"{self.seed} {what} {pair} {number}")

    def bounds(self, page: int) -> bool:
        """Whether pages of this number may be befallen."""
        return self.from_page <= page and (self.to_page is None or page <= self.to_page)

    def seen_ns(self, tape: Tape) -> Ints:
        """When each trade becomes visible, in nanoseconds."""
        rng = np.random.default_rng([self.seed, 1, len(tape)])
        delay = (rng.random(len(tape)) * self.late_s * NS).astype(np.int64)
        late = rng.random(len(tape)) < self.late
        seen: Ints = tape.time_ns + np.where(late, delay, 0)
        return seen

    def ids(self, tape: Tape) -> Ints:
        """The ids that trades are answered with."""
        rng = np.random.default_rng([self.seed, 2, len(tape)])
        count = len(tape)
        skips = np.where(rng.random(count) < self.phantoms, rng.integers(1, 4, count), 0)
        ids: Ints = tape.ids + np.cumsum(skips)
        for place in np.flatnonzero(rng.random(count) < self.restarts).tolist():
            ids[place:] += 1 - ids[place]
        for place in np.flatnonzero(rng.random(count) < self.swapped).tolist():
            other = min(place + int(rng.integers(1, SWAPPED_WITHIN)), count - 1)
            ids[[place, other]] = ids[[other, place]]
        for place in np.flatnonzero(rng.random(count) < self.unknown / (LONGEST_RUN / 2)).tolist():
            ids[place : place + int(rng.integers(1, LONGEST_RUN))] = 0
        return ids


HONEST = TapeFaults()
