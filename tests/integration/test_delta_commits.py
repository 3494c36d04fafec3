"""What is Delta Lake's own: racing commits, crashes, other tools on the table, files that are gone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import duckdb
import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError

from kraken_core.domain.candles import SCHEMA
from kraken_core.domain.errors import CommitConflictError, StoreError
from kraken_core.domain.market import Series
from kraken_core.domain.table_mark import TableMark
from kraken_core.domain.timerange import TimeRanges
from kraken_core.ports import Merged
from kraken_core.stores.delta.log import DeltaLog
from kraken_core.stores.delta.merge import DeltaMerge, plan_merge
from kraken_core.stores.delta.store import DeltaStore
from kraken_core.stores.files.spans import from_footer
from kraken_core.stores.files.table_form import CANDLE_TABLE
from tests.support.candle_frames import Row, rows_of
from tests.support.candle_tables import ALL, BTC, ETH, EVER, files_of_table, files_on_disk, held, put, stage


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "candles"


@pytest.fixture
def store(root: Path) -> DeltaStore:
    return DeltaStore(root)


@pytest.fixture
def before_commit(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets the given actions happen one by one, each between the planning of a commit and its landing."""

    def intrude(*actions: Callable[[], object]) -> None:
        waiting = list(actions)

        def plan(*args: Any, **words: Any) -> DeltaMerge:
            merge = plan_merge(*args, **words)
            if waiting:
                waiting.pop(0)()
            return merge

        monkeypatch.setattr("kraken_core.stores.delta.store.plan_merge", plan)

    return intrude


# ---------------------------------------------------------------------------------------------------------------- races


@pytest.mark.parametrize("looked_before", [False, True])
def test_who_looks_while_another_commits_and_records_it_does_not_take_the_table_for_older(
    root: Path, looked_before: bool
) -> None:
    theirs = DeltaStore(root)
    recorded: list[TableMark] = []
    put(theirs, Row(BTC, 1))

    def known() -> TableMark:
        """A commit lands, and is recorded, just when it is asked for what is known."""
        put(theirs, Row(BTC, 2 + len(recorded)))
        recorded.append(theirs.mark)
        return recorded[-1]

    ours = DeltaStore(root, known=known)
    for _ in range(2 if looked_before else 1):
        put(theirs, Row(ETH, 1 + len(recorded)))
        assert ours.mark == recorded[-1]


@pytest.mark.parametrize("existing", [[], [Row(BTC, 9)]], ids=["on a table not yet created", "on a table"])
def test_of_two_commits_planned_on_one_version_one_lands_and_the_other_plans_again(
    root: Path, before_commit: Callable[..., None], existing: list[Row]
) -> None:
    ours, theirs = DeltaStore(root), DeltaStore(root)
    if existing:
        put(ours, *existing)
    staged = stage(ours, Row(BTC, 1, value=1, rank=1), Row(BTC, 2))
    other = stage(theirs, Row(BTC, 1, value=2, rank=2))
    before_commit(lambda: theirs.commit([other]))
    assert ours.commit([staged]) == {BTC: Merged(new=1, outranked=1)}
    assert held(root) == [Row(BTC, 1, value=2, rank=2), Row(BTC, 2), *existing]


@pytest.mark.parametrize("attempt", range(5))
def test_two_handles_may_make_the_table_at_the_same_time(root: Path, attempt: int) -> None:
    together = Barrier(2)

    def first_commit(series: Series) -> None:
        store = DeltaStore(root)
        staged = stage(store, Row(series, attempt))
        together.wait()
        store.commit([staged])

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(first_commit, (BTC, ETH)))
    assert held(root) == [Row(BTC, attempt), Row(ETH, attempt)]


def test_a_commit_that_is_overtaken_twice_is_refused_and_may_be_tried_again(
    root: Path, before_commit: Callable[..., None]
) -> None:
    ours, theirs = DeltaStore(root), DeltaStore(root)
    put(ours, Row(BTC, 1))
    staged = stage(ours, Row(BTC, 1, value=2, rank=2))
    others = [stage(theirs, Row(ETH, slot)) for slot in (1, 2)]
    before_commit(*(step for other in others for step in ((lambda other=other: theirs.commit([other])), lambda: None)))
    with pytest.raises(CommitConflictError, match="try again"):
        ours.commit([staged])
    assert held(root) == [Row(BTC, 1), Row(ETH, 1), Row(ETH, 2)]
    assert ours.commit([staged]) == {BTC: Merged(changed=1, altered=1)}
    assert held(root) == [Row(BTC, 1, value=2, rank=2), Row(ETH, 1), Row(ETH, 2)]


def test_a_compaction_by_another_tool_between_plan_and_commit_doubles_nothing(
    root: Path, store: DeltaStore, before_commit: Callable[..., None]
) -> None:
    for slot in range(4):
        put(store, Row(BTC, slot))
    staged = stage(store, *(Row(BTC, slot, value=2, rank=2) for slot in range(2, 6)))
    before_commit(DeltaTable(root).optimize.compact)
    assert store.commit([staged]) == {BTC: Merged(new=2, changed=2, altered=2)}
    assert held(root) == [
        *(Row(BTC, slot) for slot in range(2)),
        *(Row(BTC, slot, value=2, rank=2) for slot in range(2, 6)),
    ]


def test_a_commit_whose_answer_was_lost_is_not_made_twice(
    root: Path, store: DeltaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, Row(BTC, 1), Row(BTC, 2, rank=5))
    original = DeltaLog.commit

    def lose_the_answer(*args: Any) -> None:
        monkeypatch.undo()
        original(*args)
        raise CommitConflictError("the answer was lost")

    monkeypatch.setattr(DeltaLog, "commit", lose_the_answer)
    store.commit([stage(store, Row(BTC, 1, 2, rank=2), Row(BTC, 2, 2)), stage(store, Row(ETH, 1))])
    assert held(root) == [Row(BTC, 1, 2, rank=2), Row(BTC, 2, rank=5), Row(ETH, 1)]


# -------------------------------------------------------------------------------------------------------------- crashes


def test_what_was_staged_before_a_crash_is_invisible_and_harmless(root: Path) -> None:
    put(DeltaStore(root), Row(BTC, 1))
    stage(DeltaStore(root), Row(BTC, 1, value=2, rank=2), Row(BTC, 2))
    with duckdb.connect() as connection, DeltaStore(root).view(connection):
        assert connection.execute("SELECT count(*) FROM candles").fetchall() == [(1,)]
    assert held(root) == [Row(BTC, 1)]
    again = DeltaStore(root)
    assert again.commit([stage(again, Row(BTC, 1, value=2, rank=2), Row(BTC, 2))]) == {
        BTC: Merged(new=1, changed=1, altered=1)
    }
    assert held(root) == [Row(BTC, 1, value=2, rank=2), Row(BTC, 2)]


def test_a_crash_after_files_were_rewritten_leaves_the_table_as_it_was(
    root: Path, store: DeltaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, Row(BTC, 1), Row(BTC, 2))
    staged = stage(store, Row(BTC, 1, value=2, rank=2), Row(BTC, 2, value=2, rank=0))

    def crash(*_: object) -> None:
        monkeypatch.undo()
        raise SystemExit

    monkeypatch.setattr(DeltaLog, "commit", crash)
    with pytest.raises(SystemExit):
        store.commit([staged])
    assert held(root) == [Row(BTC, 1), Row(BTC, 2)]
    assert DeltaStore(root).commit([staged]) == {BTC: Merged(changed=1, outranked=1, altered=1)}
    assert held(root) == [Row(BTC, 1, value=2, rank=2), Row(BTC, 2)]


def test_files_that_never_joined_the_table_are_deleted_and_those_that_left_it_stay(
    root: Path, store: DeltaStore, before_commit: Callable[..., None]
) -> None:
    put(store, Row(BTC, 1), Row(BTC, 2))
    left = files_of_table(root)
    other = DeltaStore(root)
    aside = stage(other, Row(ETH, 1))
    staged = stage(store, Row(BTC, 1, value=2, rank=2), Row(BTC, 2, value=2, rank=0))
    before_commit(lambda: other.commit([aside]))
    store.commit([staged])
    assert files_on_disk(root) == files_of_table(root) | left
    assert not left & files_of_table(root)


# ----------------------------------------------------------------------------------------------------- the table itself


def test_the_application_transaction_rises_by_one_with_every_commit(root: Path, store: DeltaStore) -> None:
    for number in range(1, 4):
        put(store, Row(BTC, 1, value=number, rank=number))
        assert DeltaTable(root).transaction_version(CANDLE_TABLE.application) == number
    DeltaTable(root).optimize.compact()
    DeltaTable(root).create_checkpoint()
    put(DeltaStore(root), Row(BTC, 4))
    assert DeltaTable(root).transaction_version(CANDLE_TABLE.application) == 4


def test_a_slot_is_rewritten_in_the_files_that_hold_it_and_in_no_other(root: Path, store: DeltaStore) -> None:
    put(store, Row(BTC, 1), Row(BTC, 2))
    put(store, Row(BTC, 5), Row(ETH, 1))
    untouched = files_of_table(root)
    put(store, Row(BTC, 3))
    put(store, Row(BTC, 3, value=2, rank=2))
    assert untouched < files_of_table(root)
    assert len(files_of_table(root)) == 3


def test_other_readers_of_delta_lake_see_the_same_candles(root: Path, store: DeltaStore) -> None:
    put(store, Row(BTC, 1), Row(BTC, 2))
    put(store, Row(BTC, 2, value=2, rank=2), Row(ETH, 1))
    theirs = pl.read_delta(str(root))
    assert theirs.select(*SCHEMA).sort("pair", "time").equals(store.candles(ALL))


@pytest.mark.parametrize("opened", ["anew", "before"])
def test_a_table_that_another_tool_compacted_is_read_and_merged_as_before(root: Path, opened: str) -> None:
    store = DeltaStore(root)
    for slot in (3, 1, 2):
        put(store, Row(BTC, slot), Row(ETH, slot))
    DeltaTable(root).optimize.compact()
    assert len(files_of_table(root)) == 1
    store = DeltaStore(root) if opened == "anew" else store
    assert store.count({BTC: EVER, ETH: TimeRanges.single(0, 2 * ETH.width)}) == {BTC: [3], ETH: [1]}
    put(store, Row(BTC, 2, value=2, rank=2), Row(BTC, 4))
    assert rows_of(store.candles({BTC: EVER})) == [Row(BTC, 1), Row(BTC, 2, 2, rank=2), Row(BTC, 3), Row(BTC, 4)]
    assert rows_of(store.candles({ETH: EVER})) == [Row(ETH, slot) for slot in (1, 2, 3)]


@pytest.mark.parametrize("name", ["it's; DROP TABLE x --", "a [b] *?", "source=csv", "ä 蜡"])
def test_a_home_may_be_called_anything(tmp_path: Path, name: str) -> None:
    store = DeltaStore(tmp_path / name / "candles")
    put(store, Row(BTC, 1, source="ohlc"))
    put(store, Row(BTC, 1, value=2, rank=2, source="trades"), Row(BTC, 2, source="ohlc"))
    assert rows_of(store.candles(ALL)) == [Row(BTC, 1, 2, 2, "trades"), Row(BTC, 2, source="ohlc")]
    with duckdb.connect() as connection, store.view(connection):
        query = "SELECT source, interval_minutes FROM candles ORDER BY time"
        assert connection.execute(query).fetchall() == [("trades", 60), ("ohlc", 60)]


# -------------------------------------------------------------------------------------------------- what cannot be read


def test_a_table_of_another_layout_is_refused_in_one_line(root: Path, store: DeltaStore) -> None:
    write_deltalake(root, pl.DataFrame({"price": [1.0]}).to_arrow())
    with pytest.raises(StoreError, match="is not a candle table") as refused:
        store.candles(ALL)
    assert "\n" not in str(refused.value)
    with pytest.raises(StoreError, match="is not a candle table"):
        put(store, Row(BTC, 1))


def test_a_table_in_a_newer_format_is_refused_in_one_line(root: Path, store: DeltaStore) -> None:
    put(store, Row(BTC, 1))
    features = {"readerFeatures": ["deletionVectors"], "writerFeatures": ["deletionVectors"]}
    newer = {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, **features}}
    (root / "_delta_log" / f"{2:020d}.json").write_text(json.dumps(newer), encoding="utf-8")
    for handle in (store, DeltaStore(root)):
        with pytest.raises(StoreError, match="reader version 3") as refused:
            handle.candles(ALL)
        assert "\n" not in str(refused.value)


def test_a_file_says_what_it_holds_so_that_nobody_has_to_read_it_for_that(root: Path, store: DeltaStore) -> None:
    staged = stage(store, Row(BTC, 1), Row(BTC, 2), Row(ETH, 7))
    said = from_footer(pl.read_parquet_metadata(root / staged.path))
    assert said
    assert said.spans == staged.spans


def test_a_file_that_is_gone_is_named(root: Path, store: DeltaStore) -> None:
    put(store, Row(BTC, 1))
    [name] = files_of_table(root)
    (root / name).unlink()
    for handle in (store, DeltaStore(root)):
        with pytest.raises(StoreError, match=Path(name).name) as missing:
            handle.candles(ALL)
        assert "\n" not in str(missing.value)
    with (
        duckdb.connect() as connection,
        pytest.raises(StoreError, match=Path(name).name),
        store.view(connection),
    ):
        pass


def test_a_file_that_is_lost_in_the_middle_of_a_query_is_told_and_a_wrong_query_stays_one(root: Path) -> None:
    put(DeltaStore(root), Row(BTC, 1))
    [name] = files_of_table(root)

    def ask(query: str) -> None:
        with duckdb.connect() as connection, DeltaStore(root).view(connection):
            if "close" in query:
                (root / name).unlink()
            connection.execute(query).fetchall()

    with pytest.raises(duckdb.BinderException, match="nothing"):
        ask("SELECT nothing FROM candles")
    with pytest.raises(StoreError, match=rf"Cannot read .*{Path(name).name}") as lost:
        ask("SELECT sum(close) FROM candles")
    assert "\n" not in str(lost.value)


def test_a_commit_that_fails_for_another_reason_is_no_conflict(
    store: DeltaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, Row(BTC, 1))
    staged = stage(store, Row(BTC, 2))

    def fail(*_: object, **__: object) -> None:
        raise CommitFailedError("no space left on device")

    monkeypatch.setattr(DeltaTable, "create_write_transaction", fail)
    with pytest.raises(StoreError, match="no space left") as failed:
        store.commit([staged])
    assert not isinstance(failed.value, CommitConflictError)


def test_an_open_handle_notices_that_the_table_was_deleted_and_made_anew(root: Path, store: DeltaStore) -> None:
    put(store, Row(BTC, 1))
    put(store, Row(BTC, 2))
    shutil.rmtree(root)
    assert store.candles(ALL).is_empty()
    for slot in (5, 6, 7):
        put(DeltaStore(root), Row(BTC, slot))
    assert held(root) == rows_of(store.candles(ALL)) == [Row(BTC, slot) for slot in (5, 6, 7)]
    shutil.rmtree(root)
    put(store, Row(BTC, 9))
    assert held(root) == [Row(BTC, 9)]
