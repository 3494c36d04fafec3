"""Averages that candles have beside their values: stored and read by every candle store, and decisive of nothing."""

from __future__ import annotations

from pathlib import Path

import duckdb
import polars as pl
import pytest

from kraken_core.domain.averages import VWAP
from kraken_core.domain.candles import FULL_SCHEMA, SCHEMA
from kraken_core.ports import CandleStore, CandleTable, Merged, Scannable
from kraken_core.stores.delta.compaction import FEWEST
from tests.contract.stored_candles import Adapter
from tests.support.candle_frames import Row, rows_of
from tests.support.candle_tables import ALL, BTC, BTC_MINUTES, ETH, EVER, put, stage

pytest_plugins = ["tests.support.servers", "tests.contract.candle_stores"]

MIXED = (Row(BTC, 1, vwap=1.25), Row(BTC, 2), Row(ETH, 1, vwap=0.1 + 0.2))


@pytest.fixture
def store(adapter: Adapter, tmp_path: Path) -> CandleStore:
    return adapter(tmp_path)


def averages(store: CandleStore) -> list[Row]:
    return rows_of(store.candles(ALL, FULL_SCHEMA))


def in_sql(store: CandleStore, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect() as connection, store.view(connection):
        return connection.execute(query).fetchall()


def test_an_average_is_read_to_the_bit_where_it_is_requested_and_nowhere_else(store: CandleStore) -> None:
    put(store, *MIXED)
    found = store.candles(ALL, FULL_SCHEMA)
    assert found.schema == pl.Schema(FULL_SCHEMA)
    assert rows_of(found) == list(MIXED)
    assert store.candles(ALL).schema == pl.Schema(SCHEMA)
    assert store.candles({BTC: EVER}, (VWAP,))[VWAP].to_list() == [1.25, None]


def test_files_with_averages_and_without_are_read_together(store: CandleStore) -> None:
    put(store, Row(BTC, 5))
    put(store, Row(BTC_MINUTES, 1))
    put(store, *MIXED)
    put(store, Row(BTC, 9, vwap=2.0), Row(ETH, 7))
    put(store, Row(BTC_MINUTES, 3, vwap=3.5))
    expected = [
        *(Row(BTC_MINUTES, 1), Row(BTC_MINUTES, 3, vwap=3.5)),
        *(Row(BTC, 1, vwap=1.25), Row(BTC, 2), Row(BTC, 5), Row(BTC, 9, vwap=2.0)),
        *(Row(ETH, 1, vwap=0.1 + 0.2), Row(ETH, 7)),
    ]
    assert averages(store) == expected
    query = "SELECT interval_minutes, vwap FROM candles ORDER BY pair, interval_minutes, time"
    assert in_sql(store, query) == [(row.series.interval, row.vwap) for row in expected]
    if isinstance(store, Scannable):
        window = EVER.hull
        scanned = store.scan([BTC.pair, ETH.pair], [1, 60], window, FULL_SCHEMA.keys() - {"rank"})
        assert scanned.collect().sort("pair", "interval_minutes", "time")[VWAP].to_list() == [
            row.vwap for row in expected
        ]
        for slot in range(20, 26):  # of which some file is the first, be its name what it may
            put(store, Row(BTC, slot, vwap=1.0 if slot % 2 else None))
        plain = store.scan([BTC.pair, ETH.pair], [1, 60], window)
        assert plain.select("pair", "time", "close").collect().height == len(expected) + 6
        assert VWAP not in plain.collect_schema()


def test_the_average_goes_with_the_candle_in_force_and_decides_nothing(store: CandleStore) -> None:
    noted: list[pl.DataFrame] = []
    put(store, Row(BTC, 1, rank=5, vwap=1.5), Row(BTC, 2, rank=5), Row(BTC, 3, rank=5, vwap=1.5))
    again = [Row(BTC, 1, rank=4, vwap=1.0), Row(BTC, 2, rank=4, vwap=1.0), Row(BTC, 3, rank=6)]
    merged = store.commit([stage(store, *again)], note=noted.append)
    assert merged == {BTC: Merged(confirmed=3, altered=1)}  # what is derived of the last one is another now
    assert noted == []
    assert averages(store) == [Row(BTC, 1, rank=5, vwap=1.5), Row(BTC, 2, rank=5), Row(BTC, 3, rank=6)]


def test_averages_survive_whatever_moves_candles_to_other_files(store: CandleTable) -> None:
    for slot in range(2 * FEWEST):
        put(store, Row(BTC, slot, vwap=slot / 7 if slot % 3 else None))
    store.compact(lambda: False)
    kept = [Row(BTC, slot, vwap=slot / 7 if slot % 3 else None) for slot in range(2 * FEWEST)]
    assert averages(store) == kept

    put(store, Row(BTC, 0, value=2.0, rank=2))  # rewrites the file
    slots = EVER.single(4 * BTC.width, 5 * BTC.width)
    store.commit([], demote={BTC: slots}, drop={BTC: EVER.single(5 * BTC.width, 6 * BTC.width)})
    assert [row.vwap for row in averages(store)] == [row.vwap for row in kept if row.slot != 5]


def test_a_slot_that_was_dropped_has_no_average_when_it_is_taken_again(store: CandleStore) -> None:
    put(store, Row(BTC, 1, vwap=1.5), Row(BTC, 2, vwap=1.5))
    store.commit([], drop={BTC: EVER.single(BTC.width, 2 * BTC.width)})
    put(store, Row(BTC, 1, value=3.0))
    assert averages(store) == [Row(BTC, 1, value=3.0), Row(BTC, 2, vwap=1.5)]
