"""All checks on the values of one series by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kraken_core.domain.prices.findings import PriceKind
from kraken_core.domain.prices.levels import shifts_and_redenominations
from kraken_core.domain.prices.outliers import outliers
from kraken_core.domain.prices.volumes import disproportions, stuck_prices

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kraken_core.domain.identities import Identities
    from kraken_core.domain.prices.candle_arrays import CandleArrays
    from kraken_core.domain.prices.findings import PriceFinding, PriceLimits


def own_findings(candles: CandleArrays, limits: PriceLimits, identities: Identities) -> list[PriceFinding]:
    """What is odd about the values of a series, by what is usual for itself; each span of prices has one finding."""
    candles = candles.sound()
    stepped = list(shifts_and_redenominations(candles, identities))
    far = list(outliers(candles, limits))
    shifts = [each for each in stepped if each.kind is PriceKind.SHIFT]
    alone = [each for each in far if not _inside(each, shifts)]
    # A trade's worth is by the price, and as wrong as that.
    volumes = [each for each in disproportions(candles, limits) if not _inside(each, [*shifts, *far])]
    return [*stepped, *alone, *volumes, *stuck_prices(candles, limits)]


def _inside(found: PriceFinding, others: Iterable[PriceFinding]) -> bool:
    return any(other.start <= found.start < other.end for other in others)
