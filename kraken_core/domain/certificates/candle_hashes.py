"""Hashes of candles by series and calendar month: the same wherever and however the candles are stored.

Hashed are values, in bytes that docs/guide/certificates.md defines so that anybody can compute them anew. ``source``
and ``rank`` are not among them: which of two equal sources came first is no property of a candle.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl

from kraken_core.domain.candles import PRICES
from kraken_core.domain.certificates.locators import LOCATOR_BYTES, Stretches, locators, parts_of
from kraken_core.domain.market import Pair, Series

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

HASHED = ("pair", "interval_minutes", "time", *PRICES, "volume", "trades")
TRADES_UNKNOWN = -1  # how null is written: no candle has fewer than no trades
_DOMAIN = "kraken-history candles 1"
_US = 1_000_000
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - only counted from
_DAY_US = 86_400 * _US


class MonthHash(NamedTuple):
    """The candles of a series in one calendar month (UTC): ``month`` as 2024-03, how many, and the hash of them.

    ``locators`` (base64) tell where in the month a candle differs: see :mod:`kraken_core.domain.certificates.locators`.
    """

    month: str
    candles: int
    sha256: str
    locators: str

    def same(self, other: MonthHash | None) -> bool:
        """Whether the candles are the same: by their hash alone, whatever the locators."""
        return other is not None and self[:3] == other[:3]


class _Block(NamedTuple):
    """Rows ``begin`` up to ``end`` of a frame: the candles of a pair in a month, counted from 1970-01."""

    pair: str
    month: int
    begin: int
    end: int


def month_hashes(candles: pl.DataFrame, interval: int) -> dict[Series, list[MonthHash]]:
    """The months of candles of one interval (columns of HASHED), which are sorted by pair and time."""
    columns = _columns(candles.rechunk())
    times = columns[0]
    blocks = list(_blocks(candles["pair"], times))
    begins, ends, months = (np.array([block[i] for block in blocks], dtype=np.int64) for i in (2, 3, 1))
    starts = _month_starts(months)
    counts = parts_of((_month_starts(months + 1) - starts) // _DAY_US, interval, ends - begins)
    found = locators(columns, Stretches(begins, ends, starts, counts), interval * 60 * _US).tobytes()
    result: dict[Series, list[MonthHash]] = {}
    offset = 0
    for block, count in zip(blocks, counts.tolist(), strict=True):
        name, behind = month_name(block.month), offset + count * LOCATOR_BYTES
        digest = hashlib.sha256(f"{_DOMAIN}\n{block.pair}\n{interval}\n{name}\n{block.end - block.begin}\n".encode())
        for column in columns:
            digest.update(column[block.begin : block.end].data)
        located = base64.b64encode(found[offset:behind]).decode()
        offset = behind
        hashed = MonthHash(name, block.end - block.begin, digest.hexdigest(), located)
        result.setdefault(Series(Pair.stored(block.pair), interval), []).append(hashed)
    return result


@cache
def month_name(month: int) -> str:
    """A month, counted from 1970-01, as 2024-03."""
    return f"{1970 + month // 12:04d}-{month % 12 + 1:02d}"


def month_of(instant: int) -> int:
    """The month of an instant (epoch seconds), counted from 1970-01."""
    day = _EPOCH + timedelta(seconds=instant)
    return (day.year - 1970) * 12 + day.month - 1


@cache
def month_start(month: int) -> int:
    """When a month begins, epoch seconds."""
    return int(np.datetime64(month, "M").astype("M8[s]").astype(np.int64))


@cache
def month_number(name: str) -> int:
    """The month that :func:`month_name` wrote. Raises ValueError."""
    year, month = map(int, name.split("-"))
    if month_name(number := year * 12 + month - 1 - 1970 * 12) != name:
        raise ValueError(name)
    return number


def _columns(candles: pl.DataFrame) -> list[NDArray[Any]]:
    """What is hashed, column by column: times in microseconds, prices and volume, trades; all little-endian."""
    values = [_canonical(candles[name].to_numpy()) for name in (*PRICES, "volume")]
    times = np.ascontiguousarray(candles["time"].to_physical().to_numpy(), dtype="<i8")
    trades = np.ascontiguousarray(candles["trades"].fill_null(TRADES_UNKNOWN).to_numpy(), dtype="<i4")
    return [times, *values, trades]


def _canonical(values: NDArray[Any]) -> NDArray[Any]:
    """Doubles in their one form: minus zero is zero, and all that is no number is the one quiet NaN."""
    plain: NDArray[Any] = np.add(values, 0.0, dtype="<f8")
    unknown = np.isnan(plain)
    if unknown.any():
        plain[unknown] = np.nan
    return plain


def _blocks(pairs: pl.Series, times: Ints) -> Iterator[_Block]:
    runs = pairs.rle().struct.unnest()
    begin = 0
    for pair, length in zip(runs["value"].to_list(), runs["len"].to_list(), strict=True):
        of_pair = times[begin : begin + length]
        first, last = (month_of(int(at) // _US) for at in (of_pair[0], of_pair[-1]))
        cuts = of_pair.searchsorted(_month_starts(np.arange(first, last + 2, dtype=np.int64))).tolist()
        for number, (cut, behind) in enumerate(pairwise(cuts)):
            if cut < behind:
                yield _Block(pair, first + number, begin + cut, begin + behind)
        begin += length


def _month_starts(months: Ints) -> Ints:
    """When months begin, in microseconds."""
    starts: Ints = months.astype("M8[M]").astype("M8[us]").astype(np.int64)
    return starts
