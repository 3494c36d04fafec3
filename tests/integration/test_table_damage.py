"""Verifying a candle table: each kind of damage is found, and told of the file that has it."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kraken_core.domain.errors import StoreError
from kraken_core.domain.market import Pair
from kraken_core.domain.timerange import TimeRanges
from kraken_core.ports import CandleSpan, Damage, StagedFile
from kraken_core.stores.delta import verify
from kraken_core.stores.delta.index import FileIndex
from kraken_core.stores.delta.log import DeltaLog
from kraken_core.stores.delta.store import DeltaStore
from kraken_core.stores.files.candle_files import NOT_AS_WRITTEN, CandleFiles
from kraken_core.stores.files.folder import LocalFolder
from kraken_core.stores.files.spans import spans_of_unsorted, to_footer
from tests.support.candle_frames import Row, frame
from tests.support.candle_tables import BTC, BTC_MINUTES, ETH, EVER, files_of_table, held, put, stage


@dataclass
class Table:
    """A table into which anything can be put, as no program of ours would."""

    root: Path

    @property
    def store(self) -> DeltaStore:
        return DeltaStore(self.root)

    def add(self, *staged: StagedFile) -> None:
        """Commit files as they are."""
        log = DeltaLog(LocalFolder(self.root))
        log.refresh(create=True)
        log.commit(staged, [])

    def add_file(self, candles: pl.DataFrame, spans: dict[object, CandleSpan] | None = None) -> str:
        """Commit a file with this content, whatever it is; returns its path."""
        staged = stage(self.store, Row(BTC, 99))
        told = spans_of_unsorted(candles.lazy()) if spans is None else spans
        path = self.root / staged.path
        candles.drop("interval_minutes").write_parquet(path, metadata=to_footer(told))  # type: ignore[arg-type]
        summed = path.rename(path.with_name(f"{path.stem[:32]}-{zlib.crc32(path.read_bytes()):08x}.parquet"))
        relative = summed.relative_to(self.root).as_posix()
        self.add(staged._replace(path=relative, size=summed.stat().st_size))
        return relative

    @property
    def path(self) -> str:
        """Its only file."""
        [path] = files_of_table(self.root)
        return path


@pytest.fixture
def table(tmp_path: Path) -> Table:
    return Table(tmp_path / "candles")


TWO = frame([Row(BTC, 1), Row(BTC, 2)])


def problems(table: Table) -> list[tuple[str, str]]:
    return [(path, problem) for path, problem in table.store.verify().damages]


# ------------------------------------------------------------------------------------------------------- a sound table


def test_a_sound_table_has_no_damage(table: Table) -> None:
    store = table.store
    put(store, Row(BTC, 1), Row(BTC, 5), Row(ETH, 3))
    put(store, Row(BTC, 3), Row(ETH, 1))
    put(store, Row(BTC_MINUTES, 1))
    put(store, Row(BTC, 3, value=2, rank=2), Row(BTC, 4))
    assert store.verify().damages == ()


def test_a_table_that_does_not_exist_has_no_damage(table: Table) -> None:
    assert table.store.verify().damages == ()
    assert not table.root.exists()


def test_files_that_are_not_in_the_table_are_not_looked_at(table: Table) -> None:
    put(table.store, Row(BTC, 1))
    (table.root / stage(table.store, Row(BTC, 1)).path).write_bytes(b"half a file")
    assert table.store.verify().damages == ()


# --------------------------------------------------------------------------------------------------------- a selection


class Read:
    """Which files were read whole."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.paths: list[str] = []
        content = LocalFolder.content

        def reading(place: LocalFolder, path: str) -> bytes:
            self.paths.append(path)
            return content(place, path)

        monkeypatch.setattr(LocalFolder, "content", reading)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Read:
    return Read(monkeypatch)


def test_of_a_selection_only_its_files_are_read(table: Table, read: Read) -> None:
    hours = [stage(table.store, Row(BTC, slot), Row(ETH, slot)) for slot in (1, 50)]
    others = [stage(table.store, Row(ETH, slot)) for slot in (3, 4, 5)]
    table.add(*hours, *others, stage(table.store, Row(BTC_MINUTES, 1)))
    assert table.store.verify({BTC: EVER}) == ((), 2, 4)
    assert sorted(read.paths) == sorted(file.path for file in hours)
    read.paths.clear()
    assert table.store.verify({BTC: TimeRanges.single(0, 10 * BTC.width)}) == ((), 1, 5)
    assert read.paths == [hours[0].path]
    read.paths.clear()
    assert table.store.verify() == ((), 6, 0)
    assert len(read.paths) == 6


def test_damage_outside_of_a_selection_is_not_its_own(table: Table) -> None:
    table.add(stage(table.store, Row(BTC, 1)), stage(table.store, Row(BTC_MINUTES, 1)))
    [other] = [path for path in files_of_table(table.root) if "minutes=1/" in path]
    spoiled_inside(table.root / other)
    assert table.store.verify({BTC: EVER}).damages == ()
    assert {damage.path for damage in table.store.verify({BTC_MINUTES: EVER}).damages} == {other}
    assert {damage.path for damage in table.store.verify().damages} == {other}


def test_where_nobody_can_tell_what_a_file_has_all_files_are_checked(table: Table) -> None:
    table.add(stage(table.store, Row(BTC, 1)), stage(table.store, Row(BTC_MINUTES, 1)))
    [other] = [path for path in files_of_table(table.root) if "minutes=1/" in path]
    cut_short(table.root / other)
    found = table.store.verify({BTC: EVER})
    assert {damage.path for damage in found.damages} == {other}
    assert (found.files, found.left) == (2, 0)


def test_a_slot_that_two_files_have_is_found_in_the_selection_alone(table: Table) -> None:
    table.add(*(stage(table.store, Row(BTC, 1), Row(ETH, slot)) for slot in (1, 2)))
    assert len(table.store.verify({BTC: EVER}).damages) == 1
    assert table.store.verify({ETH: EVER}).damages == ()


# -------------------------------------------------------------------------------------------------------- single files


def test_a_missing_file_is_found_by_any_handle(table: Table) -> None:
    store = table.store
    put(store, Row(BTC, 1))
    path = table.path
    (table.root / path).unlink()
    for handle in (store, table.store):
        assert handle.verify().damages == (Damage(path, "is missing"),)


def cut_short(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 5)


def overwritten(path: Path) -> None:
    path.write_bytes(b"x" * path.stat().st_size)


def spoiled_inside(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4:60] = b"\xff" * 56
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (cut_short, ["were written", "cannot be read"]),
        (overwritten, ["cannot be read"]),
        (spoiled_inside, ["cannot be read"]),
    ],
)
def test_a_file_that_is_not_as_it_was_written_is_found(
    table: Table, damage: Callable[[Path], None], told: list[str]
) -> None:
    put(table.store, Row(BTC, 1))
    damage(table.root / table.path)
    found = problems(table)
    assert [path for path, _ in found] == [table.path] * len(told)
    for (_, problem), word in zip(found, told, strict=True):
        assert word in problem
        assert "\n" not in problem


@pytest.mark.parametrize(
    "candles",
    [TWO.reverse(), pl.concat([TWO, TWO.tail(1)]), pl.concat([TWO.with_columns(pair=pl.lit("X/USD")), TWO])],
    ids=["times fall", "a slot twice", "pairs fall"],
)
def test_a_file_that_is_not_sorted_or_holds_a_slot_twice_is_found(table: Table, candles: pl.DataFrame) -> None:
    path = table.add_file(candles)
    assert problems(table) == [(path, "is not sorted by pair and time, or has a slot twice")]


@pytest.mark.parametrize(
    "candles",
    [
        TWO.drop("volume"),
        TWO.cast({"trades": pl.Int64}),
        TWO.with_columns(pair=pl.lit(None, pl.String)),
    ],
    ids=["a column missing", "a column of another type", "no pair"],
)
def test_a_file_that_holds_no_candles_is_found(table: Table, candles: pl.DataFrame) -> None:
    path = table.add_file(candles, {BTC.pair: CandleSpan(3600, 7200, 2)})
    [(damaged, problem)] = problems(table)
    assert damaged == path
    assert "cannot be read" in problem or "contains no candles" in problem


@pytest.mark.parametrize(
    "spans",
    [
        {},
        {BTC.pair: CandleSpan(3600, 7200, 3)},
        {BTC.pair: CandleSpan(0, 7200, 2)},
        {BTC.pair: CandleSpan(3600, 7200, 2), ETH.pair: CandleSpan(3600, 3600, 1)},
        {ETH.pair: CandleSpan(3600, 7200, 2)},
    ],
    ids=["nothing", "one too many", "too early", "a pair too many", "another pair"],
)
def test_a_file_that_holds_other_candles_than_its_footer_tells_is_found(
    table: Table, spans: dict[object, CandleSpan]
) -> None:
    path = table.add_file(TWO, spans)
    assert problems(table) == [(path, "contains other candles than its footer lists")]


# ---------------------------------------------------------------------------------------------------------- bit flips


def in_values(store: DeltaStore) -> list[StagedFile]:
    """Files as jobs write them: several pairs, values that compress well and values that do not."""
    chance = Random(3)
    rows = [Row(series, slot, value=chance.random()) for series in (BTC, ETH) for slot in range(500)]
    return [stage(store, *rows), stage(store, *(Row(BTC_MINUTES, slot, value=7) for slot in range(900)))]


@settings(max_examples=8)
@given(flips=st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=20))
def test_every_single_bit_that_flips_in_a_file_is_found(flips: list[float]) -> None:
    with TemporaryDirectory() as folder:
        table = Table(Path(folder) / "candles")
        staged = in_values(table.store)
        table.add(*staged)
        assert table.store.verify().damages == ()
        for number, flip in enumerate(flips):
            file = table.root / staged[number % 2].path
            content = file.read_bytes()
            byte, bit = divmod(int(flip * len(content) * 8), 8)
            file.write_bytes(content[:byte] + bytes([content[byte] ^ 1 << bit]) + content[byte + 1 :])
            assert problems(table) == [(staged[number % 2].path, f"cannot be read: {NOT_AS_WRITTEN}")]
            file.write_bytes(content)


def test_a_flipped_bit_is_not_written_anew(table: Table) -> None:
    store = table.store
    for slot in range(8):
        put(store, Row(BTC, slot))
    spoiled = min(files_of_table(table.root))
    content = bytearray((table.root / spoiled).read_bytes())
    content[-12] ^= 1
    (table.root / spoiled).write_bytes(content)
    before = files_of_table(table.root)
    with pytest.raises(StoreError, match=NOT_AS_WRITTEN):
        store.compact(lambda: False)
    with pytest.raises(StoreError, match=NOT_AS_WRITTEN):
        CandleFiles(LocalFolder(table.root)).without(spoiled, 60, pl.Series([0]))
    assert files_of_table(table.root) == before


def test_files_of_earlier_versions_carry_no_checksum_and_are_read_all_the_same(table: Table) -> None:
    staged = stage(table.store, Row(BTC, 1))
    old = (table.root / staged.path).rename(table.root / "interval_minutes=60" / f"{'a' * 32}.parquet")
    table.add(staged._replace(path=old.relative_to(table.root).as_posix()))
    assert problems(table) == []
    assert held(table.root) == [Row(BTC, 1)]


# ------------------------------------------------------------------------------------------------------ across files


@pytest.fixture(params=[1_000_000, 3], ids=["all at once", "three at a time"])
def _slots_at_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "SLOTS_AT_ONCE", request.param)


@pytest.mark.usefixtures("_slots_at_once")
def test_a_slot_that_two_files_hold_is_found(table: Table) -> None:
    first = stage(table.store, *(Row(BTC, slot) for slot in range(8)), Row(ETH, 1))
    second = stage(table.store, Row(BTC, 7, value=2), Row(BTC, 9), Row(ETH, 0), Row(ETH, 2))
    third = stage(table.store, Row(BTC_MINUTES, 7))
    table.add(first, second, third)
    one, other = sorted([first.path, second.path])
    assert problems(table) == [(one, f"contains 1 slot of BTC/USD 1h that {other} contains too")]


@pytest.mark.usefixtures("_slots_at_once")
def test_candles_of_other_files_between_those_of_one_are_no_damage(table: Table) -> None:
    even = [stage(table.store, *(Row(series, slot) for slot in range(0, 20, 2))) for series in (BTC, ETH)]
    odd = [stage(table.store, *(Row(series, slot) for slot in range(1, 20, 2))) for series in (BTC, ETH)]
    table.add(*even, *odd)
    assert table.store.verify().damages == ()


def test_every_damage_of_a_table_is_told_at_once(table: Table) -> None:
    staged = [stage(table.store, Row(BTC, slot), Row(BTC, slot + 1)) for slot in (1, 2, 5)]
    table.add(*staged)
    (table.root / staged[2].path).unlink()
    assert len(problems(table)) == 2


def test_no_more_slots_are_read_at_once_than_fit_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "SLOTS_AT_ONCE", 100)
    index = FileIndex()
    for path in ("one", "other"):
        index.add(path, 60, {Pair(f"T{number}", "USD"): CandleSpan(0, 3600 * 19, 20) for number in range(9)})
        index.add(f"{path} long", 1, {BTC.pair: CandleSpan(0, 60 * 499, 500)})
    batches = list(verify._batches(index))
    for batch in batches:
        slots = sum(ranges.slots(series.width) for series, ranges in batch.items())
        assert 2 * slots <= 100
    looked_at = {series for batch in batches for series in batch}
    assert len(looked_at) == 10
