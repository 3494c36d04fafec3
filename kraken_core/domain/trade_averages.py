"""Average prices of trades, weighted by volume, to the last digit.

The sum of price times volume is a whole number of the smallest units, so that it is the same in whatever portions the
trades come; only the last step, a division, is rounded. Where a price is not known exactly there is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from kraken_core.domain.averages import VWAP
from kraken_core.domain.candles import VOLUME_DECIMALS
from kraken_core.domain.exact_numbers import WHOLE, quotients, sums_of_products, whole_numbers
from kraken_core.domain.kept_trades import PRICE, PRICE_DECIMALS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Objects = NDArray[np.object_]

AMOUNT = WHOLE  # of the quote asset, in units of the last digits of prices and volumes
_PER_UNIT = 10**PRICE_DECIMALS  # of amounts, in one of volume at the price 1
_MOST_TICKS = 10**15  # a whole number up to here is the only one of so few digits that its double is nearest to
_SAMPLE = 100  # prices that show how many decimals do not suffice
_MOST = 1e15 * 10**VOLUME_DECIMALS  # price times units of volume, of a trade: a thousand of them fit into AMOUNT


def amounts(prices: pl.Series, units: Ints | Objects, begins: Ints) -> pl.Series:
    """Price times volume of the trades from each of the ``begins`` up to the next, together: AMOUNT.

    Exactly; null where that of one of them is too large, or its price not exact. A price is the decimal that is written
    shortest of all that its double is nearest to, as when trades are kept. ``units``: volumes in their last digits.
    """
    ticks, decimals = _ticks(prices)
    unknown = ticks.is_null().to_numpy()
    if float(prices.to_numpy().max()) * float(units.max()) >= _MOST:
        with np.errstate(over="ignore"):
            unknown |= prices.to_numpy() * units.astype(np.float64) >= _MOST
    if unknown.any():
        ticks = ticks.set(pl.Series(unknown), 0)
    found = sums_of_products(whole_numbers(ticks), units, begins)
    found *= pl.Series([10 ** (PRICE_DECIMALS - decimals)], dtype=AMOUNT)
    return found.set(pl.Series(np.logical_or.reduceat(unknown, begins)), None) if unknown.any() else found


def averages(parts: pl.DataFrame) -> pl.Series:
    """The averages of slots (PARTS): the doubles nearest to the exact ones; null where an amount is."""
    units = parts["volume"].to_physical()
    found = quotients(parts["amount"], units * pl.Series([_PER_UNIT], dtype=AMOUNT)).alias(VWAP)
    return found.set(((found < parts["low"]) | (found > parts["high"])).fill_null(value=False), None)  # it overflowed


def _ticks(prices: pl.Series) -> tuple[pl.Series, int]:
    """Prices as whole numbers, null where that is not sure, in units of the last of so many decimals."""
    values = prices.to_numpy()
    for decimals in range(PRICE_DECIMALS + 1):
        scale = 10.0**decimals
        if _as_whole(values[:_SAMPLE], scale) is not None and (whole := _as_whole(values, scale)) is not None:
            return pl.Series(whole.astype(np.int64)), decimals
    exact = prices.cast(pl.String).cast(PRICE, strict=False)
    lost = exact.cast(pl.String).cast(pl.Float64) != prices
    return exact.to_physical().set(lost.fill_null(value=False), None), PRICE_DECIMALS


def _as_whole(prices: Floats, scale: float) -> Floats | None:
    """Prices in units of the scale; None where one has more decimals, or is too large to be sure of that."""
    with np.errstate(over="ignore"):
        whole: Floats = np.rint(prices * scale)
    return whole if whole.max() < _MOST_TICKS and bool((whole / scale == prices).all()) else None
