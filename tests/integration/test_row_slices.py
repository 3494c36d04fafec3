"""Slices of rows: the same candles as looking at every row of the table, and hardly more read than that."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from deltalake import DeltaTable
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from kraken_core.domain.candles import FULL_SCHEMA, KEY, SCHEMA, chosen
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRanges
from kraken_core.stores.delta.store import DeltaStore
from kraken_core.stores.files import candle_files, row_slices
from kraken_core.stores.files.candle_files import ROW, CandleFiles
from tests.support.candle_frames import Row, frame
from tests.support.candle_tables import files_of_table, put, stage

A, B, C = (Series(Pair(base, "USD"), 1) for base in ("A", "B", "C"))
A_HOURS = Series(Pair("A", "USD"), 60)
SERIES = [A, B, C, A_HOURS]
SLOTS = 200


def never_stop() -> bool:
    return False


@pytest.fixture(autouse=True)
def _few_rows_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signposts, slices and searches come into play at sizes that tests can make."""
    for name, value in {"STEP": 4, "FEW": 12, "NEAR": 8, "MANY": 60}.items():
        monkeypatch.setattr(row_slices, name, value)


def looked_at_one_by_one(root: Path, ranges: dict[Series, TimeRanges]) -> pl.DataFrame:
    """Every row of every file of the table, those in the ranges taken."""
    uris = DeltaTable(root).file_uris()
    rows = [
        pl.read_parquet(uri, hive_partitioning=False).with_columns(
            pl.lit(int(Path(uri).parent.name.partition("=")[2]), pl.Int32).alias("interval_minutes")
        )
        for uri in uris
    ]
    table = pl.concat([pl.DataFrame(schema=SCHEMA), *(found.select(*SCHEMA) for found in rows)])
    inside = [
        (pl.col("pair") == str(series.pair))
        & (pl.col("interval_minutes") == series.interval)
        & pl.col("time").dt.epoch("s").is_between(start, end, closed="left")
        for series, found in ranges.items()
        for start, end in found
    ]
    return table.filter(pl.any_horizontal(pl.lit(value=False), *inside)).sort("pair", "interval_minutes", "time")


rows = st.builds(
    lambda series, start, length, value, rank: [Row(series, s, value, rank) for s in range(start, start + length)],
    st.sampled_from(SERIES),
    st.integers(0, SLOTS - 60),
    st.integers(1, 60),
    st.sampled_from([1.0, 2.0]),
    st.integers(1, 4),
)
batches = st.lists(rows, min_size=1, max_size=4).map(
    lambda runs: list({row[:2]: row for run in runs for row in run}.values())
)
selections = st.dictionaries(
    st.sampled_from(SERIES),
    st.lists(st.tuples(st.integers(0, SLOTS), st.integers(0, SLOTS)), min_size=1, max_size=3),
    min_size=1,
)
columns = st.sets(st.sampled_from(sorted(SCHEMA))).map(lambda names: tuple(chosen(names)))
compactions, restores = st.just("compact"), st.just("restore")


def of_slots(selected: dict[Series, list[tuple[int, int]]]) -> dict[Series, TimeRanges]:
    return {s: TimeRanges.of((a * s.width, b * s.width) for a, b in some) for s, some in selected.items()}


Look = tuple[dict[Series, list[tuple[int, int]]], tuple[str, ...]]
Change = list[Row] | str


def check_any_selection_of_any_history(history: list[Change], looks: list[Look]) -> None:
    with TemporaryDirectory() as folder:
        root = Path(folder) / "table"
        store = DeltaStore(root)
        for change in history:
            if isinstance(change, list):
                store.commit([stage(store, *batch) for batch in _by_interval(change)])
            elif change == "compact":
                store.compact(never_stop)
            else:
                store.restore(store.version // 2)
            for selected, names in looks:
                ranges = of_slots(selected)
                expected = looked_at_one_by_one(root, ranges).select(*names)
                assert_frame_equal(store.candles(ranges, names), expected)


def _by_interval(batch: list[Row]) -> list[list[Row]]:
    found = [[row for row in batch if row.series.interval == i] for i in (1, 60)]
    return [some for some in found if some]


looked_for = st.lists(st.tuples(selections, columns), min_size=1, max_size=3)


def batches_first(history: list[Change]) -> list[Change]:
    """A history begins with candles: nothing else can be done to a table that is not there."""
    first = next((at for at, change in enumerate(history) if isinstance(change, list)), None)
    return [] if first is None else history[first:]


changes: st.SearchStrategy[Change] = batches | compactions | restores
histories = st.lists(changes, min_size=1, max_size=5).map(batches_first)


@settings(max_examples=15)
@given(histories, looked_for)
def test_any_selection_is_what_looking_at_every_row_finds(history: list[Change], looks: list[Look]) -> None:
    check_any_selection_of_any_history(history, looks)


@pytest.mark.soak
@given(histories, looked_for)
def test_any_selection_is_what_looking_at_every_row_finds_thousands_of_times(
    history: list[Change], looks: list[Look]
) -> None:
    check_any_selection_of_any_history(history, looks)


class Watched:
    """What was read of files, slice by slice: how many rows, of which columns."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.slices: list[tuple[int, tuple[str, ...]]] = []
        self.searched = 0
        read, search = CandleFiles.slice, CandleFiles.rows

        def slice_(files: CandleFiles, path: str, begin: int, end: int, names: list[str]) -> pl.DataFrame:
            self.slices.append((end - begin, tuple(names)))
            return read(files, path, begin, end, names)

        def rows_(*args: object) -> pl.DataFrame:
            self.searched += 1
            return search(*args)  # type: ignore[arg-type]

        monkeypatch.setattr(CandleFiles, "slice", slice_)
        monkeypatch.setattr(CandleFiles, "rows", rows_)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    return Watched(monkeypatch)


@pytest.fixture
def store(tmp_path: Path) -> DeltaStore:
    """A hundred candles of each of three pairs in one file."""
    table = DeltaStore(tmp_path / "table")
    put(table, *(Row(series, slot) for series in (A, B, C) for slot in range(100)))
    return table


def window(series: Series, start: int, end: int) -> dict[Series, TimeRanges]:
    return {series: TimeRanges.single(start * series.width, end * series.width)}


def test_a_range_is_read_with_hardly_more_rows_than_it_has(store: DeltaStore, watched: Watched) -> None:
    store.candles(window(B, 50, 60))
    *_, (count, _) = watched.slices
    assert 10 <= count <= 10 + 2 * row_slices.STEP
    assert not watched.searched


def test_only_requested_columns_are_read_and_no_name_of_a_single_pair(store: DeltaStore, watched: Watched) -> None:
    found = store.candles(window(B, 50, 60), ["close"])
    assert watched.slices[-1][1] == ("time", "close")
    assert found.columns == ["pair", "interval_minutes", "time", "close"]
    assert found["pair"].unique().to_list() == ["B/USD"]


def test_signposts_are_read_once_whatever_is_read_afterwards(store: DeltaStore, watched: Watched) -> None:
    for start in (5, 30, 70):
        store.candles(window(A, start, start + 5))
    assert [names for _, names in watched.slices].count(("time",)) == 1
    assert watched.slices[0] == (100, ("time",))


def test_what_is_needed_whole_needs_no_signposts(store: DeltaStore, watched: Watched) -> None:
    assert store.candles(window(C, 0, 100)).height == 100
    assert [count for count, _ in watched.slices] == [100]


def test_what_is_needed_but_for_few_rows_needs_no_signposts(store: DeltaStore, watched: Watched) -> None:
    assert store.candles(window(C, 2, 95)).height == 93
    assert [count for count, _ in watched.slices] == [100]


def test_few_rows_of_many_are_looked_for_instead(tmp_path: Path, watched: Watched) -> None:
    table = DeltaStore(tmp_path / "table")
    some = [Series(Pair(f"X{number}", "USD"), 1) for number in range(12)]
    put(table, *(Row(series, slot * 100) for series in some for slot in range(12)))
    found = table.candles({series: TimeRanges.single(300 * 60, 301 * 60) for series in some})
    assert found["pair"].to_list() == sorted(str(series.pair) for series in some)
    assert watched.searched == 1
    assert not watched.slices


def test_a_file_that_another_tool_put_in_place_of_ours_is_read_row_by_row(
    store: DeltaStore, watched: Watched, tmp_path: Path
) -> None:
    [path] = (tmp_path / "table").glob("interval_minutes=1/*.parquet")
    pl.read_parquet(path, hive_partitioning=False).sort("time", descending=True).write_parquet(path)
    for selected in (window(B, 50, 60), window(C, 0, 100), window(A, 3, 5)):
        assert_frame_equal(store.candles(selected), looked_at_one_by_one(tmp_path / "table", selected))
    assert watched.searched == 3


def test_a_scan_is_lazy_and_reads_only_files_that_may_have_such_rows(store: DeltaStore) -> None:
    put(store, *(Row(A, slot) for slot in range(500, 510)))
    found = store.scan([A.pair, B.pair], (1, 60), TimeRanges.single(505 * 60, 900 * 60).hull)
    assert isinstance(found, pl.LazyFrame)
    assert found.explain().count("Parquet SCAN") == 1
    assert (
        found.select("pair", "time").collect().rows()
        == frame(Row(A, s) for s in range(505, 510)).select("pair", "time").rows()
    )


@pytest.mark.parametrize("vwap", [None, 1.5], ids=["without averages", "with averages"])
@pytest.mark.parametrize("columns", [SCHEMA, FULL_SCHEMA, (*KEY, ROW)], ids=["candles", "averages", "numbers"])
def test_a_small_file_that_is_read_whole_has_the_rows_that_a_scan_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vwap: float | None, columns: Collection[str]
) -> None:
    store = DeltaStore(tmp_path)
    file = stage(store, *(Row(series, slot, vwap=vwap) for series in (A, B) for slot in range(20)))
    wanted = {A: TimeRanges.of([(0, 300), (600, 900)]), C: TimeRanges.single(0, 300)}
    files = CandleFiles(store._files.place)
    whole = files.rows([file.path], wanted, columns)
    monkeypatch.setattr(candle_files, "SMALL", 0)
    assert_frame_equal(whole, files.rows([file.path], wanted, columns))
    assert whole.height == 10


def test_nothing_is_remembered_of_files_that_left_the_table(tmp_path: Path) -> None:
    """A commit a minute, merged every hour, is thousands of files a day."""
    store = DeltaStore(tmp_path / "table")
    for hour in range(3):
        for part in range(8):
            put(store, *(Row(series, 200 * hour + 25 * part + slot) for series in (A, B) for slot in range(25)))
            store.candles(window(B, 200 * hour + 25 * part + 3, 200 * hour + 25 * part + 9))
        assert store.compact(never_stop).merged
        store.candles(window(B, 3, 9))
    slices, table = store._slices, files_of_table(tmp_path / "table")
    assert slices._begins.keys() | {path for path, _ in slices._signposts} <= table
    assert slices._signposts
