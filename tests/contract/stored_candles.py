"""The kinds of candle store that tests are run against, and slots to look at in them."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import pytest

from kraken_core.domain.timerange import TimeRanges
from kraken_core.ports import CandleStore, KeepReplaced
from tests.support.candle_tables import BTC


class Adapter(Protocol):
    """Opens the table of a folder; of a new folder a new table."""

    def __call__(self, folder: Path, /, *, keep: KeepReplaced | None = None) -> CandleStore: ...


ON_S3 = pytest.param("delta on s3", marks=pytest.mark.xdist_group("s3"))
READING, SENT = (pytest.param(f"questdb, {how}", marks=pytest.mark.questdb) for how in ("reading files", "sent rows"))


def slots(*ranges: tuple[int, int], width: int = BTC.width) -> TimeRanges:
    return TimeRanges.of((start * width, end * width) for start, end in ranges)
