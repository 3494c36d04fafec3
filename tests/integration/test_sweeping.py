"""Sweeping: what no version of the table needs is deleted in time, and nothing else ever."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from deltalake import DeltaTable
from hypothesis import given, settings
from hypothesis import strategies as st

from kraken_core.ports import Vacuumed
from kraken_core.stores.delta import compaction
from kraken_core.stores.delta.store import DeltaStore
from kraken_core.stores.files.folder import LocalFolder
from tests.support.candle_frames import Row
from tests.support.candle_tables import BTC, ETH, files_of_table, files_on_disk, held, put, stage

HOUR = 3600
DAY = 24 * HOUR
NOW = int(time.time())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "candles"


@pytest.fixture
def store(root: Path) -> DeltaStore:
    store = DeltaStore(root)
    put(store, Row(BTC, 1), Row(BTC, 2))
    return store


def age(paths: Iterable[Path], seconds: int) -> None:
    for path in paths:
        os.utime(path, (NOW - seconds, NOW - seconds))


def test_what_was_never_committed_is_deleted_when_it_is_a_day_old_and_not_before(root: Path, store: DeltaStore) -> None:
    staged = stage(store, Row(BTC, 3))
    age([root / staged.path], DAY - HOUR)
    assert store.vacuum(NOW) == Vacuumed()
    age([root / staged.path], DAY + HOUR)
    assert store.vacuum(NOW) == Vacuumed(files=1, size=staged.size)
    assert files_on_disk(root) == files_of_table(root)


def test_files_of_the_table_are_kept_however_old_they_are(root: Path, store: DeltaStore) -> None:
    age([root / path for path in files_of_table(root)], 999 * DAY)
    assert store.vacuum(NOW) == Vacuumed()
    assert store.vacuum(NOW + 999 * DAY) == Vacuumed()
    assert held(root) == [Row(BTC, 1), Row(BTC, 2)]


def test_what_left_the_table_is_kept_for_a_week_however_old_it_is(root: Path, store: DeltaStore) -> None:
    [left] = files_of_table(root)
    age([root / left], 99 * DAY)
    put(store, Row(BTC, 1, value=2, rank=2))
    assert store.vacuum(NOW + 6 * DAY) == Vacuumed()
    assert store.vacuum(NOW + 8 * DAY).files == 1
    assert left not in files_on_disk(root)
    assert files_on_disk(root) == files_of_table(root)


def test_what_another_tool_took_out_of_the_table_is_kept_for_a_week_too(root: Path, store: DeltaStore) -> None:
    put(store, Row(BTC, 3))
    ours = files_of_table(root)
    DeltaTable(root).optimize.compact()
    age([root / path for path in ours], 99 * DAY)
    assert store.vacuum(NOW + 6 * DAY) == Vacuumed()
    assert store.vacuum(NOW + 8 * DAY).files == 2
    assert held(root) == [Row(BTC, slot) for slot in (1, 2, 3)]


def test_the_week_is_remembered_when_the_log_is_checkpointed(root: Path, store: DeltaStore) -> None:
    put(store, Row(BTC, 1, value=2, rank=2))
    age(root.glob("*/*.parquet"), 99 * DAY)
    DeltaTable(root).create_checkpoint()
    assert DeltaStore(root).vacuum(NOW) == Vacuumed()


def test_of_the_log_only_what_was_written_within_the_week_is_read(
    root: Path, store: DeltaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit a minute is ten thousand entries a week, and they are looked through every hour."""
    age((root / "_delta_log").glob("*.json"), 8 * DAY)
    earlier = {path.name for path in (root / "_delta_log").glob("*.json")}
    put(store, Row(BTC, 1, value=2, rank=2))
    age(root.glob("*/*.parquet"), 99 * DAY)
    read, text = set(), LocalFolder.text

    def noted(place: LocalFolder, path: str) -> str:
        read.add(Path(path).name)
        return text(place, path)

    monkeypatch.setattr(LocalFolder, "text", noted)
    assert store.vacuum(NOW) == Vacuumed()
    assert read
    assert not earlier & read


@pytest.mark.parametrize(
    "name",
    [
        "interval_minutes=60/notes.parquet",
        "interval_minutes=60/part-00000-0b0c9a3e.zstd.parquet",
        f"interval_minutes=60/{'a' * 32}.parquet.bak",
        f"interval_minutes=60/deeper/{'a' * 32}.parquet",
        f"elsewhere/{'a' * 32}.parquet",
        f"_delta_log/{'a' * 32}.parquet",
        f"{'a' * 32}.parquet",
    ],
)
def test_files_that_we_did_not_write_are_never_touched(name: str, root: Path, store: DeltaStore) -> None:
    foreign = root / name
    foreign.parent.mkdir(parents=True, exist_ok=True)
    foreign.write_bytes(b"somebody's")
    age([foreign], 99 * DAY)
    assert store.vacuum(NOW) == Vacuumed()
    assert foreign.read_bytes() == b"somebody's"


def test_links_and_folders_are_never_touched(root: Path, store: DeltaStore, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere.parquet"
    target.write_bytes(b"somebody's")
    link, folder = (root / f"interval_minutes=60/{letter * 32}.parquet" for letter in "ab")
    link.symlink_to(target)
    folder.mkdir()
    for path in (target, folder):
        age([path], 99 * DAY)
    os.utime(link, (NOW - 99 * DAY, NOW - 99 * DAY), follow_symlinks=False)
    assert store.vacuum(NOW) == Vacuumed()
    assert link.is_symlink()
    assert folder.is_dir()
    assert target.exists()


def test_nothing_is_deleted_where_the_log_is_gone(root: Path, store: DeltaStore) -> None:
    age(root.glob("*/*.parquet"), 99 * DAY)
    (root / "_delta_log").rename(root / "_delta_log.lost")
    for handle in (store, DeltaStore(root)):
        assert handle.vacuum(NOW) == Vacuumed()
    (root / "_delta_log.lost").rename(root / "_delta_log")
    assert held(root) == [Row(BTC, 1), Row(BTC, 2)]


def test_a_crash_while_sweeping_leaves_the_rest_for_the_next_time(
    root: Path, store: DeltaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for slot in range(3):
        stage(store, Row(ETH, slot))
    age(root.glob("*/*.parquet"), 2 * DAY)
    visits = iter([None, None, SystemExit()])

    def reached(_: str) -> None:
        if isinstance(visit := next(visits), BaseException):
            raise visit

    monkeypatch.setattr("kraken_core.stores.files.candle_files.reached", reached)
    with pytest.raises(SystemExit):
        store.vacuum(NOW)
    monkeypatch.undo()
    assert len(files_on_disk(root)) == 2
    assert DeltaStore(root).vacuum(NOW).files == 1
    assert held(root) == [Row(BTC, 1), Row(BTC, 2)]


def test_entries_of_the_log_are_forgotten_when_they_are_old_and_a_checkpoint_stands_for_them(
    root: Path, store: DeltaStore
) -> None:
    for slot in range(25):
        put(store, Row(ETH, slot))
    log = root / "_delta_log"
    expected = held(root)
    age((path for path in log.iterdir() if path.name[:20].isdigit()), 40 * DAY)
    fresh = DeltaStore(root)
    assert fresh.vacuum(NOW) == Vacuumed()
    assert not (log / f"{1:020d}.json").exists()
    for handle in (store, fresh, DeltaStore(root)):
        assert handle.version == 26
    assert held(root) == expected
    put(store, Row(ETH, 99))
    put(fresh, Row(ETH, 100))
    assert held(root) == [*expected, Row(ETH, 99), Row(ETH, 100)]


def test_entries_of_the_last_weeks_are_kept(root: Path, store: DeltaStore) -> None:
    for slot in range(25):
        put(store, Row(ETH, slot))
    before = set((root / "_delta_log").iterdir())
    store.vacuum(NOW)
    assert set((root / "_delta_log").iterdir()) == before


STEP = st.sampled_from(["commit", "revise", "stage", "compact", "sweep"])


@settings(max_examples=25)
@given(steps=st.lists(STEP, max_size=14), days=st.integers(0, 40))
def test_sweeping_at_any_time_never_takes_a_file_of_the_table(steps: list[str], days: int) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(compaction, "FEWEST", 2)
        root = Path(folder)
        store = DeltaStore(root)
        expected: dict[int, Row] = {}
        for number, step in enumerate(steps):
            match step:
                case "commit":
                    expected[number] = Row(BTC, number)
                    put(store, expected[number])
                case "revise" if expected:
                    slot = min(expected)
                    expected[slot] = Row(BTC, slot, value=number, rank=number + 2)
                    put(store, expected[slot])
                case "stage":
                    stage(store, Row(BTC, number, value=9))
                case "compact":
                    store.compact(lambda: False)
                case _:
                    store.vacuum(NOW + days * DAY)
            assert held(root) == [expected[slot] for slot in sorted(expected)]
        store.vacuum(NOW + 99 * DAY)
        assert store.version == 0 or files_on_disk(root) == files_of_table(root)
        assert held(root) == [expected[slot] for slot in sorted(expected)]
