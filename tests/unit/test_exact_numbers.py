"""Sums and quotients of whole numbers are right to the last digit, however large they are."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kraken_core.domain.exact_numbers import WHOLE, quotients, sums, sums_of_products, whole_numbers

pytestmark = pytest.mark.property

MOST = 2**126


def numbers(most: int) -> st.SearchStrategy[int]:
    """Whole numbers of all lengths, so that small ones are as frequent as those next to the largest."""
    return st.integers(0, most.bit_length() - 1).flatmap(lambda bits: st.integers(0, min(2**bits, most)))


def series(values: list[int]) -> pl.Series:
    return pl.Series(values, dtype=WHOLE)


@given(
    st.lists(st.tuples(numbers(2**64), numbers(2**56)), min_size=1, max_size=30),
    st.sets(st.integers(1, 29)),
)
@example([(2**63 - 1, 1), (1, 1)], set())  # each fits, but not their sum
@example([(2**40, 2**40), (3, 2**55)], set())  # cut into parts
def test_sums_are_those_of_pythons_numbers(values: list[tuple[int, int]], cuts: set[int]) -> None:
    begins = [0, *sorted(cut for cut in cuts if cut < len(values))]
    left, right = (list(side) for side in zip(*values, strict=True))
    ours, others = (whole_numbers(series(side)) for side in (left, right))
    parts = [slice(*bounds) for bounds in pairwise([*begins, len(values)])]
    at = np.array(begins)
    assert sums(ours, at).to_list() == [sum(left[part]) for part in parts]
    products = [a * b for a, b in values]
    assert sums_of_products(ours, others, at).to_list() == [sum(products[part]) for part in parts]


@given(st.lists(st.tuples(numbers(MOST), numbers(MOST)), min_size=1, max_size=50))
def test_quotients_are_the_nearest_doubles(values: list[tuple[int, int]]) -> None:
    over, under = (series(list(side)) for side in zip(*values, strict=True))
    assert quotients(over, under).to_list() == [a / b if b else None for a, b in values]


@given(st.integers(2**53, 2**54 - 1), st.integers(1, 2**60), st.integers(-2, 2))
def test_what_lies_at_the_middle_between_two_doubles_is_rounded_as_pythons_numbers_are(
    half: int, under: int, off: int
) -> None:
    over = (2 * half + 1) * under + off  # 2 * half + 1 has one bit more than a double
    assert quotients(series([over]), series([under])).to_list() == [over / under]


def test_a_quotient_of_an_unknown_number_is_unknown() -> None:
    over = pl.Series([None, 7, 7, 0], dtype=WHOLE)
    under = pl.Series([2, None, 0, 3], dtype=WHOLE)
    assert quotients(over, under).to_list() == [None, None, None, 0.0]


def test_the_sum_of_very_many_fits_where_each_does() -> None:
    many = 100_000
    largest = series([2**62] * many)
    assert sums(whole_numbers(largest), np.array([0])).to_list() == [many * 2**62]
    assert Fraction(quotients(series([many * 2**62]), series([many]))[0]) == 2**62
