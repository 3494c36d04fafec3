"""Commits: what one more batch costs, after ten and after thousands, with the table's care as jobs take it."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from bench.figures import Figure
from kraken_core.domain.candles import SCHEMA, Source, rank_of
from kraken_core.stores.delta import DeltaStore

EARLY, LATE, LATE_FULL = 10, 1_000, 5_000
CARE_EVERY = 100  # commits; a job of hundreds of batches is one to look after the table


def commits(*, full: bool) -> Iterator[Figure]:
    """The median time of a commit of one small file, late as a ratio to early."""
    late = LATE_FULL if full else LATE
    with tempfile.TemporaryDirectory(prefix="kraken-bench-") as folder:
        store = DeltaStore(Path(folder) / "candles")
        seconds = []
        for number in range(late):
            staged = store.stage(_minute(number))
            began = time.perf_counter()
            store.commit([staged])
            seconds.append(time.perf_counter() - began)
            if number % CARE_EVERY == CARE_EVERY - 1 and store.fragmentation():
                store.compact(lambda: False)
    early, last = statistics.median(seconds[EARLY : EARLY + 100]), statistics.median(seconds[-100:])
    yield Figure("a commit after 10 batches", early * 1000, 50, "ms")
    yield Figure(f"a commit after {late:,} batches, times that", last / early, 1.5)


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
