"""Steps of the price level: decimals that slipped for a while, and redenominations nobody has recorded."""

from __future__ import annotations

from itertools import combinations, pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kraken_core.domain.prices.candle_arrays import FEWEST, SIDE, volatility
from kraken_core.domain.prices.findings import PriceFinding, PriceKind
from kraken_core.domain.prices.outliers import SLIPPED, TEN

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kraken_core.domain.identities import Identities, Renaming
    from kraken_core.domain.market import Pair
    from kraken_core.domain.prices.candle_arrays import CandleArrays, Ints

_LEAST_RATIO = 7.0  # no market moves that far from one candle to the next
LEAST_STEP = float(np.log(_LEAST_RATIO))
LASTING = SIDE // 2 + 1  # candles behind a step, at least: below that it is an outlier
RETURNS_S = 30 * 86_400  # after so long a step is one that lasts
DAYS_AROUND_S = 14 * 86_400  # a recorded day may be that of the network, not Kraken's


class LevelStep(NamedTuple):
    """A step of the level at candle ``at``: a log return, and the levels before and behind it."""

    at: int
    size: float
    before: float
    behind: float
    noise: float


def steps(candles: CandleArrays) -> list[LevelStep]:
    """Where the level of the prices steps by more than any market moves, and stays there for some candles."""
    if candles.height < FEWEST:
        return []
    step = candles.open[1:] / candles.close[:-1]
    jumps = np.flatnonzero((step > _LEAST_RATIO) | (step < 1 / _LEAST_RATIO)) + 1
    if not len(jumps):
        return []
    usual = volatility(candles)
    bounds = [0, *jumps.tolist(), candles.height]
    # Levels of what lies between jumps; what is too short to be a level is an outlier, found elsewhere.
    levels = [(a, b) for a, b in pairwise(bounds) if b - a >= LASTING]
    found = []
    for (start, end), (at, stop) in pairwise(levels):
        before = float(np.median(candles.close[max(start, end - SIDE) : end]))
        behind = float(np.median(candles.close[at : min(stop, at + SIDE)]))
        size = float(np.log(behind / before))
        if abs(size) > LEAST_STEP:
            found.append(LevelStep(at, size, before, behind, float(usual[at])))
    return found


def shifts_and_redenominations(candles: CandleArrays, identities: Identities) -> Iterator[PriceFinding]:
    """Steps that return are decimals that slipped; those that last, by a round factor, are redenominations."""
    left, opens, series = steps(candles), candles.opens, candles.series
    while returned := _soonest(left, opens):
        there, back = returned
        span = (series, int(opens[there.at]), int(opens[back.at]))
        if _is_power_of_ten(there):
            yield PriceFinding(*span, PriceKind.SHIFT, there.before, there.behind, "prices before and after it")
        left = [step for step in left if not there.at <= step.at <= back.at]
    for step in left:
        start = int(opens[step.at])
        if _is_round(step) and not recorded(identities, series.pair, start, step.size):
            span = (series, start, start + series.width)
            factor = f"prices before, 1:{round_factor(step.size):,}"
            yield PriceFinding(*span, PriceKind.REDENOMINATION, step.before, step.behind, factor)


def _soonest(left: Sequence[LevelStep], opens: Ints) -> tuple[LevelStep, LevelStep] | None:
    """A step and the one that takes it back, of those the soonest: so a slip inside of another level is its own."""
    pairs = [(there, back) for there, back in combinations(left, 2) if _returns(there, back, opens)]
    return min(pairs, key=lambda pair: int(opens[pair[1].at] - opens[pair[0].at]), default=None)


def _returns(step: LevelStep, later: LevelStep, opens: Ints) -> bool:
    return bool(opens[later.at] - opens[step.at] <= RETURNS_S) and abs(step.size + later.size) <= 2 * SLIPPED + 3 * (
        step.noise + later.noise
    )


def _is_power_of_ten(step: LevelStep) -> bool:
    return abs(step.size - round(step.size / TEN) * TEN) <= SLIPPED + 3 * step.noise


def round_factor(size: float) -> int:
    """The nearest factor of one significant digit to a log return: 10, 24,000 becomes 20,000."""
    factor = float(np.exp(abs(size)))
    scale: int = 10 ** int(np.floor(np.log10(factor)))
    return round(factor / scale) * scale


def _is_round(step: LevelStep) -> bool:
    return abs(abs(step.size) - float(np.log(round_factor(step.size)))) <= SLIPPED / 2 + 3 * step.noise


def recorded(identities: Identities, pair: Pair, at: int, size: float) -> bool:
    """Whether the identity table has the redenomination of an asset of the pair that explains a step of its price."""
    explained = ((each, -1 if each.old == pair.base else 1) for each in _of(identities, pair))
    return any(
        abs(each.on - at) <= DAYS_AROUND_S and abs(sign * float(np.log(float(each.new_per_old))) - size) <= 5 * SLIPPED
        for each, sign in explained
    )


def _of(identities: Identities, pair: Pair) -> list[Renaming]:
    return [each for each in identities.renamings if each.old == each.new and each.old in {pair.base, pair.quote}]
