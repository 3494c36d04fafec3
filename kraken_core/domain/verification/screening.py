"""Which coarse slots evidently are what finer candles make of them, found many times as fast as by comparing all.

Nearly all slots agree. What is not evident, for whatever reason, is left to be compared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from kraken_core.domain.slices import picked
from kraken_core.domain.verification.agreement import VOLUME_TOLERANCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Flags = NDArray[np.bool_]

_MINUTE_US = 60_000_000
_EVIDENT = 0.5  # of the tolerance: sums differ in their last digits by the order in which they are made
_A_PAIR = 1 << 40  # more than any slot's number
_UNCOUNTED = -1  # for a count that is unknown, which agrees with any: no disagreement is missed by it


class PairRows(NamedTuple):
    """Candles of one interval, and whose they are: the pairs in the order in which their rows lie, with how many."""

    candles: pl.DataFrame
    runs: Sequence[tuple[str, int]]


class Screened(NamedTuple):
    """How many slots evidently agree, and the fine and coarse candles of all others."""

    agreeing: int
    left: tuple[pl.DataFrame, pl.DataFrame]


def screened(finer_rows: PairRows, coarser_rows: PairRows, comparison: tuple[int, int]) -> Screened:
    """What is left for ``compared``: every other slot evidently agrees.

    Both are sorted by pair and time, else nothing is evident.
    """
    interval, finer = comparison
    (fine, runs), (coarse, coarse_runs) = finer_rows, coarser_rows
    numbers = {name: number for number, name in enumerate(sorted({name for name, _ in (*runs, *coarse_runs)}))}
    made, theirs = _slots(fine, runs, interval, numbers), _keys(coarse, coarse_runs, interval, numbers)
    if not (_ascend(made.keys) and _ascend(theirs) and not (_times(coarse) % (interval * _MINUTE_US)).any()):
        return Screened(0, (fine, coarse))
    ours: Ints | slice = slice(len(made.keys))
    same: Ints | slice = ours
    if not np.array_equal(made.keys, theirs):
        _, ours, same = np.intersect1d(made.keys, theirs, assume_unique=True, return_indices=True)
    agree = _agree(fine, made, coarse, interval // finer, (ours, same))
    odd_made, odd = np.ones(len(made.keys), dtype=np.bool_), np.ones(len(theirs), dtype=np.bool_)
    odd_made[ours], odd[same] = ~agree, ~agree
    left = picked(fine, made.begins[odd_made], made.ends[odd_made]), coarse.filter(pl.Series(odd))
    return Screened(int(np.count_nonzero(agree)), left)


class _Slots(NamedTuple):
    """Slots in the order of their candles, which lie from ``begins`` up to ``ends``; see _keys."""

    keys: Ints
    begins: Ints
    ends: Ints


def _slots(candles: pl.DataFrame, runs: Iterable[tuple[str, int]], interval: int, numbers: Mapping[str, int]) -> _Slots:
    """The slots of ``interval`` minutes that candles lie in."""
    keys = _keys(candles, runs, interval, numbers)
    begun = np.ones(len(keys), dtype=np.bool_)
    np.not_equal(keys[1:], keys[:-1], out=begun[1:])
    begins = np.flatnonzero(begun)
    return _Slots(keys[begins], begins, np.append(begins[1:], len(keys))[: len(begins)])


def _keys(candles: pl.DataFrame, runs: Iterable[tuple[str, int]], interval: int, numbers: Mapping[str, int]) -> Ints:
    """A number for the slot of each candle, which rises with pair and time."""
    keys = _times(candles) // (interval * _MINUTE_US)
    end = 0
    for name, length in runs:
        begin, end = end, end + length
        keys[begin:end] += numbers[name] * _A_PAIR
    return keys


def _ascend(keys: Ints) -> bool:
    """Whether slots come in order, each once."""
    return bool((keys[1:] > keys[:-1]).all())


def _times(candles: pl.DataFrame) -> Ints:
    """When candles open, in microseconds."""
    times: Ints = candles["time"].to_physical().to_numpy()
    return times


def _agree(
    fine: pl.DataFrame, made: _Slots, coarse: pl.DataFrame, finer: int, same: tuple[Ints | slice, Ints | slice]
) -> Flags:
    """Whether slots evidently agree: those of the numbers given, of each side."""
    ours, theirs = same
    if not len(made.begins):
        return np.array([], dtype=np.bool_)
    first, last = made.begins[ours], made.ends[ours] - 1

    def made_of(name: str, how: np.ufunc) -> NDArray[np.float64]:
        values: NDArray[np.float64] = how.reduceat(_values(fine, name), made.begins)
        return values[ours]

    def coarse_of(name: str) -> NDArray[np.float64]:
        return _values(coarse, name)[theirs]

    volume = coarse_of("volume")
    allowed = _EVIDENT * VOLUME_TOLERANCE * np.maximum(float(finer), volume)
    agree: Flags = (
        (_values(fine, "open")[first] == coarse_of("open"))
        & (made_of("high", np.maximum) == coarse_of("high"))
        & (made_of("low", np.minimum) == coarse_of("low"))
        & (_values(fine, "close")[last] == coarse_of("close"))
        & (made_of("trades", np.add) == coarse_of("trades"))
        & (np.abs(volume - made_of("volume", np.add)) <= allowed)
    )
    return agree


def _values(candles: pl.DataFrame, name: str) -> NDArray[np.float64]:
    column = candles[name]
    values: NDArray[np.float64] = (column.fill_null(_UNCOUNTED) if name == "trades" else column).to_numpy()
    return values
