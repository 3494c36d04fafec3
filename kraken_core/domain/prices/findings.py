"""What a check on values finds: the kinds, a finding, and from where on something is one."""

from __future__ import annotations

from enum import StrEnum
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from kraken_core.domain.timerange import TimeRange

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kraken_core.domain.market import Series


class PriceKind(StrEnum):
    """What is odd about stored values; each is a check of ``verify`` by the name in CHECKED."""

    OUTLIER = "outlier"  # a price far from those before and after it, by the pair's own volatility
    QUOTE = "quote"  # a price that other quotes of the asset contradict
    EXTREME = "extreme"  # a high or low that no finer candle reaches
    VOLUME = "volume"  # volume and number of trades out of proportion
    STUCK = "stuck"  # one price for longer than the pair ever has
    SHIFT = "decimal shift"  # prices a power of ten away from those before, that return
    REDENOMINATION = "redenomination"  # a lasting step by a round factor that the identity table does not have


CHECKED = {
    PriceKind.OUTLIER: "outliers",
    PriceKind.QUOTE: "quotes",
    PriceKind.EXTREME: "extremes",
    PriceKind.VOLUME: "volumes",
    PriceKind.STUCK: "stuck",
    PriceKind.SHIFT: "decimal shifts",
    PriceKind.REDENOMINATION: "redenominations",
}


class PriceLimits(NamedTuple):
    """From where on values are a finding; the defaults find nothing on simulated markets without planted faults.

    ``outlier``: how many times the pair's own volatility; ``deviation``: the least share of the price in any case.
    ``volume``: the factor between mean trade sizes; ``stuck``: how many candles in a row, at least.
    """

    outlier: float = 15.0
    deviation: float = 0.05
    volume: float = 100.0
    stuck: int = 30


class PriceFinding(NamedTuple):
    """Values of ``series`` that are odd in ``[start, end)``, epoch seconds; nothing of them is ever changed.

    ``expected`` and ``stored`` are a price in the quote currency, the worth of a mean trade in it (volume), or a
    number of candles (stuck). ``evidence`` is what they were compared with.
    """

    series: Series
    start: int
    end: int
    kind: PriceKind
    expected: float
    stored: float
    evidence: str

    @property
    def description(self) -> str:
        """The finding for people, in a line."""
        span = TimeRange(self.start, self.end)
        return f"{self.series} {span}: {self.stored:.8g} where {self.expected:.8g} was expected ({self.evidence})"


def joined(found: Iterable[PriceFinding]) -> list[PriceFinding]:
    """Sorted findings, each once; neighbours of a kind are one, with the values that are farthest apart."""
    result: list[PriceFinding] = []
    for _, alike in groupby(sorted(set(found), key=lambda each: (_alike(each), each)), key=_alike):
        spans: list[PriceFinding] = []
        for each in alike:
            if spans and each.start <= spans[-1].end:
                worst = max(spans[-1], each, key=_distance)
                spans[-1] = worst._replace(start=spans[-1].start, end=max(each.end, spans[-1].end))
            else:
                spans.append(each)
        result += spans
    return sorted(result)


def _alike(found: PriceFinding) -> tuple[Series, PriceKind, str]:
    return found.series, found.kind, found.evidence


def _distance(found: PriceFinding) -> float:
    low, high = sorted((found.expected, found.stored))
    return high / low if low > 0 else high
