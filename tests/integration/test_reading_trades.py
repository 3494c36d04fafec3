"""What a worker makes of files of trades: receipts, and rows that are settled only where the file knows their slot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from kraken_core.domain.candles import provisional
from kraken_core.domain.coverage import ArchiveStatement
from kraken_core.domain.jobs import FileIngestionRecord, FileStatus
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.timerange import TimeRanges
from kraken_core.pipeline.batches import BatchFile, BatchReceipt, FileReceipt, batches
from kraken_core.pipeline.read_trades import read_trades_batch
from kraken_core.sources.archive import ArchiveSource
from kraken_core.stores.delta.store import DeltaStore

START = 1_711_929_600  # 2024-04-01
DAY, HOUR, NOW = 86_400, 3_600, 2_000_000_000
STATED = ArchiveStatement(START, START + 2 * DAY)
TRADES = {
    "XBTUSD.csv": [(START + 90, "70000.1", "0.5"), (START + HOUR, "70001", "0.25"), (START + DAY, "69000", "1")],
    "ETHUSD.csv": [(START + 7, "3000", "2")],
}
LAST_MINUTE = (START + 2 * DAY - 60, "69500", "2")  # of what is stated
TO_THE_END = {name: [*trades, LAST_MINUTE] for name, trades in TRADES.items()}


def written(folder: Path, files: Mapping[str, list[tuple[int, str, str]]] = TRADES) -> Path:
    folder.mkdir()
    for name, trades in files.items():
        (folder / name).write_text("".join(f"{time},{price},{volume}\n" for time, price, volume in trades))
    return folder


def items(folder: Path, statement: ArchiveStatement = STATED) -> list[BatchFile]:
    [archive] = ArchiveSource.open([folder]).archives()
    return [
        BatchFile(f, FileIngestionRecord(f.path, f.member, f.stamp, f.size, f.series), statement, archive.vintage, True)
        for f in archive.files
    ]


def read(
    batch: list[BatchFile],
    store: DeltaStore,
    now: int = NOW,
    known: Mapping[tuple[str, Series], int] | None = None,
) -> tuple[BatchReceipt, dict[Series, FileReceipt]]:
    [together] = batches(batch)
    receipt = read_trades_batch(together, ArchiveSource.open(()), store, known or {}, now)
    return receipt, {file.record.series: file for file in receipt.files}


@pytest.fixture
def store(tmp_path: Path) -> DeltaStore:
    return DeltaStore(tmp_path / "table")


def test_a_batch_of_small_files_is_one_staged_file_an_interval(tmp_path: Path, store: DeltaStore) -> None:
    receipt, files = read(items(written(tmp_path / "a", TO_THE_END)), store)
    assert sorted(staged.interval for staged in receipt.staged) == list(INTERVALS)
    assert len(files) == 16
    days = files[Series(Pair("BTC", "USD"), 1440)]
    assert days.claims == TimeRanges.single(START, START + 2 * DAY)
    assert (days.record.first, days.record.last, days.record.records) == (START, START + DAY, 2)
    assert {file.record.status for file in receipt.files} == {FileStatus.COMPLETED}


def test_without_a_trade_in_the_last_minute_the_last_slot_is_not_claimed(tmp_path: Path, store: DeltaStore) -> None:
    """Kraken's archives lack last slots in which the pair traded: what was traded then may be missing here too."""
    _, files = read(items(written(tmp_path / "a")), store)
    for interval in INTERVALS:
        claims = files[Series(Pair("BTC", "USD"), interval)].claims
        assert claims == TimeRanges.single(START, START + 2 * DAY - interval * 60)


def test_a_file_with_a_trade_outside_of_the_stated_dates_is_not_believed_to_keep_them(
    tmp_path: Path, store: DeltaStore
) -> None:
    beyond = {"XBTUSD.csv": [*TRADES["XBTUSD.csv"], (START + 2 * DAY + 5, "1", "1")]}
    receipt, files = read(items(written(tmp_path / "a", beyond)), store)
    assert files[Series(Pair("BTC", "USD"), 60)].claims == TimeRanges.single(START + HOUR, START + 2 * DAY)
    [note] = [file.note for file in receipt.files if file.note]
    assert note.startswith("XBTUSD.csv in ")
    assert "has a row of 2024-04-03T00:00:05Z, outside of the dates its archive states" in note


def test_a_torn_file_shows_nothing_from_its_last_row_on(tmp_path: Path, store: DeltaStore) -> None:
    folder = written(tmp_path / "a", {"XBTUSD.csv": TO_THE_END["XBTUSD.csv"]})
    (folder / "XBTUSD.csv").write_bytes((folder / "XBTUSD.csv").read_bytes().rstrip())
    _, files = read(items(folder), store)
    assert files[Series(Pair("BTC", "USD"), 1)].claims == TimeRanges.single(START, START + 2 * DAY - 60)


@pytest.mark.parametrize(
    ("damaged", "known"),
    [
        ("zeroed", [(START, START + 60), (START + DAY + 60, START + 2 * DAY)]),
        ("cut", [(START, START + 60)]),
        ("glued", [(START, START + 60), (START + HOUR + 60, START + 2 * DAY)]),
    ],
)
def test_damage_leaves_the_time_between_its_good_neighbours_unknown(
    damaged: str, known: list[tuple[int, int]], tmp_path: Path, store: DeltaStore
) -> None:
    rows = [f"{time},{price},{volume}" for time, price, volume in TO_THE_END["XBTUSD.csv"]]
    text = {
        "zeroed": "\n".join([rows[0], rows[1][:13] + "\0" * 4096, *rows[2:], ""]),
        "cut": "\n".join([rows[0], rows[1][:14]]),
        "glued": "\n".join([rows[0], rows[1] + rows[1], *rows[1:], ""]),
    }[damaged]
    folder = written(tmp_path / "a", {})
    (folder / "XBTUSD.csv").write_text(text)
    _, files = read(items(folder), store)
    minutes = files[Series(Pair("BTC", "USD"), 1)]
    assert minutes.claims == TimeRanges.of(known)
    assert minutes.record.records_rejected == 1


@pytest.mark.parametrize(
    ("damaged", "unknown"),
    [("swapped", (20, 40)), ("overwritten", (8, 32)), ("doubled", (8, 32))],
)
def test_what_was_moved_or_is_there_twice_is_unknown_with_the_rows_beside_it(
    damaged: str, unknown: tuple[int, int], tmp_path: Path, store: DeltaStore
) -> None:
    rows = [f"{START + minute * 60},{70_000 + minute},1\n" for minute in range(60)]
    rows = {
        "swapped": rows[:22] + rows[34:38] + rows[26:34] + rows[22:26] + rows[38:],
        "overwritten": rows[:20] + rows[10:20] + rows[30:],
        "doubled": rows[:30] + rows[10:],
    }[damaged]
    folder = written(tmp_path / "a", {})
    (folder / "XBTUSD.csv").write_text("".join(rows))
    _, files = read(items(folder, ArchiveStatement(START, START + HOUR)), store)
    first, end = (START + minute * 60 for minute in unknown)
    claims = files[Series(Pair("BTC", "USD"), 1)].claims
    assert claims == TimeRanges.of([(START, first), (end, START + HOUR)])


def test_a_slot_that_has_not_closed_is_neither_claimed_nor_given(tmp_path: Path, store: DeltaStore) -> None:
    now = START + DAY + HOUR
    receipt, files = read(items(written(tmp_path / "a")), store, now)
    day, hour = (files[Series(Pair("BTC", "USD"), interval)] for interval in (1440, 60))
    assert day.claims == TimeRanges.single(START, START + DAY)
    assert hour.claims == TimeRanges.single(START, now)
    store.commit(receipt.staged)
    ranges = TimeRanges.single(0, NOW)
    held = store.candles({Series(Pair("BTC", "USD"), interval): ranges for interval in (60, 720, 1440)})
    assert held.group_by("interval_minutes").len().sort("interval_minutes").rows() == [(60, 3), (720, 1), (1440, 1)]


def test_a_first_trade_on_a_boundary_begins_its_slot(tmp_path: Path, store: DeltaStore) -> None:
    on_the_hour = {"XBTUSD.csv": TRADES["XBTUSD.csv"][1:]}
    _, files = read(items(written(tmp_path / "a", on_the_hour), ArchiveStatement()), store)
    assert files[Series(Pair("BTC", "USD"), 60)].claims == TimeRanges.single(START + HOUR, START + DAY)
    assert not files[Series(Pair("BTC", "USD"), 1440)].claims


def test_a_first_trade_half_a_second_later_does_not(tmp_path: Path, store: DeltaStore) -> None:
    folder = written(tmp_path / "a", {})
    (folder / "XBTUSD.csv").write_text(f"{START + HOUR}.5,70001,1\n{START + DAY},69000,1\n")
    _, files = read(items(folder, ArchiveStatement()), store)
    assert files[Series(Pair("BTC", "USD"), 60)].claims == TimeRanges.single(START + 2 * HOUR, START + DAY)


def test_the_same_bytes_are_staged_again_only_where_their_rows_would_rise(tmp_path: Path, store: DeltaStore) -> None:
    folder = written(tmp_path / "a", TO_THE_END)
    unstated = items(folder, ArchiveStatement())
    _, files = read(unstated, store)
    known = {(file.record.content_hash, series): file.record.rank for series, file in files.items()}
    receipt, again = read(unstated, store, known=known)
    assert receipt.staged == ()
    assert {file.record.status for file in again.values()} == {FileStatus.SKIPPED}
    stated, risen = read(items(folder), store, known=known)
    assert len(stated.staged) == len(INTERVALS)
    assert all(risen[series].record.rank > files[series].record.rank for series in files)


def test_a_file_without_a_trade_fails_and_leaves_the_others_alone(tmp_path: Path, store: DeltaStore) -> None:
    folder = written(tmp_path / "a")
    batch = items(folder)
    (folder / "ETHUSD.csv").write_text("1711929600,3000,-1\n")
    stamp = next(f.file for f in items(folder) if f.file.member == "ETHUSD.csv").stamp
    batch = [
        item._replace(file=replace(item.file, size=19, stamp=stamp)) if item.file.member == "ETHUSD.csv" else item
        for item in batch
    ]
    _, files = read(batch, store)
    states = {series.pair.base: file.record for series, file in files.items()}
    assert states["BTC"].status is FileStatus.COMPLETED
    assert states["ETH"].error == "none of its rows is a trade; line 1: its volume is negative"


def test_batches_hold_files_whole_and_no_pair_twice(tmp_path: Path) -> None:
    one, other = items(written(tmp_path / "a")), items(written(tmp_path / "b"))
    cut = list(batches([*one, *other]))
    assert sum(len(batch) for batch in cut) == len(one) + len(other)
    for batch in cut:
        files = {(item.file.path, item.file.member) for item in batch}
        assert len(batch) == 8 * len(files)
        assert len({item.file.series for item in batch}) == len(batch)


def test_rows_of_a_slot_the_file_does_not_know_are_provisional(tmp_path: Path, store: DeltaStore) -> None:
    receipt, files = read(items(written(tmp_path / "a"), ArchiveStatement()), store)
    store.commit(receipt.staged)
    series = Series(Pair("BTC", "USD"), 60)
    rows = store.candles({series: TimeRanges.single(0, NOW)})
    ranks = rows["rank"].to_list()
    assert [rank == provisional(rank) for rank in ranks] == [True, False, True]
    assert files[series].claims == TimeRanges.single(START + HOUR, START + DAY)
