"""What tests put into a candle store, and where they look for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRanges
from kraken_core.ports import CandleStore, Merged
from tests.candle_frames import Row, frame

Adapter = Callable[[Path], CandleStore]  # opens the table of a folder; of a new folder a new table

BTC = Series(Pair("BTC", "USD"), 60)
ETH = Series(Pair("ETH", "EUR"), 60)
BTC_MINUTES = Series(Pair("BTC", "USD"), 1)
EVER = TimeRanges.single(0, 2**33)
ALL = dict.fromkeys((BTC, ETH, BTC_MINUTES), EVER)
READING, SENT = (pytest.param(f"questdb, {how}", marks=pytest.mark.questdb) for how in ("reading files", "sent rows"))


def put(store: CandleStore, *rows: Row) -> Mapping[Series, Merged]:
    """Stage the rows as one file and commit it."""
    return store.commit([store.stage(frame(rows))])


def slots(*ranges: tuple[int, int], width: int = BTC.width) -> TimeRanges:
    return TimeRanges.of((start * width, end * width) for start, end in ranges)
