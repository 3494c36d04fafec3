"""Batches: what one more of them costs, after ten and after thousands, and what a commit does."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import polars as pl

from bench.archives import made
from bench.figures import Figure
from kraken_core import Workbench
from kraken_core.domain.candles import SCHEMA, Source, rank_of
from kraken_core.domain.market import INTERVALS
from kraken_core.pipeline import ingest
from kraken_core.pipeline.batches import BatchReceipt
from kraken_core.pipeline.read import read_batch
from kraken_core.stores.delta.store import DeltaStore

EARLY, SOME = 10, 500
LATE, LATE_FULL = 1_000, 5_000
CARE_EVERY = 100  # commits; a job of hundreds of batches is one to look after the table


def batches_and_commits(*, full: bool) -> Iterator[Figure]:
    """The batches of one ingest, each of one small file; then commits of one small file each, with nothing between."""
    late = LATE_FULL if full else LATE
    with tempfile.TemporaryDirectory(prefix="kraken-bench-") as folder:
        read = _read(Path(folder), late)
        some = min(SOME, late // 4)
        early, last = read[EARLY + some] - read[EARLY], read[-1] - read[-1 - some]
        yield Figure(f"a batch of an ingest after {late:,}, times one after {EARLY}", last / early, 1.5)
    with tempfile.TemporaryDirectory(prefix="kraken-bench-") as folder:
        seconds = _committed(Path(folder), late)
        for number, found in ((EARLY, seconds[EARLY : EARLY + 100]), (late, seconds[-100:])):
            yield Figure(f"a commit after {number:,} commits", statistics.median(found) * 1000, 50, "ms")


def _read(folder: Path, number: int) -> list[float]:
    """When each batch of an ingest was read, in order; the commits are made meanwhile, as ever."""
    archive = made(folder / "archive.zip", number // len(INTERVALS), minutes=20)
    moments: list[float] = []

    def watched(*args: Any) -> BatchReceipt:  # noqa: ANN401 - passed on
        receipt = read_batch(*args)
        moments.append(time.perf_counter())
        return receipt

    with patch.object(ingest, "BATCH_BYTES", 1), patch.object(ingest, "read_batch", watched):
        workbench = Workbench.open(folder / "home")
        plan = workbench.plan(tiers=["ALL"], sources=[archive], start_date="2020-01-01", api_backfill=False)
        workbench.run(plan)
        workbench.close()
    return sorted(moments)


def _committed(folder: Path, number: int) -> list[float]:
    """Seconds that each of so many commits took, with the table's care as jobs take it."""
    store = DeltaStore(folder / "candles")
    seconds = []
    for minute in range(number):
        staged = store.stage(_minute(minute))
        began = time.perf_counter()
        store.commit([staged])
        seconds.append(time.perf_counter() - began)
        if minute % CARE_EVERY == CARE_EVERY - 1 and store.fragmentation():
            store.compact(lambda: False)
    return seconds


def _minute(number: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "pair": ["BTC/USD"],
            "interval_minutes": [1],
            "time": [1_700_000_040_000_000 + number * 60_000_000],
            **{name: [1.0] for name in ("open", "high", "low", "close", "volume")},
            "trades": [1],
            "source": ["csv"],
            "rank": [rank_of(Source.CSV)],
        }
    ).cast(SCHEMA)  # type: ignore[arg-type]
