"""Homes to read from, and the same candles as each rival keeps them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import polars as pl

from bench import read_rivals, scale_home
from bench.archives import made
from kraken_core import Workbench
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import END_OF_TIME, TimeRanges
from tests.support.questdb_server import QuestDB

MINUTES, HOURS = 1, 60
_EVER = TimeRanges.single(0, END_OF_TIME)


def ingested(folder: Path, pairs: int, minutes: int) -> list[str]:
    """A home with an archive of so many pairs over so many minutes; returns its pairs, the most active first."""
    archive = made(folder / "archive.zip", pairs, minutes)
    command = [sys.executable, "-m", "kraken_core", "ingest", "--yes", "--quiet", "--tier", "ALL", "--no-api-backfill"]
    subprocess.run([*command, "--csv-source-dir", archive, "--home", folder / "home"], check=True, capture_output=True)
    archive.unlink()
    return _as_files(folder)


def scaled(folder: Path, pairs: int) -> list[str]:
    """A home as large as Kraken's history; returns 500 of its pairs, the most active first."""
    scale_home.write(folder / "home", pairs)
    return _as_files(folder, 500)


def _as_files(folder: Path, many: int | None = None) -> list[str]:
    """Write one Parquet file a series, as polars does by itself."""
    (folder / "series").mkdir()
    query = "SELECT pair FROM candles WHERE interval_minutes = 1 GROUP BY pair ORDER BY count(*) DESC, pair"
    with Workbench.open(folder / "home") as workbench:
        pairs: list[str] = workbench.sql(query, to="polars")["pair"].to_list()[:many]
        for pair in pairs:
            for interval in (MINUTES, HOURS):
                candles = workbench.store.candles({Series(Pair.stored(pair), interval): _EVER})
                path = folder / "series" / f"{read_rivals.symbol(pair, interval)}.parquet"
                candles.select("pair", *read_rivals.COLUMNS).write_parquet(path)
    return pairs


def in_arcticdb(folder: Path) -> str:
    """Have ArcticDB take the files in, by its own Python; returns that, or "" with the reason printed."""
    python = os.environ.get("ARCTICDB_PYTHON", "")
    if not python:
        print("without ArcticDB: no ARCTICDB_PYTHON names a Python that has it (it needs pandas 2, this project 3)")
        return ""
    command = [python, read_rivals.__file__, "load", str(folder)]
    loaded = subprocess.run(command, capture_output=True, text=True, check=False)
    if loaded.returncode:
        print(f"without ArcticDB: {loaded.stderr.strip().splitlines()[-1]}")
    return "" if loaded.returncode else python


def in_questdb(folder: Path, server: QuestDB, intervals: Iterable[int]) -> None:
    """Have a server take the files in, a table an interval, in the order of time."""
    server.wipe()
    for interval in intervals:
        rows = pl.scan_parquet(folder / "series" / f"*_{interval}.parquet").sort("time")
        rows.sink_parquet(server.folder / "all.parquet", compression="uncompressed")
        server.sql(
            f"CREATE TABLE candles_{interval} (pair SYMBOL INDEX, time TIMESTAMP, open DOUBLE, high DOUBLE, "
            "low DOUBLE, close DOUBLE, volume DOUBLE, trades INT, source SYMBOL) TIMESTAMP(time) PARTITION BY MONTH "
            "BYPASS WAL"
        )
        server.sql(
            f"INSERT INTO candles_{interval} SELECT pair, time::timestamp, open, high, low, close, volume, trades, "  # noqa: S608 - ours
            "source FROM read_parquet('all.parquet')"
        )
    (folder / "questdb").write_text(f"http://127.0.0.1:{server.http}", encoding="utf-8")
