"""Tables that earlier versions made have no column vwap: read without, and gone on with, nothing written again."""

from __future__ import annotations

import zipfile
from pathlib import Path

import duckdb
import polars as pl
import pytest
from deltalake import DeltaTable

from kraken_core.domain.averages import VWAP
from kraken_core.domain.candles import FULL_SCHEMA, SCHEMA
from kraken_core.domain.errors import CommitConflictError
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.revisions import ALL_VISIBLE
from kraken_core.stores.delta import log
from kraken_core.stores.delta.compaction import FEWEST
from kraken_core.stores.delta.store import DeltaStore
from tests.support.candle_frames import Row
from tests.support.candle_tables import EVER, files_of_table, put
from tests.support.command_line import ROOT

BTC, ETH = Series(Pair("BTC", "USD"), 60), Series(Pair("ETH", "USD"), 60)
ALL = dict.fromkeys((BTC, ETH), EVER)
NEW = Row(BTC, 1, vwap=1.25)  # long before all that is stored


class Died(BaseException):
    """As a kill would, but here."""


# Of versions before there was the column.
HOMES = [ROOT / "tests" / "homes" / f"ledger-{revision}.zip" for revision in ("0002", "0026")]


@pytest.fixture(params=HOMES, ids=lambda path: path.stem)
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The candle table of a home that an earlier version kept."""
    with zipfile.ZipFile(request.param) as file:
        file.extractall(tmp_path, [name for name in file.namelist() if name.startswith("ended/candles/")])
    found = tmp_path / "ended" / "candles"
    assert VWAP not in [field.name for field in DeltaTable(found).schema().fields]
    return found


def averages(store: DeltaStore) -> list[float | None]:
    return store.candles(ALL, FULL_SCHEMA)[VWAP].to_list()


def test_it_is_read_as_a_table_in_which_nothing_has_one(root: Path) -> None:
    store = DeltaStore(root)
    found = store.candles(ALL, FULL_SCHEMA)
    assert found.schema == pl.Schema(FULL_SCHEMA)
    assert found.height == found[VWAP].null_count() > 0
    assert found.select(*SCHEMA).equals(store.candles(ALL))
    scanned = store.scan([BTC.pair], [60], EVER.hull, ALL_VISIBLE).collect()
    assert scanned.height == scanned[VWAP].null_count() > 0
    with duckdb.connect() as connection, store.view(connection):
        assert connection.execute("SELECT count(*) > 0, count(vwap) FROM candles").fetchall() == [(True, 0)]
    assert store.version == DeltaTable(root).version()  # to read changes nothing


def test_the_first_write_adds_the_column_and_writes_nothing_again(root: Path) -> None:
    store, before = DeltaStore(root), files_of_table(root)
    version, candles = store.version, store.candles(ALL)
    put(store, NEW)
    assert files_of_table(root) > before
    assert len(files_of_table(root) - before) == 1
    assert store.version == version + 2  # the column, the candles
    assert DeltaStore(root).candles(ALL).equals(store.candles(ALL))
    assert averages(DeltaStore(root)) == averages(store) == [1.25, *[None] * candles.height]
    put(store, Row(BTC, 2))
    assert store.version == version + 3
    by_another_tool = pl.read_delta(str(root)).filter(pl.col("interval_minutes") == 60, pl.col("pair") == "BTC/USD")
    assert by_another_tool[VWAP].drop_nulls().to_list() == [1.25]
    assert by_another_tool.columns == [*FULL_SCHEMA]


def test_earlier_versions_are_read_and_gone_back_to(root: Path) -> None:
    store = DeltaStore(root)
    version, before = store.version, store.candles(ALL, FULL_SCHEMA)
    put(store, NEW)
    assert store.at(version).candles(ALL, FULL_SCHEMA).equals(before)
    assert store.keeps(version)
    store.restore(version)
    assert store.candles(ALL, FULL_SCHEMA).equals(before)
    put(store, NEW)
    assert averages(store)[0] == NEW.vwap


def test_a_table_that_was_gone_on_with_is_saved_as_it_is(root: Path, tmp_path: Path) -> None:
    store = DeltaStore(root)
    store.save(store.version, tmp_path / "saved", lambda _done, _all: None)
    put(store, NEW)
    store.save(store.version, tmp_path / "saved", lambda _done, _all: None)
    saved = DeltaStore(tmp_path / "saved")
    assert saved.candles(ALL, FULL_SCHEMA).equals(store.candles(ALL, FULL_SCHEMA))
    put(saved, NEW._replace(slot=2))
    assert averages(saved)[:2] == [1.25, 1.25]


def test_files_with_the_column_and_without_are_merged_and_found_whole(root: Path) -> None:
    store = DeltaStore(root)
    for slot in range(FEWEST):
        put(store, Row(BTC, slot, vwap=float(slot) if slot % 2 else None))
    before = store.candles(ALL, FULL_SCHEMA)
    assert store.compact(lambda: False).merged
    assert store.candles(ALL, FULL_SCHEMA).equals(before)
    assert DeltaStore(root).candles(ALL, FULL_SCHEMA).equals(before)
    assert store.verify().damages == ()


def test_a_writer_that_another_overtakes_plans_again(root: Path) -> None:
    ours, theirs = DeltaStore(root), DeltaStore(root)
    assert ours.version == theirs.version
    plan = ours._log.refresh()
    put(theirs, NEW)
    with pytest.raises(CommitConflictError):
        ours._log.commit([], sorted(plan)[:1])
    put(ours, Row(ETH, 1, vwap=2.5))
    assert [vwap for vwap in averages(DeltaStore(root)) if vwap] == [1.25, 2.5]


def test_a_crash_behind_the_new_column_costs_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = DeltaStore(root)
    before = store.candles(ALL, FULL_SCHEMA)

    def die(name: str) -> None:
        if name == "table.widened":
            raise Died

    with monkeypatch.context() as patch:
        patch.setattr(log, "reached", die)
        with pytest.raises(Died):
            put(store, NEW)
    again = DeltaStore(root)
    assert again.candles(ALL, FULL_SCHEMA).equals(before)
    put(again, NEW)
    assert averages(again)[0] == NEW.vwap
    put(store, NEW._replace(slot=2, vwap=1.5))  # the handle that was there
    assert averages(DeltaStore(root))[:2] == [1.25, 1.5]
