"""What Workbench hands out: pandas DataFrames. Pandas, slow to load, is loaded by the first of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from kraken_core.domain.averages import VWAP
from kraken_core.domain.candles import PRICES, TIME
from kraken_core.domain.joined import FACTOR, ORIGIN
from kraken_core.domain.revisions import SLOT, VISIBLE

if TYPE_CHECKING:
    import pandas as pd

_NUMBERS = (*PRICES, "volume")
_COLUMNS = tuple(name for name in VISIBLE if name not in SLOT)
_EXTRAS = (VWAP, "filled", "partial", ORIGIN, FACTOR, "flags")


def candles(read: pl.DataFrame, *, several: bool = False) -> pl.DataFrame:
    """Candles as users get them: time, open, high, low, close, volume, trades, source; vwap and flags where read.

    Of several pairs the pair comes first.
    """
    named = ("pair",) if several else ()
    return read.select(*named, "time", *_COLUMNS, *(extra for extra in _EXTRAS if extra in read.columns))


def converted(found: pl.DataFrame, to: str, in_pandas: Callable[[pl.DataFrame], pd.DataFrame]) -> Any:  # noqa: ANN401 - one of three kinds of tables
    """The frame itself (``polars``), as an Arrow table, or as pandas has it."""
    return found if to == "polars" else found.to_arrow() if to == "arrow" else in_pandas(found)


def wide(found: pl.DataFrame) -> pd.DataFrame:
    """Time × pair in pandas, indexed by time; columns are named ``pair``."""
    result = pandas(found).set_index("time").rename_axis(columns="pair")
    return result.astype("Int32") if pl.Int32 in found.dtypes else result


def indexed(found: pl.DataFrame) -> pd.DataFrame:
    """Candles in pandas, indexed by time; trades as Int32, which allows nulls.

    Numbers are copied once, straight to where pandas keeps them: by way of Arrow it takes three times as long.
    """
    import pandas as pd  # noqa: PLC0415 - slow to load, see above

    times = pd.DatetimeIndex(_filled(found["time"]), name="time").tz_localize("UTC")
    values = _filled(*(found[name] for name in _NUMBERS))
    frame = pd.DataFrame(values.T, index=times, columns=list(_NUMBERS), copy=False)
    for at, name in enumerate(name for name in found.columns if name != "time"):
        if name not in _NUMBERS:
            frame.insert(at, name, _column(found[name]))
    return frame


def trades(found: pl.DataFrame) -> pd.DataFrame:
    """Kept trades in pandas, indexed by time; prices and volumes as doubles, ids as Int64, which allows nulls."""
    doubles = [pl.col(name).cast(pl.String).cast(pl.Float64) for name in ("price", "volume")]  # the nearest ones
    result = pandas(found.with_columns(doubles)).set_index("time")
    return result.astype({"id": "Int64"})


def _column(column: pl.Series) -> Any:  # noqa: ANN401 - an array of pandas, whichever suits
    """One column as pandas has it when it is given an Arrow table."""
    import pandas as pd  # noqa: PLC0415 - as above

    if column.dtype == pl.String:
        text: Any = pd.StringDtype(na_value=np.nan)
        return text.__from_arrow__(column.to_arrow())
    if column.dtype == pl.Int32:
        if not column.null_count():  # as good as always, and far quicker than to look for nulls
            return pd.arrays.IntegerArray(_filled(column), np.zeros(len(column), bool))
        return pd.arrays.IntegerArray(_filled(column.fill_null(0)), column.is_null().to_numpy(writable=True))
    return column.to_numpy(writable=True)


def _filled(*columns: pl.Series) -> np.ndarray[Any, Any]:
    """Columns of one type as rows of a matrix, a single one as a vector: copied once, part by part."""
    dtype = columns[0].head(0).to_numpy().dtype
    matrix = np.empty((len(columns), len(columns[0])), dtype)
    for row, column in zip(matrix, columns, strict=True):
        at = 0
        for chunk in column.get_chunks():
            row[at : at + len(chunk)] = chunk.to_numpy()
            at += len(chunk)
    return matrix if len(columns) > 1 else matrix[0]


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
