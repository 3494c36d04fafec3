"""A pair as the simulated exchange lists it: when it trades, how often, at which prices and in which amounts."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kraken_core.domain.candles import VOLUME_DECIMALS
from kraken_core.domain.market import Pair
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.simulator.tape import NS, Ints, Tape

MINUTE_NS = 60 * NS
MINUTES_A_DAY = 1440
DAILY_VOLATILITY = 0.03  # standard deviation of a day's log return
SHARE_ON_THE_MINUTE = 0.05  # of the minutes that trade, those whose first trade opens them to the nanosecond
SHARE_OF_LATER_FILLS = 0.3  # of the trades, those that fill the same order as the one before, at the same time


@dataclass(frozen=True, slots=True)
class Listing:
    """How a pair trades. ``lives`` are ``[listing, delisting)`` in whole minutes; none means all the market's time.

    ``tokenized``: its base is a share as a token, which the exchange lists and answers as a class of its own.
    ``statuses`` say from when (epoch seconds) the exchange lists it as what: online until the first of them.
    ``daily_drift`` is what its price gains a day on the average, as a log return. ``charted``: its candles are as
    Kraken Futures charts them, and so open where the one before closed.
    """

    pair: Pair
    trades_per_minute: float
    price: float  # of about the first trade
    price_decimals: int
    volume: float  # of a mean trade, in the base asset
    volume_decimals: int = VOLUME_DECIMALS  # 0 where only whole coins trade
    lives: tuple[TimeRange, ...] = ()
    tokenized: bool = False
    statuses: tuple[tuple[int, str], ...] = ()
    daily_drift: float = 0.0
    charted: bool = False

    def tape(self, seed: int, trading: TimeRanges) -> Tape:
        """The pair's trades while ``trading`` (whole minutes), from a random stream of its own."""
        rng = np.random.default_rng([seed, *self.pair.altname.encode()])
        count = int(rng.poisson(self.trades_per_minute * trading.seconds / 60))
        return Tape(
            self.pair,
            self.price_decimals,
            _times(rng, count, trading),
            self._price_ticks(rng, count, trading.seconds / 86_400),
            self._volume_units(rng, count),
            rng.integers(2, size=count, dtype=np.bool_),
        )

    def status(self, at: int) -> str:
        """How the exchange lists it at an instant of its life, epoch seconds."""
        return next((status for since, status in reversed(self.statuses) if since <= at), "online")

    def _price_ticks(self, rng: np.random.Generator, count: int, days: float) -> Ints:
        """A geometric random walk, whose drift is spread evenly over the trades of so many days."""
        step = DAILY_VOLATILITY / math.sqrt(max(1.0, self.trades_per_minute * MINUTES_A_DAY))
        drift = np.linspace(0, self.daily_drift * days, count)
        walk = np.exp(np.cumsum(rng.normal(0, step, count)) + drift)
        return _at_least_one(walk * self.price * 10**self.price_decimals)

    def _volume_units(self, rng: np.random.Generator, count: int) -> Ints:
        lots = _at_least_one(rng.exponential(self.volume, count) * 10**self.volume_decimals)
        units_a_lot: int = 10 ** (VOLUME_DECIMALS - self.volume_decimals)
        return lots * units_a_lot


def _at_least_one(numbers: NDArray[np.float64]) -> Ints:
    return np.maximum(1, np.rint(numbers).astype(np.int64))


def _times(rng: np.random.Generator, count: int, trading: TimeRanges) -> Ints:
    """Ascending nanoseconds, spread evenly over the ranges."""
    waits = np.cumsum(rng.exponential(size=count + 1))
    length = trading.seconds * NS
    elapsed: Ints = np.minimum(waits[:-1] / waits[-1] * length, length - 1).astype(np.int64)
    starts, ends = (np.array(trading.bounds[side::2], dtype=np.int64) * NS for side in (0, 1))
    before = np.cumsum(ends - starts) - (ends - starts)  # trading time before each range
    place = np.searchsorted(before, elapsed, side="right") - 1
    times = elapsed + (starts - before)[place] if count else elapsed
    return _of_orders(rng, times)


def _of_orders(rng: np.random.Generator, times: Ints) -> Ints:
    """The same times, some moved back to the start of their minute or to the fill before."""
    minutes = times // MINUTE_NS
    opens = (np.diff(minutes, prepend=-1) != 0) & (rng.random(len(times)) < SHARE_ON_THE_MINUTE)
    times = np.where(opens, minutes * MINUTE_NS, times)
    later_fill = rng.random(len(times)) < SHARE_OF_LATER_FILLS
    first_fill = np.maximum.accumulate(np.where(later_fill, 0, np.arange(len(times))))
    return times[first_fill]
