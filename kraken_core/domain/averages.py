"""Average prices weighted by volume (vwap): as sources state them, and of finer candles that all have one."""

from __future__ import annotations

from math import fsum, isnan
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

VWAP = "vwap"
SLACK = 1e-9  # by how much, of itself, one that a source rounded may lie outside of low and high
_MOST = 1e300
_SPLITTER = 2.0**27 + 1  # cuts a double into two halves, whose products are exact


def stated(vwap: pl.Expr) -> pl.Expr:
    """An average as a source has rounded it; null where it lies outside of the candle's low and high."""
    slack = vwap.abs() * SLACK
    return pl.when((vwap >= pl.col("low") - slack) & (vwap <= pl.col("high") + slack)).then(vwap)


def averaged_otherwise(stored: str = "_stored") -> pl.Expr:
    """Whether the average of two joined candles is another, or only one of them has one."""
    return pl.col(VWAP).ne_missing(pl.col(f"{VWAP}{stored}"))


def of_finer(fine: pl.DataFrame, slots: pl.DataFrame) -> pl.Series:
    """The averages of coarse candles, one after the other made of all of ``fine``: null where one of them has none.

    ``slots`` has a row a coarse candle, with low, high, volume and ``fine``, how many it is made of. The sums are
    those of the doubles, rounded once, in whatever order they come.
    """
    if fine[VWAP].null_count() == fine.height:
        return pl.Series(VWAP, [None], dtype=pl.Float64).new_from_index(0, slots.height)
    weights, volumes = fine[VWAP].to_numpy(), fine["volume"].to_numpy()
    with np.errstate(over="ignore", invalid="ignore"):
        products = weights * volumes
        lost = _lost(weights, volumes, products)
    products[products > _MOST] = np.nan  # such as no market has, and no sum could hold
    terms = np.stack((products, lost), axis=1)
    found: list[float | None] = []
    begin = 0
    for count, volume, low, high in slots.select("fine", "volume", "low", "high").iter_rows():
        total = fsum(terms[begin : begin + count].ravel().tolist())
        begin += count
        found.append(min(max(total / volume, low), high) if not isnan(total) and volume else None)
    return pl.Series(VWAP, found, dtype=pl.Float64)


def _lost(one: Floats, other: Floats, products: Floats) -> Floats:
    """What rounding took from products of doubles (Dekker, 1971)."""
    (a, b), (c, d) = _halves(one), _halves(other)
    lost: Floats = ((a * c - products) + a * d + b * c) + b * d
    return lost


def _halves(values: Floats) -> tuple[Floats, Floats]:
    scaled = values * _SPLITTER
    high = scaled - (scaled - values)
    return high, values - high
