"""Where the series of a file lie, in the file's own footer, so that this is known without reading it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from kraken_core.domain.errors import StoreError
from kraken_core.domain.market import Pair
from kraken_core.ports import CandleSpan

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

FOOTER_KEY = "kraken.spans"  # JSON {"BTC/USD": [first, last, candles]}, see Span
VWAP_KEY = "kraken.vwap"  # there where a file has the column
US = 1_000_000  # microseconds a second


def spans_of(candles: pl.DataFrame) -> dict[Pair, CandleSpan]:
    """The span of each pair; refuses candles that are not sorted and unique, which would corrupt the table."""
    runs = candles["pair"].rle().struct.unnest()
    names, sizes = runs["value"].to_list(), runs["len"].to_numpy().astype(np.int64)
    times = times_of(candles)
    ends = sizes.cumsum()
    firsts, lasts = times[ends - sizes], times[ends - 1]
    # Time may stay or step back only where a pair ends and the next one begins.
    steps_back, at_ends = np.count_nonzero(times[1:] <= times[:-1]), np.count_nonzero(firsts[1:] <= lasts[:-1])
    if steps_back != at_ends or any(after < before for before, after in pairwise(names)):
        raise StoreError("Candles to be stored must be sorted by pair and time, each slot once; nothing was written.")
    spans = zip(names, *(values.tolist() for values in (firsts // US, lasts // US, sizes)), strict=True)
    return {pair_of(name): CandleSpan(first, last, count) for name, first, last, count in spans}


def times_of(candles: pl.DataFrame) -> Ints:
    """When candles open, in microseconds, as they lie in memory: a cast, however cheap, would be a query of its own."""
    times: Ints = candles["time"].to_numpy().view(np.int64)
    return times


def spans_of_unsorted(candles: pl.LazyFrame) -> dict[Pair, CandleSpan]:
    """The span of each pair in a file that another tool wrote."""
    seconds = pl.col("time").to_physical() // US
    spans = candles.group_by("pair").agg(seconds.min().alias("first"), seconds.max().alias("last"), pl.len()).collect()
    return {pair_of(name): CandleSpan(*span) for name, *span in spans.iter_rows()}


class FileFooter(NamedTuple):
    """What a file contains: where the series lie, and whether it has averages."""

    spans: Mapping[Pair, CandleSpan]
    has_vwap: bool = False


def to_footer(spans: Mapping[Pair, CandleSpan], *, has_vwap: bool = False) -> dict[str, str]:
    """What to write into a file's footer."""
    noted = {VWAP_KEY: "true"} if has_vwap else {}
    return {FOOTER_KEY: json.dumps({str(pair): span for pair, span in spans.items()}), **noted}


def from_footer(footer: Mapping[str, str]) -> FileFooter | None:
    """What :func:`to_footer` wrote; None where another tool wrote the file."""
    if FOOTER_KEY not in footer:
        return None
    spans = {pair_of(name): CandleSpan(*span) for name, span in json.loads(footer[FOOTER_KEY]).items()}
    return FileFooter(spans, has_vwap=VWAP_KEY in footer)


@cache
def pair_of(name: str) -> Pair:
    """The pair that a candle's ``pair`` column names."""
    return Pair.stored(name)
