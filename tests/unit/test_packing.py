"""What the ledger packs comes out as it went in, to the bit."""

from __future__ import annotations

import struct

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.revisions import ALL_VISIBLE, SLOT
from kraken_core.domain.timerange import TimeRanges
from kraken_core.ledger.packing import (
    pack,
    pack_candles,
    pack_ranges,
    pack_sources,
    unpack,
    unpack_candles,
    unpack_ranges,
    unpack_sources,
)

PAIRS = {Pair("BTC", "USD"): 3, Pair("ETH", "EUR"): 1, Pair("ADA", "USD"): 200_000}
NUMBERS = st.integers(-(2**63), 2**63 - 1)
SERIES = st.builds(Series, st.sampled_from(list(PAIRS)), st.sampled_from(INTERVALS))
SLOTS = st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 100)), max_size=4)
RANGES = st.dictionaries(SERIES, SLOTS.map(lambda found: [(first, first + count) for first, count in found]))
CANDLE = st.tuples(
    *[st.floats(allow_nan=False) | st.sampled_from([0.0, -0.0])] * 5,
    st.none() | st.integers(0, 2**31 - 1),
    st.sampled_from(["csv", "ohlc", "a word of others"]),
    st.none() | st.floats(allow_nan=False),
)


def ranged(found: dict[Series, list[tuple[int, int]]]) -> dict[Series, TimeRanges]:
    by_series = {s: TimeRanges.of((a * s.width, b * s.width) for a, b in spans) for s, spans in found.items()}
    return {series: ranges for series, ranges in by_series.items() if ranges}


def names(chosen: set[Series]) -> dict[tuple[int, int], Series]:
    return {(PAIRS[series.pair], series.interval): series for series in chosen}


def candles(rows: dict[tuple[Series, int], tuple[object, ...]]) -> pl.DataFrame:
    records = [
        (str(series.pair), series.interval, slot * series.width * 1_000_000, *values)
        for (series, slot), values in rows.items()
    ]
    found = pl.DataFrame(records, {**ALL_VISIBLE, "time": pl.Int64}, orient="row").cast({"time": ALL_VISIBLE["time"]})
    return found.sort(SLOT)


def bits(candles: pl.DataFrame) -> list[tuple[object, ...]]:
    return [tuple(struct.pack("d", v) if isinstance(v, float) else v for v in row) for row in candles.iter_rows()]


@given(st.integers(0, 5).flatmap(lambda rows: st.lists(st.lists(NUMBERS, min_size=rows, max_size=rows), min_size=1)))
def test_whole_numbers_are_unpacked_as_they_were(columns: list[list[int]]) -> None:
    packed = pack([np.array(column, dtype=np.int64) for column in columns])
    assert unpack(packed, len(columns)).tolist() == columns


@given(RANGES, st.sets(SERIES))
def test_ranges_are_unpacked_of_the_series_that_are_named(
    found: dict[Series, list[tuple[int, int]]], chosen: set[Series]
) -> None:
    ranges = ranged(found)
    expected = {series: of_series for series, of_series in ranges.items() if series in chosen}
    assert unpack_ranges(pack_ranges(ranges, PAIRS), names(chosen)) == expected
    sources = {"csv": ranges, "ohlc": ranges}
    expected_sources = dict.fromkeys(sources, expected) if expected else {}
    assert unpack_sources(pack_sources(sources, PAIRS), names(chosen)) == expected_sources


@given(st.dictionaries(st.tuples(SERIES, st.integers(0, 10**6)), CANDLE, min_size=1), st.sets(SERIES))
def test_candles_are_unpacked_to_the_bit_of_the_series_that_are_named(
    rows: dict[tuple[Series, int], tuple[object, ...]], chosen: set[Series]
) -> None:
    packed = pack_candles(candles(rows), PAIRS)
    every = unpack_candles(packed, names({series for series, _ in rows}))
    some = unpack_candles(packed, names(chosen))
    assert every.schema == some.schema == ALL_VISIBLE
    assert bits(every) == bits(candles(rows))
    assert bits(some) == bits(candles({key: row for key, row in rows.items() if key[0] in chosen}))


def test_candles_without_an_average_are_packed_as_before_there_were_any() -> None:
    values: tuple[object, ...] = (1.0, 2.0, 0.5, 1.5, 3.0, 7, "csv", None)
    rows = {(Series(Pair("BTC", "USD"), 60), slot): values for slot in range(3)}
    assert pack_candles(candles(rows), PAIRS).startswith(b'["csv"]\n')
