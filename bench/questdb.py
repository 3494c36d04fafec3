"""QuestDB: batches staged and committed, beside the bare loops of its own client, all on one server in one run."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl
from questdb import Sender, TimestampNanos

from bench.figures import Figure
from kraken_core.domain.candles import SCHEMA, TIME, Source, rank_of
from kraken_core.stores.questdb import QuestDBStore
from kraken_core.stores.questdb_address import parse_address
from tests.questdb_server import NoServerError, QuestDB
from tests.questdb_tables import SomeAssets

PAIRS, MINUTES, FULL_MINUTES = 20, 15_000, 60_000
BATCHES = 4  # of so many pairs each
ROWS_OF_ROW_LOOP = 100_000  # it is too slow for all of them
FLUSH = 100_000  # as many as the store sends at once
COLUMNS = (
    "asset_id INT, time TIMESTAMP, open DOUBLE, high DOUBLE, low DOUBLE, close DOUBLE, volume DOUBLE, "
    "interval_minutes INT, trade_count INT, quote_currency SYMBOL, source SYMBOL"
)
KEYS = "time, asset_id, interval_minutes, quote_currency"


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
        batches = [_batch(number, FULL_MINUTES if full else MINUTES) for number in range(BATCHES)]
        loops: dict[str, Callable[[], float]] = {
            "frames": lambda: _frames(server, batches),
            "rows": lambda: _rows(server, batches),
            "sent": lambda: _ingest(server, batches, folder.with_name(f"{folder.name}-elsewhere")),
            "read": lambda: _ingest(server, batches, folder / "staged"),
        }
        loops["read"]()  # the server warms up
        measured = [
            {name: loop() for name, loop in loops.items()} for _ in range(runs)
        ]  # by turns: others run here too
        found = {name: max(run[name] for run in measured) for name in loops}
    finally:
        server.kill()
        shutil.rmtree(folder)
        shutil.rmtree(folder.with_name(f"{folder.name}-elsewhere"), ignore_errors=True)
    yield Figure("QuestDB, ingest, to a bare Sender.dataframe loop", found["sent"] / found["frames"], 0.9, least=True)
    yield Figure("QuestDB, ingest, to a Sender.row loop into days", found["sent"] / found["rows"], 6, least=True)
    yield Figure("QuestDB, ingest with read_parquet, to the bare loop", found["read"] / found["frames"], 2, least=True)


def _batch(number: int, minutes: int) -> pl.DataFrame:
    """What a worker read: a few pairs, side by side over the same minutes."""
    rng = np.random.default_rng(number)
    pairs = PAIRS // BATCHES
    rows = pairs * minutes
    price = rng.random(rows) + 100
    return pl.DataFrame(
        {
            "pair": np.repeat([f"P{number}{pair:02}/USD" for pair in range(pairs)], minutes),
            "interval_minutes": np.ones(rows, dtype=np.int32),
            "time": np.tile(1_735_689_600_000_000 + np.arange(minutes) * 60_000_000, pairs),
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


def _ingest(server: QuestDB, batches: list[pl.DataFrame], folder: Path) -> float:
    """As a job does it: workers stage, one coordinator commits."""
    server.wipe()
    store = QuestDBStore(parse_address(server.url), folder, SomeAssets())
    began = time.perf_counter()
    with ThreadPoolExecutor(2) as workers:
        for staged in workers.map(store.stage, batches):
            store.commit([staged])
    return _speed(server, batches, began)


def _frames(server: QuestDB, batches: list[pl.DataFrame]) -> float:
    """The client alone, with frames that are ready to be sent."""
    frames = [_table(batch).to_pandas() for batch in batches]
    _create(server, "MONTH")
    began = time.perf_counter()
    with Sender.from_conf(f"http::addr=127.0.0.1:{server.http};auto_flush=off;") as sender:
        for frame in frames:
            for start in range(0, len(frame), FLUSH):
                part = frame.iloc[start : start + FLUSH]
                sender.dataframe(part, table_name="assetprice", symbols=["quote_currency", "source"], at="time")
                sender.flush()
    return _speed(server, batches, began)


def _rows(server: QuestDB, batches: list[pl.DataFrame]) -> float:
    """The client alone, row by row into partitions of a day, as the old tool did."""
    rows = _table(batches[0]).with_columns(pl.col("time").to_physical()).head(ROWS_OF_ROW_LOOP)
    _create(server, "DAY")
    began = time.perf_counter()
    with Sender.from_conf(f"http::addr=127.0.0.1:{server.http};auto_flush_rows=5000;") as sender:
        for row in rows.iter_rows(named=True):
            at = TimestampNanos(row.pop("time") * 1000)
            symbols = {name: row.pop(name) for name in ("quote_currency", "source")}
            sender.row("assetprice", symbols=symbols, columns=row, at=at)
    return _speed(server, [rows], began)


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


def _speed(server: QuestDB, batches: list[pl.DataFrame], began: float) -> float:
    """Rows a second, once all of them can be read."""
    server.settle()
    seconds = time.perf_counter() - began
    wanted = sum(batch.height for batch in batches)
    [(held,)] = server.sql("SELECT count() FROM assetprice")
    if held != wanted:
        raise AssertionError(f"{held:,} rows are held of {wanted:,}")
    return wanted / seconds
