"""Faults planted into the true candles of a simulated market, and what the checks on values find of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import NamedTuple

import numpy as np

from kraken_core.domain.identities import Identities
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.prices.candle_arrays import CandleArrays
from kraken_core.domain.prices.checks import own_findings
from kraken_core.domain.prices.extremes import unmatched_extremes
from kraken_core.domain.prices.findings import PriceFinding, PriceKind, PriceLimits, joined
from kraken_core.domain.prices.quotes import FINEST, Closes, contradicted_quotes, triangles
from kraken_core.domain.timerange import day_start
from kraken_core.simulator.candles import candles as candles_of
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.tape import Tape

BTC_USD, BTC_EUR, EUR_USD, ETH_USD, UNI_USD, PEPE_USD = (
    *(Pair("BTC", "USD"), Pair("BTC", "EUR"), Pair("EUR", "USD")),
    *(Pair("ETH", "USD"), Pair("UNI", "USD"), Pair("PEPE", "USD")),
)
LISTINGS = [
    Listing(BTC_USD, 2, 68_000, 1, 0.05),
    Listing(BTC_EUR, 1, 63_000, 1, 0.03),
    Listing(EUR_USD, 0.5, 1.08, 5, 900),
    Listing(ETH_USD, 1, 3_500, 2, 0.8),
    Listing(UNI_USD, 0.05, 12, 3, 40),
    Listing(PEPE_USD, 0.05, 1.2e-05, 9, 2e6, 0),
]
Candles = dict[Series, CandleArrays]


class Fault(NamedTuple):
    """A planted fault: of which kind, and where, epoch seconds."""

    kind: PriceKind
    series: Series
    start: int
    end: int

    def found_by(self, found: PriceFinding) -> bool:
        """Whether a finding is of the fault: of its kind, and at its time."""
        return (
            found.kind is self.kind
            and found.series == self.series
            and found.start < self.end
            and self.start < found.end
        )

    def explains(self, found: PriceFinding) -> bool:
        """Whether a finding, of whatever kind, is at the time of the fault, and of its pair."""
        return found.series.pair == self.series.pair and found.start < self.end and self.start < found.end


def true_candles(seed: int, days: int, intervals: tuple[int, ...] = INTERVALS) -> Candles:
    """Every series of a market without faults, in which BTC/EUR times EUR/USD is BTC/USD as on a real exchange."""
    start = day_start(date(2024, 3, 1))
    market = SimulatedMarket.make(seed, LISTINGS, start, start + days * 86_400)
    tapes = dict(market.tapes) | {BTC_EUR: _closing(market.tapes[BTC_USD], market.tapes[EUR_USD])}
    return {
        series: CandleArrays.of(series, candles_of(tapes[listing.pair], series.interval))
        for listing in LISTINGS
        for series in (Series(listing.pair, interval) for interval in intervals)
    }


def _closing(dollars: Tape, rate: Tape) -> Tape:
    """The trades of BTC/EUR, at what those of BTC/USD were in euros then."""
    at = np.clip(np.searchsorted(rate.time_ns, dollars.time_ns, side="right") - 1, 0, None)
    euros = dollars.price_ticks / (rate.price_ticks[at] / 10.0**rate.price_decimals)
    return replace(dollars, pair=BTC_EUR, price_ticks=np.rint(euros).astype(np.int64))


def findings(candles: Candles) -> list[PriceFinding]:
    """What all checks find of some series, by series and time."""
    limits = PriceLimits()
    found = [each for one in candles.values() for each in own_findings(one, limits, Identities())]
    for (pair, interval), one in candles.items():
        finer = [i for i in INTERVALS if i < interval and interval % i == 0 and Series(pair, i) in candles]
        if finer:
            found += unmatched_extremes(one, candles[Series(pair, finer[-1])])
    for triangle in triangles({series.pair for series in candles}):
        for interval in {series.interval for series in candles if series.interval >= FINEST}:
            sides = [candles[Series(pair, interval)] for pair in triangle[:3]]
            closes = [Closes(side.series, side.opens, side.close) for side in sides]
            found += contradicted_quotes(triangle, closes, limits)
    return joined(found)


def plant(candles: Candles, seed: int, each: int) -> list[Fault]:
    """Put so many faults of every kind into the candles, apart from one another; where they are.

    They lie in minutes to hours of all pairs, as far as a kind can be seen there: see ``_HOMES``. Redenominations are
    of whole pairs instead: of two of them, at all intervals.
    """
    rng = np.random.default_rng([seed, 7])
    taken: dict[Series, list[int]] = {}
    faults = [fault for pair in (UNI_USD, PEPE_USD) for fault in _redenominated(candles, pair, rng)]
    for fault in faults:
        taken[fault.series] = [int(candles[fault.series].opens.searchsorted(fault.start))]
    for kind in _HOMES:
        homes = [series for series in candles if _fits(kind, candles[series])]
        for _ in range(each):
            series = homes[int(rng.integers(len(homes)))]
            one, length = candles[series], _length(kind, rng)
            for _ in range(50):
                at = int(rng.integers(60, one.height - 60 - length))
                if all(abs(at - other) > 2 * _APART for other in taken.get(_neighbours(series), ())):
                    break
            else:
                continue
            taken.setdefault(_neighbours(series), []).append(at)
            candles[series] = _spoiled(kind, one, at, length, rng)
            faults.append(Fault(kind, series, int(one.opens[at]), int(one.opens[at + length - 1]) + series.width))
    return faults


def _redenominated(candles: Candles, pair: Pair, rng: np.random.Generator) -> list[Fault]:
    """Prices of a pair divided by a round factor from a day on, and volumes multiplied by it."""
    opens = candles[Series(pair, 1440)].opens
    on, factor = int(opens[int(rng.integers(len(opens) // 3, 2 * len(opens) // 3))]), 10.0 ** int(rng.integers(1, 5))
    faults = []
    for series in [each for each in candles if each.pair == pair]:
        one = candles[series]
        at = int(one.opens.searchsorted(on))
        by = np.where(one.opens < on, 1.0, factor)
        prices = {name: getattr(one, name) / by for name in ("open", "high", "low", "close")}
        candles[series] = one._replace(**prices, volume=one.volume * by)
        if one.height > 4 * _APART:
            faults.append(Fault(PriceKind.REDENOMINATION, series, int(one.opens[at]), int(one.opens[at]) + 1))
    return faults


_APART = 130
_HOMES = {  # intervals in which a fault of a kind is planted
    PriceKind.QUOTE: (60,),  # first, as all three sides are taken by it
    PriceKind.OUTLIER: (1, 5, 15, 30, 60, 240),
    PriceKind.EXTREME: (15, 30, 60, 240),
    PriceKind.VOLUME: (1, 5, 15, 30, 60, 240),
    PriceKind.STUCK: (1, 5, 15, 30, 60),
    PriceKind.SHIFT: (1, 5, 15, 30, 60, 240),
}
_OF_QUOTES = {BTC_USD, BTC_EUR}


def _fits(kind: PriceKind, candles: CandleArrays) -> bool:
    pair, interval = candles.series
    return candles.height > 4 * _APART and interval in _HOMES[kind] and (kind != PriceKind.QUOTE or pair in _OF_QUOTES)


def _neighbours(series: Series) -> Series:
    """Whose faults would be taken for one another's: the three sides of the triangle have theirs apart in time."""
    return Series(BTC_USD, 60) if series.interval == FINEST and series.pair in {BTC_EUR, EUR_USD} else series


def _length(kind: PriceKind, rng: np.random.Generator) -> int:
    """Of how many candles a fault is."""
    most = {PriceKind.QUOTE: 30, PriceKind.STUCK: 0, PriceKind.SHIFT: 40}
    return int(rng.integers(60, 120)) if kind is PriceKind.STUCK else int(rng.integers(1, most.get(kind, 1) + 1))


def _spoiled(kind: PriceKind, one: CandleArrays, at: int, length: int, rng: np.random.Generator) -> CandleArrays:
    """The candles with a fault from one on: copies, as other tests have the true ones."""
    rows = slice(at, at + length)
    values = {name: getattr(one, name).copy() for name in ("open", "high", "low", "close", "volume", "trades")}
    sign = 1 if rng.random() < 0.5 else -1
    match kind:
        case PriceKind.OUTLIER:
            name = "high" if sign > 0 else "low"
            usual = float(np.median(np.log(one.high / one.low)[max(0, at - 200) : at + 200]))
            values[name][rows] *= np.exp(sign * max(0.12, rng.uniform(25, 60) * usual))
        case PriceKind.QUOTE:
            factor = np.exp(sign * rng.uniform(0.06, 0.2))
            for name in ("open", "high", "low", "close"):
                values[name][rows] *= factor
        case PriceKind.EXTREME:
            values["high"][rows] *= 1 + rng.uniform(0.0005, 0.01)
        case PriceKind.VOLUME:
            values["volume"][rows] *= 10 ** rng.uniform(3, 6)
        case PriceKind.STUCK:
            for name in ("open", "high", "low", "close"):
                values[name][rows] = one.close[at]
        case _:
            factor = 10.0 ** (sign * int(rng.integers(1, 4)))
            for name in ("open", "high", "low", "close"):
                values[name][rows] *= factor
    return one._replace(**values)
