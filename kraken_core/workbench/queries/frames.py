"""What Workbench hands out: pandas DataFrames. Pandas, slow to load, is loaded by the first of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from kraken_core.domain.candles import PRICES, TIME
from kraken_core.domain.joined import FACTOR, ORIGIN

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = (*PRICES, "volume", "trades", "source")
_FLAGS = ("filled", "partial", ORIGIN, FACTOR)


def candles(read: pl.DataFrame) -> pl.DataFrame:
    """Candles as users get them: time, open, high, low, close, volume, trades, source, and flags if there are any."""
    return read.select("time", *_COLUMNS, *(flag for flag in _FLAGS if flag in read.columns))


def indexed(found: pl.DataFrame) -> pd.DataFrame:
    """Candles in pandas, indexed by time; trades as Int32, which allows nulls."""
    return pandas(found).astype({"trades": "Int32"}).set_index("time")


def table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, Any]) -> pd.DataFrame:
    """Contract rows as a DataFrame; ``columns`` gives their polars types, times among them as UTC timestamps."""
    texts = {name: pl.String if kind == TIME else kind for name, kind in columns.items()}
    frame = pl.DataFrame([[row[name] for name in columns] for row in rows], schema=texts, orient="row")
    times = [name for name, kind in columns.items() if kind == TIME]
    return pandas(frame.with_columns(pl.col(times).str.to_datetime("%Y-%m-%dT%H:%M:%SZ").dt.replace_time_zone("UTC")))


def pandas(frame: pl.DataFrame) -> pd.DataFrame:
    """The same in pandas."""
    result: pd.DataFrame = frame.to_arrow().to_pandas()
    return result
