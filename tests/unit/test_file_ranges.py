"""Rows of files in ranges: the same as asking every row, however the files lie."""

from __future__ import annotations

import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRanges
from kraken_core.stores.files.candle_files import CandleFiles
from kraken_core.stores.files.folder import LocalFolder
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


@settings(max_examples=10, deadline=None)
@given(
    st.sets(st.tuples(st.sampled_from(SERIES), st.integers(0, 30)), min_size=1, max_size=20),
    st.sets(st.sampled_from(SERIES), min_size=1),
)
def test_times_are_cut_from_a_file_as_its_spans_say(stored: set[tuple[Series, int]], asked: set[Series]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        files = CandleFiles(LocalFolder(Path(folder)))
        file = files.write(frame(Row(*row) for row in stored))
        pairs = {series.pair for series in asked} & file.spans.keys()
        found = dict(files.opens(file.path, 1, file.spans, pairs)) if pairs else {}
    wanted = {pair: [slot for series, slot in sorted(stored) if series.pair == pair] for pair in pairs}
    assert {pair: (times // 60_000_000).tolist() for pair, times in found.items()} == wanted


@pytest.mark.parametrize("columns", [["time"], ["pair", "time"]])
def test_times_of_a_file_that_another_tool_put_in_place_of_ours_are_sorted_first(
    tmp_path: Path, columns: list[str]
) -> None:
    files = CandleFiles(LocalFolder(tmp_path))
    file = files.write(frame(Row(series, slot) for series in SERIES for slot in (3, 7, 9)))
    ours = pl.read_parquet(tmp_path / file.path)
    ours.sort(columns, descending=True).write_parquet(tmp_path / file.path)
    found = files.opens(file.path, 1, file.spans, {series.pair for series in SERIES})
    assert {pair: (times // 60_000_000).tolist() for pair, times in found} == {s.pair: [3, 7, 9] for s in SERIES}
