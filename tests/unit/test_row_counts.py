"""Candles before an instant are as many as looking at each of them counts, however few of them are read."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kraken_core.domain.market import Pair, Series
from kraken_core.stores.files import row_counts
from kraken_core.stores.files.candle_files import CandleFiles
from kraken_core.stores.files.folder import LocalFolder
from kraken_core.stores.files.row_counts import rows_before
from tests.support.candle_frames import Row, frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

SERIES = [Series(Pair(name, "USD"), 1) for name in "ABC"]
MINUTE_US = 60_000_000
SLOTS = 60


def instants(slots: list[int]) -> NDArray[np.int64]:
    return np.array(slots, dtype=np.int64) * MINUTE_US


@pytest.fixture(autouse=True)
def _few_rows_are_far(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ends are read by themselves at sizes that tests can make."""
    monkeypatch.setattr(row_counts, "NEAR", 4)


@settings(max_examples=30, deadline=None)
@given(
    st.sets(st.tuples(st.sampled_from(SERIES), st.integers(0, SLOTS)), min_size=1, max_size=90),
    st.dictionaries(
        st.sampled_from(SERIES), st.lists(st.integers(-1, SLOTS + 1), min_size=1, max_size=4).map(sorted), min_size=1
    ),
)
def test_as_many_candles_lie_before_each_bound_as_looking_at_all_of_them_counts(
    stored: set[tuple[Series, int]], wanted: dict[Series, list[int]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        files = CandleFiles(LocalFolder(Path(folder)))
        file = files.write(frame(Row(*row) for row in stored))
        bounds = {series.pair: instants(slots) for series, slots in wanted.items() if series.pair in file.spans}
        found = rows_before(files, file.path, 1, file.spans, bounds) if bounds else {}
    slots = {pair: [slot for series, slot in stored if series.pair == pair] for pair in bounds}
    counted = {
        series.pair: [sum(slot < bound for slot in slots[series.pair]) for bound in wanted[series]]
        for series in wanted
        if series.pair in bounds
    }
    assert {pair: cuts.tolist() for pair, cuts in found.items()} == counted


def test_rows_far_from_bounds_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files, read = CandleFiles(LocalFolder(tmp_path)), []
    file = files.write(frame(Row(SERIES[0], slot) for slot in range(100)))
    whole = CandleFiles.slice

    def watched(self: CandleFiles, path: str, begin: int, end: int, columns: list[str]) -> pl.DataFrame:
        read.append((begin, end))
        return whole(self, path, begin, end, columns)

    monkeypatch.setattr(CandleFiles, "slice", watched)
    found = rows_before(files, file.path, 1, file.spans, {SERIES[0].pair: instants([3, 97])})
    assert found[SERIES[0].pair].tolist() == [3, 97]
    assert read == [(0, 3), (97, 100)]


def test_a_file_that_another_tool_put_in_place_of_ours_is_counted_row_by_row(tmp_path: Path) -> None:
    files = CandleFiles(LocalFolder(tmp_path))
    file = files.write(frame(Row(series, slot) for series in SERIES for slot in range(0, 60, 3)))
    pl.read_parquet(tmp_path / file.path).sort("time", descending=True).write_parquet(tmp_path / file.path)
    found = rows_before(files, file.path, 1, file.spans, {series.pair: instants([4, 55]) for series in SERIES})
    assert {pair: cuts.tolist() for pair, cuts in found.items()} == {s.pair: [2, 19] for s in SERIES}
