"""The kinds of candle store that tests are run against, and slots to look at in them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kraken_core.domain.timerange import TimeRanges
from kraken_core.ports import CandleStore
from tests.support.candle_tables import BTC

Adapter = Callable[[Path], CandleStore]  # opens the table of a folder; of a new folder a new table

READING, SENT = (pytest.param(f"questdb, {how}", marks=pytest.mark.questdb) for how in ("reading files", "sent rows"))


def slots(*ranges: tuple[int, int], width: int = BTC.width) -> TimeRanges:
    return TimeRanges.of((start * width, end * width) for start, end in ranges)
