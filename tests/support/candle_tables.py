"""Candle tables for tests: filled, read as a newcomer would, and on disk looked at from outside."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from deltalake import DeltaTable

from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRanges
from kraken_core.ports import CandleStore, Merged, StagedFile
from kraken_core.stores.delta.store import DeltaStore
from tests.support.candle_frames import Row, frame, rows_of

BTC = Series(Pair("BTC", "USD"), 60)
ETH = Series(Pair("ETH", "EUR"), 60)
BTC_MINUTES = Series(Pair("BTC", "USD"), 1)
EVER = TimeRanges.single(0, 2**33)
ALL = dict.fromkeys((BTC, ETH, BTC_MINUTES), EVER)


def stage(store: CandleStore, *rows: Row) -> StagedFile:
    return store.stage(frame(rows))


def put(store: CandleStore, *rows: Row) -> Mapping[Series, Merged]:
    """Stage the rows as one file and commit it."""
    return store.commit([stage(store, *rows)])


def held(root: Path) -> list[Row]:
    """What a newcomer reads."""
    return rows_of(DeltaStore(root).candles(ALL))


def files_on_disk(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.glob("*/*.parquet") if "_delta_log" not in path.parts}


def files_of_table(root: Path) -> set[str]:
    return {str(Path(uri).relative_to(root)) for uri in DeltaTable(root).file_uris()}
