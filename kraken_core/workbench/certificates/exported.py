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
_NO_COUNT = "it has candles with fewer than no trades"
_ANOTHER = "its rows are of another series"
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

    Fills are left out: they are no candles. Raises UsageError where there is no file of any series, one cannot be read
    as candles of its series, or two files of one have different candles.
    """
    files = {each: of_series for each in series if (of_series := _files_of(path, each))}
    if not files:
        raise UsageError(
            f"{path} has no candles of the certificate: it needs files as kraken-history export writes them, "
            f"{series[0].file_name} or parquet."
        )
    found: dict[Series, list[MonthHash]] = {}
    for each, (first, *others) in files.items():
        months = _months(first, each, span)
        for other in others:
            if _months(other, each, span) != months:
                raise UsageError(
                    f"{first} and {other.name} beside it are both of {each}, and have different candles: name the one "
                    "to be checked."
                )
        if months:
            found[each] = months
    return found


def _files_of(path: Path, series: Series) -> list[Path]:
    """The files of a series, by their names."""
    names = (series.file_name, f"{Path(series.file_name).stem}.parquet")
    files = [path] if path.is_file() else [path / name for name in names]
    return [file for file in files if file.name in names and file.is_file()]


def _months(file: Path, series: Series, span: TimeRange) -> list[MonthHash]:
    try:
        candles = _candles(file, series, span)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UsageError(f"{file} cannot be read as exported candles: {str(error).splitlines()[0]}.") from error
    return month_hashes(candles, series.interval)[series] if candles.height else []


def _candles(file: Path, series: Series, span: TimeRange) -> pl.DataFrame:
    """The candles of a file (columns of HASHED) within a span, by time."""
    if file.suffix == ".csv":
        with file.open("rb") as begin:
            if not begins_with_number(begin.read(1)):
                raise OSError(_NO_CANDLES)
        whole = pl.read_csv(file, has_header=False, schema=_CSV, glob=False)
        rows = whole.with_columns((pl.col("time") * _US).cast(TIME))
    else:
        whole = pl.read_parquet(file, glob=False)
        rows = _exactly(whole, series)
    is_flagged = pl.lit(True) if file.suffix == ".csv" else pl.lit(False)  # noqa: FBT003 - the value of a column
    flags = whole["filled"].cast(pl.Boolean) if "filled" in whole.columns else is_flagged
    rows = rows.with_columns(flagged=flags).sort("time", maintain_order=True)
    if rows.filter(pl.col("trades") < 0).height:
        raise OSError(_NO_COUNT)
    start, end = (pl.lit(bound * _US, pl.Int64).cast(TIME) for bound in span)
    named = {"pair": pl.lit(str(series.pair)), "interval_minutes": pl.lit(series.interval, pl.Int32)}
    return (
        rows.filter(~(pl.col("flagged") & _is_fill(series.width)).fill_null(value=False))
        .filter(pl.col("time").is_between(start, end, closed="left"))
        .with_columns(**named)
        .select(HASHED)
    )


def _is_fill(width: int) -> pl.Expr:
    """Whether a row says that nothing traded in its slot, and no more: at the close of the row before, all of it."""
    flat = pl.all_horizontal(pl.col(price) == pl.col("close").shift() for price in PRICES)
    alone = pl.col("time").is_unique() & (pl.col("time").to_physical() % (width * _US) == 0)
    return (pl.col("trades") == 0) & (pl.col("volume") == 0) & flat & alone


def _exactly(whole: pl.DataFrame, series: Series) -> pl.DataFrame:
    """The columns of candles in the types that they have. Raises OSError where that would change a value."""
    named = {"pair": str(series.pair), "interval_minutes": series.interval}
    for name, value in named.items():
        if name in whole.columns and not (whole[name] == value).all(ignore_nulls=False):
            raise OSError(_ANOTHER)
    rows = whole.select(pl.col(name).cast(kind) for name, kind in _PARQUET.items())
    for name in _PARQUET:
        if not rows[name].cast(whole[name].dtype).eq_missing(whole[name]).all():
            raise OSError(f"its {name} is of type {whole[name].dtype}, and has values that {rows[name].dtype} has not")
    return rows
