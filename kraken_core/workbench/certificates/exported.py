"""Exported candles, read back to be compared with a certificate: Kraken's own csv, or parquet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from kraken_core.domain.candles import PRICES, TIME
from kraken_core.domain.certificates.candle_hashes import HASHED, MonthHash, month_hashes
from kraken_core.domain.errors import UsageError
from kraken_core.domain.market import Series
from kraken_core.domain.plain_text import begins_with_number
from kraken_core.domain.timerange import TimeRange

_US = 1_000_000
_NO_CANDLES = "its first row is no candle"
_CSV: dict[str, type[pl.DataType]] = {
    "time": pl.Int64,
    **dict.fromkeys((*PRICES, "volume"), pl.Float64),
    "trades": pl.Int32,
}
_PARQUET: dict[str, pl.DataType | type[pl.DataType]] = {
    "time": TIME,
    **dict.fromkeys((*PRICES, "volume"), pl.Float64),
    "trades": pl.Int32,
}


def exported_months(path: Path, series: Sequence[Series], span: TimeRange) -> dict[Series, list[MonthHash]]:
    """The months of each series within a span, of its file in a folder, or of the one file that ``path`` is.

    Fills are left out: they are no candles. Raises UsageError where there is no file of any series, or one cannot be
    read.
    """
    files = {each: file for each in series if (file := _file_of(path, each))}
    if not files:
        raise UsageError(
            f"{path} has no candles of the certificate: it needs files as kraken-history export writes them, "
            f"{series[0].file_name} or parquet."
        )
    found: dict[Series, list[MonthHash]] = {}
    for each, file in files.items():
        try:
            candles = _candles(file, each, span)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise UsageError(f"{file} cannot be read as exported candles: {str(error).splitlines()[0]}.") from error
        if candles.height:
            found |= month_hashes(candles, each.interval)
    return found


def _file_of(path: Path, series: Series) -> Path | None:
    """The file of a series, by its name."""
    names = (series.file_name, f"{Path(series.file_name).stem}.parquet")
    if path.is_file():
        return path if path.name in names else None
    return next((path / name for name in names if (path / name).is_file()), None)


def _candles(file: Path, series: Series, span: TimeRange) -> pl.DataFrame:
    """The candles of a file (columns of HASHED) within a span, by time."""
    if file.suffix == ".csv":
        with file.open("rb") as begin:
            if not begins_with_number(begin.read(1)):
                raise OSError(_NO_CANDLES)
        rows = pl.read_csv(file, has_header=False, schema=_CSV, glob=False).with_columns(
            (pl.col("time") * _US).cast(TIME)
        )
        rows = rows.filter(pl.col("trades").is_null() | (pl.col("trades") > 0))  # others are fills
    else:
        whole = pl.read_parquet(file, glob=False)
        rows = whole.filter(~pl.col("filled")) if "filled" in whole.columns else whole
    start, end = (pl.lit(bound * _US, pl.Int64).cast(TIME) for bound in span)
    named = {"pair": pl.lit(str(series.pair)), "interval_minutes": pl.lit(series.interval, pl.Int32)}
    return (
        rows.select(pl.col(name).cast(kind) for name, kind in _PARQUET.items())
        .filter(pl.col("time").is_between(start, end, closed="left"))
        .with_columns(**named)
        .select(HASHED)
        .sort("time", maintain_order=True)
    )
