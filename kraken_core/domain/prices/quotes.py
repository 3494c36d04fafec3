"""Prices against the other quotes of the same asset: BTC/USD is BTC/EUR times EUR/USD."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from kraken_core.domain.market import Pair
from kraken_core.domain.prices.candle_arrays import FEWEST, usual
from kraken_core.domain.prices.findings import PriceFinding, PriceKind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from kraken_core.domain.market import Series
    from kraken_core.domain.prices.candle_arrays import Floats, Ints
    from kraken_core.domain.prices.findings import PriceLimits

FINEST = 60  # minutes: in shorter candles three closes are too far apart in time to be compared
_WINDOW = 101  # candles, of which fewer than half may be wrong
_MAD = 1.4826


class Closes(NamedTuple):
    """The closes of a series by time, with the opens of their candles (epoch seconds)."""

    series: Series
    opens: Ints
    close: Floats


class Triangle(NamedTuple):
    """Two quotes of an asset, and the pair of their quote currencies: ``one`` is ``other`` times ``rate``.

    ``inverse`` where the rate is traded the other way round.
    """

    one: Pair
    other: Pair
    rate: Pair
    inverse: bool


def triangles(pairs: Collection[Pair]) -> list[Triangle]:
    """Every triangle among the pairs."""
    known = {pair for pair in pairs if not pair.market}  # what others trade are not the quotes of an asset
    by_base = defaultdict(list)
    for pair in sorted(known):
        by_base[pair.base].append(pair)
    found = []
    for of_base in by_base.values():
        for one, other in combinations(of_base, 2):
            if (rate := Pair(other.quote, one.quote)) in known:
                found.append(Triangle(one, other, rate, inverse=False))
            elif (rate := Pair(one.quote, other.quote)) in known:
                found.append(Triangle(one, other, rate, inverse=True))
    return found


def contradicted_quotes(triangle: Triangle, closes: Sequence[Closes], limits: PriceLimits) -> Iterator[PriceFinding]:
    """Candles whose close the two other sides contradict, of the side that moved when they began to.

    ``closes`` are those of the triangle's pairs, in its order.
    Compared is how far the triangle is from closing with how far it usually is: a premium that lasts is none.
    """
    one, other, rate = map(_possible, closes)
    opens = np.intersect1d(np.intersect1d(one.opens, other.opens, assume_unique=True), rate.opens, assume_unique=True)
    if len(opens) < FEWEST:
        return
    sides = [np.log(each.close[np.searchsorted(each.opens, opens)]) for each in (one, other, rate)]
    signs = (1, -1, 1 if triangle.inverse else -1)
    open_by = sum(sign * side for sign, side in zip(signs, sides, strict=True))
    departs = open_by - _around(np.asarray(open_by))
    allowed = np.maximum(limits.deviation, limits.outlier * _MAD * usual(np.abs(departs)))
    odd = np.flatnonzero(np.abs(departs) > allowed)
    if not len(odd):
        return
    moves = np.stack([np.diff(sign * side) for sign, side in zip(signs, sides, strict=True)])
    for run in np.split(odd, np.flatnonzero(np.diff(odd) > 1) + 1):
        worst = _blamed(moves, np.diff(departs), int(run[0]), int(run[-1]))
        blamed = (one, other, rate)[worst]
        others = " and ".join(str(each.series) for each in (one, other, rate) if each is not blamed)
        for at in run.tolist():
            stored = float(np.exp(sides[worst][at]))
            expected = stored * float(np.exp(-signs[worst] * departs[at]))
            span = (blamed.series, int(opens[at]), int(opens[at]) + blamed.series.width)
            yield PriceFinding(*span, PriceKind.QUOTE, expected, stored, others)


def _blamed(moves: Floats, departures: Floats, first: int, last: int) -> int:
    """Which side moved as the triangle did when it opened and closed again: the others moved as a market does."""
    turns = [at for at in (first - 1, last) if 0 <= at < len(departures)]
    return int(np.abs(moves[:, turns] - departures[turns]).sum(axis=1).argmin())


def _possible(closes: Closes) -> Closes:
    sound = closes.close > 0
    return closes if sound.all() else Closes(closes.series, closes.opens[sound], closes.close[sound])


def _around(values: Floats) -> Floats:
    median = pl.Series(values).rolling_median(_WINDOW, min_samples=_WINDOW // 2, center=True)
    around: Floats = median.fill_null(strategy="backward").fill_null(strategy="forward").to_numpy()
    return around
