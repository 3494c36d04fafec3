"""QuestDB: batches staged and committed, beside the bare loops of its own client, all on one server in one run."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import psutil
from questdb import Sender, TimestampNanos

from bench.figures import Figure
from kraken_core.domain.candles import SCHEMA, TIME, Source, rank_of
from kraken_core.stores.questdb.address import parse_address
from kraken_core.stores.questdb.sender import PART_ROWS
from kraken_core.stores.questdb.store import QuestDBStore
from tests.support.questdb_server import NoServerError, QuestDB
from tests.support.questdb_tables import SomeAssets

# As an archive has them: pairs that traded in one minute of eight, for years; as many to a batch as the reader takes.
PAIRS, CANDLES, FULL_CANDLES = 20, 30_000, 240_000
SILENCE = 8
BATCHES = 4  # of so many pairs each
WORKERS = 2
COLUMNS = (
    "asset_id INT, time TIMESTAMP, open DOUBLE, high DOUBLE, low DOUBLE, close DOUBLE, volume DOUBLE, "
    "interval_minutes INT, trade_count INT, quote_currency SYMBOL, source SYMBOL"
)
RATIOS = (
    ("sent", "frames", "ingest, to a Sender.dataframe loop", 0.9),
    ("sent", "rows", "ingest, to a Sender.row loop into days", 6),
    ("read", "frames", "read_parquet, to the dataframe loop", 2),
)
KEYS = "time, asset_id, interval_minutes, quote_currency"


class Speed(NamedTuple):
    """Rows a second, and rows a second of a processor's, whoever used it: that one is the same on a busy machine."""

    clock: float
    processors: float


class Moment(NamedTuple):
    """Now, in seconds: by the clock, and by what this process and the server took of the processors."""

    clock: float
    processors: float

    @classmethod
    def of(cls, server: QuestDB) -> Moment:
        """The moment in which it is asked."""
        if server.process is None:
            raise ValueError("the server is not there")
        times = [psutil.Process(pid).cpu_times() for pid in (os.getpid(), server.process.pid)]
        return cls(time.perf_counter(), sum(each.user + each.system for each in times))


def questdb(*, full: bool, runs: int) -> Iterator[Figure]:
    """Rows per second until they can be read, as ratios to what the client does alone."""
    folder = Path(tempfile.mkdtemp(prefix="kraken-bench-"))
    server = QuestDB(folder, {"shared.worker.count": "2"})
    try:
        server.start()
    except NoServerError as error:
        print(f"QuestDB's server cannot be had here: {error}")
        return
    try:
        batches = [_batch(number, FULL_CANDLES if full else CANDLES) for number in range(BATCHES)]
        loops: dict[str, Callable[[], Speed]] = {
            "frames": lambda: _frames(server, batches),
            "rows": lambda: _rows(server, batches),
            "sent": lambda: _ingest(server, batches, folder.with_name(f"{folder.name}-elsewhere")),
            "read": lambda: _ingest(server, batches, folder / "staged"),
        }
        rows = loops.pop("rows")  # takes longest, and a row of it as long as any other: once is enough
        for loop in loops.values():  # the server warms up
            loop()
        row_by_row = rows()
        # by turns: others run here too
        measured = [{"rows": row_by_row} | {name: loop() for name, loop in loops.items()} for _ in range(runs)]
    finally:
        server.kill()
        shutil.rmtree(folder)
        shutil.rmtree(folder.with_name(f"{folder.name}-elsewhere"), ignore_errors=True)
    for kind in Speed._fields:
        found = {name: max(getattr(run[name], kind) for run in measured) for name in measured[0]}
        by = "" if kind == "clock" else ", in processors' time"
        for way, to, name, target in RATIOS:
            yield Figure(f"QuestDB, {name}{by}", found[way] / found[to], target, least=True)


def _batch(number: int, candles: int) -> pl.DataFrame:
    """What a worker read: a few pairs over the same years."""
    rng = np.random.default_rng(number)
    pairs = PAIRS // BATCHES
    rows = pairs * candles
    minutes = [np.sort(rng.choice(candles * SILENCE, candles, replace=False)) for _ in range(pairs)]
    price = rng.random(rows) + 100
    return pl.DataFrame(
        {
            "pair": np.repeat([f"P{number}{pair:02}/USD" for pair in range(pairs)], candles),
            "interval_minutes": np.ones(rows, dtype=np.int32),
            "time": 1_577_836_800_000_000 + np.concatenate(minutes) * 60_000_000,
            "open": price,
            "high": price + 1,
            "low": price - 1,
            "close": price,
            "volume": rng.random(rows) * 10,
            "trades": rng.integers(1, 1000, rows, dtype=np.int32),
            "source": ["csv"] * rows,
            "rank": np.full(rows, rank_of(Source.CSV)),
        }
    ).select(pl.col(name).cast(TIME if name == "time" else kind) for name, kind in SCHEMA.items())


def _ingest(server: QuestDB, batches: list[pl.DataFrame], folder: Path) -> Speed:
    """As a job does it: workers stage, one coordinator commits what is ready."""
    server.wipe()
    store = QuestDBStore(parse_address(server.url), folder, SomeAssets())
    began = Moment.of(server)
    with ThreadPoolExecutor(WORKERS) as workers:
        todo = iter(batches)
        running = {workers.submit(store.stage, batch) for batch in islice(todo, WORKERS + 1)}
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            running |= {workers.submit(store.stage, batch) for batch in islice(todo, len(done))}
            store.commit([staged.result() for staged in done])
    return _speed(server, batches, began)


def _frames(server: QuestDB, batches: list[pl.DataFrame]) -> Speed:
    """The client alone, with frames that are ready to be sent, in parts as large as the store's."""
    frames = [_table(batch).to_pandas() for batch in batches]
    _create(server, "MONTH")
    began = Moment.of(server)
    with Sender.from_conf(f"http::addr=127.0.0.1:{server.http};auto_flush=off;") as sender:
        for frame in frames:
            for start in range(0, len(frame), PART_ROWS):
                part = frame.iloc[start : start + PART_ROWS]
                sender.dataframe(part, table_name="assetprice", symbols=["quote_currency", "source"], at="time")
                sender.flush()
    return _speed(server, batches, began)


def _rows(server: QuestDB, batches: list[pl.DataFrame]) -> Speed:
    """The client alone, row by row into partitions of a day, as the old tool did; it flushes when it will."""
    tables = [_table(batch).with_columns(pl.col("time").to_physical()) for batch in batches]
    _create(server, "DAY")
    began = Moment.of(server)
    with Sender.from_conf(f"http::addr=127.0.0.1:{server.http};") as sender:
        for row in (row for table in tables for row in table.iter_rows(named=True)):
            at = TimestampNanos(row.pop("time") * 1000)
            symbols = {name: row.pop(name) for name in ("quote_currency", "source")}
            sender.row("assetprice", symbols=symbols, columns=row, at=at)
    return _speed(server, batches, began)


def _table(batch: pl.DataFrame) -> pl.DataFrame:
    return batch.select(
        pl.col("pair").str.slice(1, 3).cast(pl.Int32).alias("asset_id"),
        "time",
        *("open", "high", "low", "close", "volume", "interval_minutes"),
        pl.col("trades").alias("trade_count"),
        pl.lit("USD").cast(pl.Categorical).alias("quote_currency"),
        pl.col("source").cast(pl.Categorical),
    )


def _create(server: QuestDB, partition: str) -> None:
    server.wipe()
    server.sql(
        f"CREATE TABLE assetprice ({COLUMNS}) TIMESTAMP(time) PARTITION BY {partition} WAL DEDUP UPSERT KEYS({KEYS})"
    )


def _speed(server: QuestDB, batches: list[pl.DataFrame], began: Moment) -> Speed:
    """Rows a second, once all of them can be read."""
    server.settle()
    ended = Moment.of(server)
    wanted = sum(batch.height for batch in batches)
    [(held,)] = server.sql("SELECT count() FROM assetprice")
    if held != wanted:
        raise AssertionError(f"{held:,} rows are held of {wanted:,}")
    return Speed(wanted / (ended.clock - began.clock), wanted / (ended.processors - began.processors))
