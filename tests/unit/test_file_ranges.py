"""Rows of files in ranges: the same as asking every row, however the files lie."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRanges
from kraken_core.stores.files.ranges import in_ranges
from tests.support.candle_frames import Row, frame

SERIES = [Series(Pair(base, "USD"), 1) for base in ("A", "B", "C")]
rows = st.lists(st.tuples(st.sampled_from(SERIES), st.integers(0, 30)), max_size=20)
spans = st.just([(0, 31)]) | st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=4)


@given(st.lists(rows, max_size=3), st.fixed_dictionaries(dict.fromkeys(SERIES, spans)), st.booleans())
def test_rows_are_those_inside_the_ranges_of_their_series_sorted(
    files: list[list[tuple[Series, int]]],
    chosen: dict[Series, list[tuple[int, int]]],
    foreign: bool,
) -> None:
    ranges = {series: TimeRanges.of((a * 60, b * 60) for a, b in some) for series, some in chosen.items()}
    lying = pl.concat([frame([]), *(frame(Row(*row) for row in file) for file in files)])
    if foreign:  # another tool need not sort what it writes
        lying = lying.sort("time", descending=True)
    found = in_ranges(lying, ranges, 1)
    wanted = [
        Row(series, slot) for file in files for series, slot in file if slot * 60 in ranges.get(series, TimeRanges())
    ]
    assert found.select("pair", "time").rows() == frame(wanted).select("pair", "time").rows()
