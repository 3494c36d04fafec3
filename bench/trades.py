"""Trades: a trading history made into candles of all eight intervals, alone and as a whole job from its archive."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from bench.figures import Figure
from bench.processes import environment
from kraken_core.domain.exchange import NS
from kraken_core.domain.market import INTERVALS, Pair
from kraken_core.domain.trades import TRADES, TradeCandles

PAIR = Pair("BTC", "USD")
START, TRADES_A_MINUTE = 1_704_067_200, 20
TAPE, QUICK_TAPE = 10_000_000, 2_000_000  # trades
PAIRS, A_PAIR = 40, 2_500_000  # 100 million trades
QUICK_PAIRS, QUICK_A_PAIR = 4, 500_000
GIB = 2**30
SATOSHI = pl.Series(["0.00000001"]).cast(TRADES["volume"])


def trades(*, full: bool, runs: int) -> Iterator[Figure]:
    """As a ratio to polars doing the same; then a whole job."""
    yield from _alone(TAPE if full else QUICK_TAPE, runs)
    with tempfile.TemporaryDirectory(prefix="kraken-bench-") as folder:
        yield from _whole(Path(folder), *((PAIRS, A_PAIR) if full else (QUICK_PAIRS, QUICK_A_PAIR)))


def _alone(many: int, runs: int) -> Iterator[Figure]:
    """One tape in memory; in turns, by the processor's time."""
    tape = _tape(many)
    plain = tape.select(pl.from_epoch("time", "ns"), "price", pl.col("volume").cast(pl.Float64))
    ours, theirs = [], []
    for _ in range(runs):
        ours.append(_processor_s(lambda: TradeCandles.empty(PAIR).add(tape).candles()))
        theirs.append(_processor_s(lambda: _grouped(plain)))
    seconds = statistics.median(ours)
    what = f"{many / 1e6:.0f} M trades to eight intervals"
    yield Figure(f"{what}: polars' group_by_dynamic, of ours", statistics.median(theirs) / seconds, 3, least=True)
    yield Figure(f"{what}: trades a second of a processor", many / seconds, 8e6, least=True)


def _grouped(tape: pl.DataFrame) -> None:
    """The same by polars alone: each interval from all trades; volumes are doubles."""
    price = pl.col("price")
    for interval in INTERVALS:
        tape.group_by_dynamic("time", every=f"{interval}m").agg(
            open=price.first(),
            high=price.max(),
            low=price.min(),
            close=price.last(),
            volume=pl.col("volume").sum(),
            trades=pl.len(),
        )


def _whole(folder: Path, pairs: int, many: int) -> Iterator[Figure]:
    """From the start of the command to its end: checks, hashes, commits and grades included."""
    archive = _archive(folder / "Kraken_Trading_History.zip", pairs, many)
    words = ("ingest", "--json", "--quiet", "--yes", "--no-api-backfill", "--tier", "ALL", "--start-date", "2020-01-01")
    seen = folder / "seen.json"
    command = [sys.executable, "-m", "bench.watched", str(seen), *words]
    began = time.perf_counter()
    run = subprocess.run(
        [*command, "--home", str(folder / "home"), "--csv-source-dir", str(archive)],
        check=True,
        stdout=subprocess.PIPE,
        env=environment(),
    )
    seconds = time.perf_counter() - began
    if not json.loads(run.stdout)["records"]["read"]:
        raise ValueError("no trade of the archive was read")
    what = f"{pairs * many / 1e6:.0f} M trades, {archive.stat().st_size / 1e9:.2f} GB"
    yield Figure(f"{what}, start to exit in {seconds:.0f} s: trades a second", pairs * many / seconds, 8e6, least=True)
    yield Figure(f"{what}: peak memory", json.loads(seen.read_text())["memory"] / GIB, 1, "GiB")


def _archive(path: Path, pairs: int, many: int) -> Path:
    """A file a pair, as Kraken's trading history has them: seconds with a fraction, price, volume."""
    tape = _tape(many)
    times = pl.format("{}.{}", pl.col("time") // NS, (pl.col("time") // 1_000 % 1_000_000).cast(pl.String).str.zfill(6))
    text = tape.select(times, "price", "volume").write_csv(include_header=False).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for number in range(pairs):
            archive.writestr(f"A{number:04}USD.csv", text)
    return path


def _tape(many: int) -> pl.DataFrame:
    """Trades of one pair, about twenty a minute."""
    chance = np.random.default_rng(1)
    minutes = many // TRADES_A_MINUTE
    return pl.DataFrame(
        {
            "time": START * NS + np.sort(chance.integers(0, minutes * 60 * NS, many)),
            "price": (60_000 + np.cumsum(chance.normal(0, 1, many))).round(1),
            "volume": pl.Series(chance.integers(1, 10**9, many)).cast(pl.Decimal(38, 0)) * SATOSHI,
            "id": np.arange(many),
        },
        schema=TRADES,
    )


def _processor_s(work: Callable[[], Any]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began
