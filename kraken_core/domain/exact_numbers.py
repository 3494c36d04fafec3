"""Sums of products and quotients of whole numbers that are larger than any machine's, to the last digit and fast.

Sums are made of numbers cut into parts that fit; quotients are doubles with a correction, and the few of them that lie
too near to the middle between two doubles are divided as Python's whole numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Objects = NDArray[np.object_]

WHOLE = pl.Int128
_BITS = 63  # of a positive number of the machine
_LARGEST = 2**_BITS - 1
_FEWEST_BITS = 4  # of a part; with fewer there would be too many of them
_HALF = 2**127  # of all values of WHOLE
_SPLIT = 2.0**27 + 1  # cuts a double into two of 26 bits
_EXACT = 2**53  # below it every whole number is a double
_UNSURE = 2.0**-30  # of the distance between two doubles: far more than the corrections are off by


def whole_numbers(numbers: pl.Series) -> Ints | Objects:
    """As numbers of the machine where they fit, else as Python's."""
    if numbers.null_count() == 0 and _largest(numbers) <= _LARGEST:
        return numbers.cast(pl.Int64).to_numpy()
    return np.array(numbers.to_list(), dtype=object)


def sums(numbers: Ints | Objects, begins: Ints) -> pl.Series:
    """The sum of whole numbers, none negative, from each of the ``begins`` up to the next: WHOLE.

    ``begins`` ascend from 0, and each has a number. What is too large for WHOLE wraps around.
    """
    if not _fit(int(numbers.max()), _longest(numbers, begins)):
        numbers = numbers.astype(object)
    return _as_series(np.add.reduceat(numbers, begins))


def sums_of_products(factors: Ints | Objects, others: Ints | Objects, begins: Ints) -> pl.Series:
    """The same of the products of whole numbers."""
    longest, largest, other = _longest(factors, begins), int(factors.max()), int(others.max())
    if _fit(largest, longest, other):
        return _as_series(np.add.reduceat(factors * others, begins))
    bits = _BITS - largest.bit_length() - longest.bit_length()
    if bits < _FEWEST_BITS or other > _LARGEST:
        return _as_series(np.add.reduceat(factors.astype(object) * others.astype(object), begins))
    total = pl.Series([0], dtype=WHOLE)
    for shift in range(0, other.bit_length(), bits):
        part = np.add.reduceat(factors * ((others >> shift) & ((1 << bits) - 1)), begins)
        total = total + _as_series(part) * pl.Series([1 << shift], dtype=WHOLE)
    return total


def _fit(*numbers: int) -> bool:
    """Whether their product is a number of the machine."""
    return sum(number.bit_length() for number in numbers) <= _BITS


def _longest(numbers: Ints | Objects, begins: Ints) -> int:
    return int(np.diff(begins, append=len(numbers)).max())


def _as_series(sums: Ints | Objects) -> pl.Series:
    if sums.dtype == np.int64:
        return pl.Series(sums).cast(WHOLE)
    return pl.Series([(number + _HALF) % (2 * _HALF) - _HALF for number in sums], dtype=WHOLE)


def _largest(numbers: pl.Series) -> int:
    return int(numbers.max() or 0)  # type: ignore[arg-type]  # whole numbers


def quotients(over: pl.Series, under: pl.Series) -> pl.Series:
    """The doubles nearest to ``over / under``, both WHOLE and not negative; null where one of them is, or by 0."""
    known = over.is_not_null() & under.is_not_null() & (under != 0)
    over, under = over.set(~known, 0), under.set(~known, 1)
    if max(_largest(over), _largest(under)) < _EXACT:
        return (over.cast(pl.Float64) / under.cast(pl.Float64)).set(~known, None)
    (high, low), (by_high, by_low) = _in_two(over), _in_two(under)
    first = high / by_high
    product, product_low = _product(first, by_high)
    correction = ((high - product) - product_low + low - first * by_low) / by_high
    found = first + correction
    rest = np.abs(correction - (found - first)) / np.spacing(found)
    # In the middle between two; below a power of two they lie twice as near to each other.
    unsure = np.flatnonzero((np.abs(rest - 0.5) < _UNSURE) | (np.abs(rest - 0.25) < _UNSURE))
    found[unsure] = [a / b for a, b in zip(over[unsure].to_list(), under[unsure].to_list(), strict=True)]
    return pl.Series(found).set(~known, None)


def _in_two(numbers: pl.Series) -> tuple[Floats, Floats]:
    """The nearest doubles, and what is left."""
    high = numbers.cast(pl.Float64)
    return high.to_numpy(), (numbers - high.cast(WHOLE)).cast(pl.Float64).to_numpy()


def _product(one: Floats, other: Floats) -> tuple[Floats, Floats]:
    """A product of doubles, and what its rounding lost (Dekker)."""
    product = one * other
    (a, b), (c, d) = _halves(one), _halves(other)
    return product, ((a * c - product) + a * d + b * c) + b * d


def _halves(numbers: Floats) -> tuple[Floats, Floats]:
    wide = numbers * _SPLIT
    high = wide - (wide - numbers)
    return high, numbers - high
