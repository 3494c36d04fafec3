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
from kraken_core.domain.kept_trades import PRICE, PRICE_DECIMALS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

AMOUNT = pl.Int128  # of the quote asset, in units of the last digits of prices and volumes
_PER_UNIT = 10**PRICE_DECIMALS  # of amounts, in one of volume at the price 1
_MOST_TICKS = 10**15  # a whole number up to here is the only one of so few digits that its double is nearest to
_SAMPLE = 100  # prices that show how many decimals do not suffice
_MOST = 1e15 * 10**VOLUME_DECIMALS  # price times units of volume, of a trade: a thousand of them fit into AMOUNT


def amounts(trades: pl.DataFrame) -> pl.Series:
    """Price times volume of each trade (TRADES), exactly: AMOUNT; null where that is too large, or no price is exact.

    A price is the decimal that is written shortest of all that its double is nearest to, as when trades are kept.
    """
    prices, units = trades["price"], trades["volume"].to_physical()
    size = prices * units.cast(pl.Float64)
    return (_ticks(prices) * units).set(size >= _MOST, None).alias("amount")


def averages(parts: pl.DataFrame) -> pl.Series:
    """The averages of slots (PARTS): the doubles nearest to the exact ones; null where an amount is."""
    known = zip(parts["amount"].to_list(), parts["volume"].to_physical().to_list(), strict=True)
    exact = [None if amount is None or not units else amount / (units * _PER_UNIT) for amount, units in known]
    found = pl.Series(VWAP, exact, dtype=pl.Float64)
    return found.set(((found < parts["low"]) | (found > parts["high"])).fill_null(value=False), None)  # it overflowed


def _ticks(prices: pl.Series) -> pl.Series:
    """Prices in units of their last possible digit, as whole numbers: Int128."""
    values = prices.to_numpy()
    for decimals in range(PRICE_DECIMALS + 1):
        scale = 10.0**decimals
        if _are_whole(values[:_SAMPLE], scale) and _are_whole(values, scale):
            whole = pl.Series(np.rint(values * scale).astype(np.int64))
            return whole.cast(AMOUNT) * pl.Series([10 ** (PRICE_DECIMALS - decimals)], dtype=AMOUNT)
    exact = prices.cast(pl.String).cast(PRICE, strict=False)
    lost = exact.cast(pl.String).cast(pl.Float64) != prices
    return exact.to_physical().set(lost.fill_null(value=False), None)


def _are_whole(prices: Floats, scale: float) -> bool:
    """Whether prices have no more decimals than the scale, and are small enough to be sure of that."""
    with np.errstate(over="ignore"):
        whole = np.rint(prices * scale)
    return bool(((whole / scale == prices) & (whole < _MOST_TICKS)).all())
