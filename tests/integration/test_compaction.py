"""Compaction: what the table holds never changes, whatever happens while its small files are merged."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable
from hypothesis import given, settings
from hypothesis import strategies as st

from kraken_core.domain.candles import Source
from kraken_core.domain.errors import CommitConflictError, StoreError
from kraken_core.domain.market import Pair
from kraken_core.ports import CandleSpan, Compaction, Fragmentation, Maintainable, StagedFile, never_stop
from kraken_core.stores.delta import compaction
from kraken_core.stores.delta.compaction import Group, groups, merge
from kraken_core.stores.delta.index import FileIndex
from kraken_core.stores.delta.log import DeltaLog
from kraken_core.stores.delta.store import DeltaStore
from kraken_core.stores.files.candle_files import CandleFiles
from kraken_core.stores.files.folder import LocalFolder
from kraken_core.stores.files.table_form import CANDLE_TABLE
from tests.support.candle_frames import Row, frame
from tests.support.candle_tables import ALL, BTC, BTC_MINUTES, ETH, files_of_table, files_on_disk, held, put, stage

ROWS_A_FILE = 12


@pytest.fixture(scope="module", autouse=True)
def _little_files() -> Iterator[None]:
    """Full files hold a dozen rows here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compaction, "ROWS_A_FILE", ROWS_A_FILE)
        patch.setattr(compaction, "SMALL", ROWS_A_FILE // 2)
        patch.setattr(compaction, "FEWEST", 3)
        yield


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "candles"


@pytest.fixture
def scattered(root: Path) -> DeltaStore:
    """A table of three candles in three files."""
    store = DeltaStore(root)
    for slot in (3, 1, 2):
        put(store, Row(BTC, slot))
    return store


THREE = [Row(BTC, slot) for slot in (1, 2, 3)]


def dying_at(point: str) -> Callable[[str], None]:
    def reached(name: str) -> None:
        if name == point:
            raise SystemExit(point)

    return reached


# ------------------------------------------------------------------------------------------------------ what it does


def test_many_small_files_become_few_and_hold_the_same(root: Path) -> None:
    store = DeltaStore(root)
    for slot in range(40):
        put(store, Row(BTC, slot), Row(ETH, slot))
    before = held(root)
    assert store.compact(never_stop) == Compaction(files=40, merged=7, candles=80)
    assert len(files_of_table(root)) == 7
    assert held(root) == before
    assert store.verify().damages == ()


def test_fragmentation_tells_what_compaction_will_do_and_what_it_needs(root: Path, scattered: DeltaStore) -> None:
    put(scattered, Row(BTC_MINUTES, 1))
    small = sum((root / path).stat().st_size for path in files_of_table(root) if "=60/" in path)
    assert DeltaStore(root).fragmentation() == [Fragmentation(interval=60, files=3, size=small)]
    assert scattered.compact(never_stop) == Compaction(files=3, merged=1, candles=3)
    assert scattered.fragmentation() == []
    version = scattered.version
    assert scattered.compact(never_stop) == Compaction()
    assert scattered.version == version


def test_a_table_that_does_not_exist_wants_no_compaction(root: Path) -> None:
    store: Maintainable = DeltaStore(root)
    assert store.fragmentation() == []
    assert store.compact(never_stop) == Compaction()
    assert not root.exists()


def test_a_compaction_is_a_commit_that_changes_no_data(root: Path, scattered: DeltaStore) -> None:
    scattered.compact(never_stop)
    table = DeltaTable(root)
    assert table.transaction_version(CANDLE_TABLE.application) == 4
    entry = (root / "_delta_log" / f"{table.version():020d}.json").read_text(encoding="utf-8")
    actions = [json.loads(line) for line in entry.splitlines()]
    files = [action.get("add") or action.get("remove") for action in actions if action.keys() & {"add", "remove"}]
    assert [file["dataChange"] for file in files] == [False] * 4


def test_the_log_is_checkpointed_after_a_compaction(root: Path, scattered: DeltaStore) -> None:
    scattered.compact(never_stop)
    last = json.loads((root / "_delta_log" / "_last_checkpoint").read_text(encoding="utf-8"))
    assert last["version"] == scattered.version


def test_the_files_merged_stay_on_disk_for_who_still_reads_them(root: Path, scattered: DeltaStore) -> None:
    before = files_of_table(root)
    scattered.compact(never_stop)
    assert files_on_disk(root) == files_of_table(root) | before


def test_it_ends_between_two_merges_when_asked_to_stop(root: Path, scattered: DeltaStore) -> None:
    for slot in (1, 2, 3):
        put(scattered, Row(BTC_MINUTES, slot))
    answers = iter([False, True])
    assert scattered.compact(lambda: next(answers)).merged == 1
    assert len(files_of_table(root)) == 4
    assert scattered.compact(never_stop).merged == 1
    assert len(files_of_table(root)) == 2


# ----------------------------------------------------------------------------------------------- any history at all

ROWS = st.builds(
    Row,
    st.sampled_from([BTC, ETH]),
    st.integers(0, 9),
    st.sampled_from([1.0, 2.0]),
    st.integers(1, 4),
    st.sampled_from(["csv", "derived"]),
)
BATCH = st.lists(ROWS, min_size=1, max_size=6, unique_by=lambda row: row[:2])
COMPACT = st.none()


@settings(max_examples=8)
@given(history=st.lists(BATCH | COMPACT, max_size=9))
def test_compactions_anywhere_in_a_history_change_nothing_but_the_files(history: list[list[Row] | None]) -> None:
    with TemporaryDirectory() as folder:
        compacted, plain = DeltaStore(Path(folder) / "compacted"), DeltaStore(Path(folder) / "plain")
        for batch in [*history, None]:
            before = compacted.version
            if batch is None:
                merged = compacted.compact(never_stop).merged
                assert compacted.version == before + merged
            else:
                assert compacted.commit([stage(compacted, *batch)]) == plain.commit([stage(plain, *batch)])
            assert compacted.candles(ALL).equals(plain.candles(ALL))
        assert compacted.verify().damages == ()


# ---------------------------------------------------------------------------------------------------------- crashes


@pytest.mark.parametrize(
    "point", ["table.stage.before", "table.stage.after", "table.commit.before", "table.commit.after"]
)
def test_a_crash_at_any_point_of_a_compaction_loses_nothing(
    point: str, root: Path, scattered: DeltaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("files.candle_files", "delta.log"):
        monkeypatch.setattr(f"kraken_core.stores.{module}.reached", dying_at(point))
    with pytest.raises(SystemExit, match=point):
        scattered.compact(never_stop)
    monkeypatch.undo()
    assert held(root) == THREE
    again = DeltaStore(root)
    again.compact(never_stop)
    assert held(root) == THREE
    assert len(files_of_table(root)) == 1
    assert again.verify().damages == ()


# ------------------------------------------------------------------------------------------------------------ races


@pytest.fixture
def before_landing(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets the given actions happen one by one, each right before a compaction's commit."""

    def intrude(*actions: Callable[[], object]) -> None:
        waiting = list(actions)
        original = DeltaLog.commit

        def commit(*args: Any, **kwargs: Any) -> None:
            if waiting and kwargs:  # only a compaction says whether it changes data
                waiting.pop(0)()
            original(*args, **kwargs)

        monkeypatch.setattr(DeltaLog, "commit", commit)

    return intrude


def test_a_merge_is_dropped_when_one_of_its_files_was_replaced_meanwhile_and_the_others_go_on(
    root: Path, scattered: DeltaStore, before_landing: Callable[..., None]
) -> None:
    for slot in range(3):
        put(scattered, Row(BTC_MINUTES, slot))
    before_landing(lambda: None, lambda: put(DeltaStore(root), Row(BTC, 2, value=2, rank=2)))
    on_disk = files_on_disk(root)
    assert scattered.compact(never_stop) == Compaction(files=3, merged=1, candles=3, overtaken=1)
    expected = [Row(BTC_MINUTES, slot) for slot in range(3)] + [Row(BTC, 1), Row(BTC, 2, 2, rank=2), Row(BTC, 3)]
    assert held(root) == expected
    assert files_on_disk(root) == on_disk | files_of_table(root)
    assert scattered.compact(never_stop) == Compaction(files=3, merged=1, candles=3)
    assert held(root) == expected


def test_a_merge_lands_behind_a_commit_that_left_its_files_alone(
    root: Path, scattered: DeltaStore, before_landing: Callable[..., None]
) -> None:
    before_landing(lambda: put(DeltaStore(root), Row(BTC, 4)))
    assert scattered.compact(never_stop) == Compaction(files=3, merged=1, candles=3)
    assert held(root) == [*THREE, Row(BTC, 4)]
    assert len(files_of_table(root)) == 2


def test_a_merge_that_is_overtaken_again_and_again_is_given_up(
    root: Path, scattered: DeltaStore, before_landing: Callable[..., None]
) -> None:
    before_landing(*(lambda slot=slot: put(DeltaStore(root), Row(ETH, slot)) for slot in range(3)))
    assert scattered.compact(never_stop) == Compaction(overtaken=1)
    assert held(root) == [*THREE, *(Row(ETH, slot) for slot in range(3))]
    assert files_on_disk(root) == files_of_table(root)


def test_a_merge_whose_answer_was_lost_is_in_the_table_all_the_same(
    root: Path, scattered: DeltaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = DeltaLog.commit

    def lose_the_answer(*args: Any, **kwargs: Any) -> None:
        monkeypatch.undo()
        monkeypatch.setattr("kraken_core.stores.delta.maintenance._TRIES", 1)
        original(*args, **kwargs)
        raise CommitConflictError("the answer was lost")

    monkeypatch.setattr(DeltaLog, "commit", lose_the_answer)
    monkeypatch.setattr("kraken_core.stores.delta.maintenance._TRIES", 1)
    assert scattered.compact(never_stop) == Compaction(files=3, merged=1, candles=3)
    assert held(root) == THREE


def test_two_compactions_at_once_merge_every_file_once(
    root: Path, scattered: DeltaStore, before_landing: Callable[..., None]
) -> None:
    other = DeltaStore(root)
    done: list[Compaction] = []
    before_landing(lambda: done.append(other.compact(never_stop)))
    done.append(scattered.compact(never_stop))
    assert done == [Compaction(files=3, merged=1, candles=3), Compaction(overtaken=1)]
    assert held(root) == THREE


# ------------------------------------------------------------------------------------------------------------ proof

FAULTS = {
    "a row lost": lambda candles: candles.head(-1),
    "a row more": lambda candles: pl.concat([candles, frame([Row(BTC, 9)])], how="diagonal"),
    "a price changed": lambda candles: candles.with_columns(close=pl.col("close") + 1e-12),
    "two columns swapped": lambda candles: candles.with_columns(high=pl.col("low"), low=pl.col("high")),
    "a value unknown": lambda candles: candles.with_columns(trades=pl.lit(None, pl.Int32)),
    "another source": lambda candles: candles.with_columns(source=pl.lit(Source.OHLC.value)),
    "a rank changed": lambda candles: candles.with_columns(rank=pl.col("rank") + 1),
    "values of two rows swapped": lambda candles: candles.with_columns(volume=pl.col("volume").reverse()),
    "times moved": lambda candles: candles.with_columns(time=pl.col("time") + pl.duration(hours=1)),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_merge_that_is_not_proven_equal_never_joins_the_table(
    fault: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = DeltaStore(root)
    for slot in (3, 1, 2):
        candles = frame([Row(BTC, slot, value=slot)]).with_columns(high=pl.lit(9.0))
        store.commit([store.stage(candles)])
    before, version, on_disk = store.candles(ALL), store.version, files_on_disk(root)
    original = CandleFiles.write
    monkeypatch.setattr(CandleFiles, "write", lambda self, candles: original(self, FAULTS[fault](candles)))
    with pytest.raises(StoreError, match="gave other candles") as refused:
        store.compact(never_stop)
    assert "\n" not in str(refused.value)
    assert store.version == version
    assert store.candles(ALL).equals(before)
    assert files_on_disk(root) == on_disk


def test_what_is_proven_is_read_back_from_disk(root: Path, scattered: DeltaStore) -> None:
    class LyingDisk(CandleFiles):
        def write(self, candles: pl.DataFrame) -> StagedFile:
            staged = super().write(candles)
            candles.with_columns(pl.lit(2.0).alias("close")).write_parquet(self.place.at(staged.path))
            return staged

    group = Group(60, tuple(files_of_table(root)))
    with pytest.raises(StoreError, match="its content is not what was written"):
        merge(LyingDisk(LocalFolder(root)), group)
    assert files_on_disk(root) == set(group.paths)
    assert held(root) == THREE


# -------------------------------------------------------------------------------------------------- which are merged


def file_of(rows: int, first: int) -> dict[Pair, CandleSpan]:
    return {BTC.pair: CandleSpan(first, first + rows, rows)}


@given(sizes=st.lists(st.tuples(st.sampled_from([1, 60]), st.integers(1, 20), st.integers(0, 50)), max_size=40))
def test_no_group_outgrows_a_file_or_mixes_intervals_or_takes_full_files(sizes: list[tuple[int, int, int]]) -> None:
    index = FileIndex()
    for number, (interval, rows, first) in enumerate(sizes):
        index.add(str(number), interval, file_of(rows, first))
    chosen = list(groups(index))
    taken = [path for group in chosen for path in group.paths]
    assert len(taken) == len(set(taken))
    for group in chosen:
        assert len(group.paths) >= 2
        assert {index.interval(path) for path in group.paths} == {group.interval}
        assert all(index.candles(path) < ROWS_A_FILE // 2 for path in group.paths)
        assert sum(index.candles(path) for path in group.paths) <= ROWS_A_FILE
    for interval in (1, 60):  # what is left could not be merged into full files
        left = {path for path in index.paths - set(taken) if index.interval(path) == interval}
        assert sum(index.candles(path) for path in left if index.candles(path) < ROWS_A_FILE // 2) <= ROWS_A_FILE


def test_a_row_is_rewritten_a_few_times_only_however_many_files_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "ROWS_A_FILE", 100_000)
    monkeypatch.setattr(compaction, "SMALL", 50_000)
    index, arrivals, rewritten, most_files = FileIndex(), 1024, 0, 0
    for number in range(arrivals):
        index.add(str(number), 60, file_of(1, number))
        for group in list(groups(index)):
            rows = sum(index.candles(path) for path in group.paths)
            for path in group.paths:
                index.discard(path)
            index.add(f"merged at {number}", 60, file_of(rows, 0))
            rewritten += rows
        most_files = max(most_files, len(index.paths))
    assert rewritten <= arrivals * 10  # log2 of 1024
    assert most_files <= 13
