"""One way to read candles, in a process of its own: python read_rivals.py WAY FOLDER, or load FOLDER.

It takes requests as lines of JSON, and answers each with what the read took and what it found. Of the project it
imports only what it measures, so that ArcticDB, which needs another pandas, is measured by a Python of its own.
"""

from __future__ import annotations

import io
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

COLUMNS = ("time", "open", "high", "low", "close", "volume", "trades", "source")
Request = dict[str, Any]  # pairs, interval (minutes), start and end (epoch seconds), to (pandas, polars or arrow)
Way = Callable[[Request], Any]
US = 1_000_000


def workbench(folder: Path) -> Way:
    """This project; with ``complete`` it checks that nothing is missing."""
    from kraken_core import Workbench

    opened = Workbench.open(folder / "home")

    def read(wanted: Request) -> Any:  # noqa: ANN401 - one of three kinds of frames
        pairs, (start, end) = wanted["pairs"], (wanted["start"], wanted["end"])
        of = pairs if len(pairs) > 1 else pairs[0]
        complete = bool(wanted.get("complete"))
        return opened.candles(of, wanted["interval"], start, end, to=wanted["to"], require_complete=complete)

    return read


def polars(folder: Path) -> Way:
    """polars.scan_parquet over one file a series."""
    import polars as pl

    def read(wanted: Request) -> Any:  # noqa: ANN401 - as above
        many, times = len(wanted["pairs"]) > 1, (pl.from_epoch(pl.lit(wanted[end])) for end in ("start", "end"))
        start, end = (at.cast(pl.Datetime("us", "UTC")) for at in times)
        found = (
            pl.scan_parquet(series_files(folder, wanted), glob=False)
            .filter(pl.col("time") >= start, pl.col("time") < end)
            .select(*(["pair"] if many else []), *COLUMNS)
            .collect()
        )
        if wanted["to"] == "polars":
            return found
        return found.to_arrow() if wanted["to"] == "arrow" else found.to_pandas().set_index("time")

    return read


def duckdb(folder: Path) -> Way:
    """DuckDB over one file a series, in one connection."""
    import duckdb as duck

    connection = duck.connect()
    connection.execute("SET TimeZone = 'UTC'")

    def read(wanted: Request) -> Any:  # noqa: ANN401 - as above
        columns = ", ".join((*(["pair"] if len(wanted["pairs"]) > 1 else []), *COLUMNS))
        query = f"SELECT {columns} FROM read_parquet(?) WHERE time >= to_timestamp(?) AND time < to_timestamp(?)"  # noqa: S608 - ours
        values = [series_files(folder, wanted), wanted["start"], wanted["end"]]
        found = connection.sql(query, params=values)
        if wanted["to"] == "polars":
            return found.pl()
        return found.to_arrow_table() if wanted["to"] == "arrow" else found.df().set_index("time")

    return read


def arcticdb(folder: Path) -> Way:
    """ArcticDB on LMDB, a symbol a series."""
    import pandas as pd
    from arcticdb import Arctic, OutputFormat, ReadRequest

    library = Arctic(f"lmdb://{folder / 'arctic'}")["candles"]
    formats = {"pandas": OutputFormat.PANDAS, "polars": OutputFormat.POLARS, "arrow": OutputFormat.PYARROW}

    def read(wanted: Request) -> Any:  # noqa: ANN401 - as above
        kind, names = wanted["to"], [symbol(pair, wanted["interval"]) for pair in wanted["pairs"]]
        last = wanted["end"] * US - 1  # its ranges include both ends
        dates = (pd.Timestamp(wanted["start"], unit="s", tz="UTC"), pd.Timestamp(last, unit="us", tz="UTC"))
        if len(names) == 1:
            return library.read(names[0], date_range=dates, output_format=formats[kind]).data
        batch = library.read_batch([ReadRequest(name, date_range=dates) for name in names], output_format=formats[kind])
        frames = {pair: found.data for pair, found in zip(wanted["pairs"], batch, strict=True)}
        if kind == "pandas":
            return pd.concat(frames, names=["pair"])
        import polars as pl
        import pyarrow as pa

        if kind == "polars":
            return pl.concat([frame.with_columns(pair=pl.lit(pair)) for pair, frame in frames.items()])
        return pa.concat_tables(
            frame.append_column("pair", pa.array([pair] * frame.num_rows)) for pair, frame in frames.items()
        )

    return read


def questdb(folder: Path) -> Way:
    """A QuestDB server, which answers with a Parquet file."""
    import polars as pl
    import requests

    address, session = (folder / "questdb").read_text(encoding="utf-8"), requests.Session()

    def read(wanted: Request) -> Any:  # noqa: ANN401 - as above
        pairs = ", ".join(f"'{pair}'" for pair in wanted["pairs"])
        columns = ", ".join((*(["pair"] if len(wanted["pairs"]) > 1 else []), *COLUMNS))
        query = (
            f"SELECT {columns} FROM candles_{wanted['interval']} WHERE pair IN ({pairs}) "  # noqa: S608 - ours
            f"AND time >= {wanted['start'] * US} AND time < {wanted['end'] * US}"
        )
        answer = session.get(f"{address}/exp", params={"query": query, "fmt": "parquet"}, timeout=60)
        answer.raise_for_status()
        found = pl.read_parquet(io.BytesIO(answer.content))
        if wanted["to"] == "polars":
            return found
        return found.to_arrow() if wanted["to"] == "arrow" else found.to_pandas().set_index("time")

    return read


WAYS = {way.__name__: way for way in (workbench, polars, duckdb, arcticdb, questdb)}


def symbol(pair: str, interval: int) -> str:
    """What the file, or the symbol, of a series is called."""
    return f"{pair.replace('/', '-')}_{interval}"


def series_files(folder: Path, wanted: Request) -> list[str]:
    """The files of the requested series."""
    return [str(folder / "series" / f"{symbol(pair, wanted['interval'])}.parquet") for pair in wanted["pairs"]]


def checked(found: Any) -> tuple[int, float]:  # noqa: ANN401 - one of three kinds of frames
    """How many rows were read, and the sum of their closes: the same whoever reads them."""
    closes = found["close"]
    if hasattr(closes, "to_numpy"):
        closes = closes.to_numpy()
    return len(closes), round(float(closes.sum()), 3)


def serve(read: Way) -> None:
    """Answer requests until there are no more."""
    for line in sys.stdin:
        wanted = json.loads(line)
        clock, processor = time.perf_counter(), time.process_time()
        found = read(wanted)
        spent = {"processor": time.process_time() - processor, "clock": time.perf_counter() - clock}
        print(json.dumps({**spent, "found": checked(found)}), flush=True)


def load(folder: Path) -> None:
    """Have ArcticDB take in the files of all series."""
    import polars as pl
    from arcticdb import Arctic

    library = Arctic(f"lmdb://{folder / 'arctic'}?map_size=8GB").get_library("candles", create_if_missing=True)
    for path in sorted((folder / "series").glob("*.parquet")):
        library.write(path.stem, pl.read_parquet(path).drop("pair").to_pandas().set_index("time"))


if __name__ == "__main__":
    sys.path[:0] = [os.environ["READS_PROJECT"]] if "READS_PROJECT" in os.environ else []
    if sys.argv[1] == "load":
        load(Path(sys.argv[2]))
    else:
        serve(WAYS[sys.argv[1]](Path(sys.argv[2])))
