"""Exports that are compared with a certificate: only fills are left out, and nothing is taken for what it is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from kraken_core.domain.candles import PRICES
from kraken_core.domain.certificates.candle_hashes import MonthHash, month_hashes
from kraken_core.domain.errors import UsageError
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRange
from kraken_core.workbench.certificates.exported import exported_months
from tests.support.certified import START, US, candles_of

HOURS = Series(Pair("BTC", "USD"), 60)
SPAN = TimeRange(START, START + 40 * 86_400)
CANDLES = candles_of(HOURS, [0, 1, 2, 6, 7])
CLOSE = CANDLES["close"][2]
FILL = {"time": START + 3 * 3600, **dict.fromkeys(PRICES, CLOSE), "volume": 0.0, "trades": 0}
Change = Callable[[pl.DataFrame], pl.DataFrame]


def as_csv(rows: pl.DataFrame, folder: Path) -> None:
    seconds = pl.col("time").dt.epoch("s")
    rows.select(seconds, *PRICES, "volume", "trades").write_csv(folder / HOURS.file_name, include_header=False)


def as_parquet(rows: pl.DataFrame, folder: Path) -> None:
    rows.write_parquet(folder / f"{Path(HOURS.file_name).stem}.parquet")


def found(folder: Path) -> list[MonthHash]:
    return exported_months(folder, [HOURS], SPAN).get(HOURS, [])


CERTIFIED = month_hashes(CANDLES, 60)[HOURS]


def with_row(row: dict[str, object]) -> pl.DataFrame:
    """The candles with a row more, that is flagged as a fill."""
    more = pl.DataFrame({**row, "pair": "BTC/USD", "interval_minutes": 60}).with_columns(
        (pl.col("time") * US).cast(CANDLES.schema["time"])
    )
    rows = pl.concat([CANDLES.with_columns(filled=False), more.with_columns(filled=True)], how="diagonal_relaxed")
    return rows.with_columns(pl.col(name).cast(kind) for name, kind in CANDLES.schema.items())


@pytest.mark.parametrize("write", [as_csv, as_parquet])
def test_a_fill_is_no_candle(tmp_path: Path, write: Callable[[pl.DataFrame, Path], None]) -> None:
    write(with_row(FILL), tmp_path)
    assert found(tmp_path) == CERTIFIED


@pytest.mark.parametrize("write", [as_csv, as_parquet])
@pytest.mark.parametrize(
    "otherwise",
    [
        {"volume": 5.0},
        {"trades": 7},
        {"trades": None},
        {"high": CLOSE + 1},
        {"low": CLOSE - 1},
        dict.fromkeys(PRICES, CLOSE + 1),
        {"time": START + 2 * 3600},
        {"time": START + 3 * 3600 + 60},
        {"time": START + 8 * 3600},
    ],
    ids=str,
)
def test_whatever_else_a_row_says_is_content(
    tmp_path: Path, write: Callable[[pl.DataFrame, Path], None], otherwise: dict[str, object]
) -> None:
    write(with_row({**FILL, **otherwise}), tmp_path)
    assert found(tmp_path) != CERTIFIED


@pytest.mark.parametrize(("right", "wrong"), [(as_csv, as_parquet), (as_parquet, as_csv)])
def test_two_files_of_a_series_are_both_looked_at(
    tmp_path: Path, right: Callable[[pl.DataFrame, Path], None], wrong: Callable[[pl.DataFrame, Path], None]
) -> None:
    right(CANDLES, tmp_path)
    wrong(CANDLES, tmp_path)
    assert found(tmp_path) == CERTIFIED
    wrong(CANDLES.with_columns(volume=pl.col("volume") + 1), tmp_path)
    with pytest.raises(UsageError, match="have different candles: name the one to be checked"):
        found(tmp_path)


@pytest.mark.parametrize(
    "changed",
    [
        lambda rows: rows.with_columns(pl.col("trades").cast(pl.Float64) + 0.7),
        lambda rows: rows.with_columns(pl.col("time").dt.cast_time_unit("ns") + pl.duration(nanoseconds=1)),
        lambda rows: rows.with_columns(trades=pl.lit(-1, pl.Int32)),
        lambda rows: rows.with_columns(pair=pl.lit("ETH/USD")),
        lambda rows: rows.with_columns(interval_minutes=pl.lit(5)),
    ],
    ids=["parts of trades", "parts of a microsecond", "fewer than no trades", "another pair", "another interval"],
)
def test_what_cannot_be_read_as_it_is_written_is_refused(tmp_path: Path, changed: Change) -> None:
    as_parquet(changed(CANDLES), tmp_path)
    with pytest.raises(UsageError, match=r"cannot be read as exported candles: its? "):
        found(tmp_path)


def test_other_types_that_have_the_same_values_are_as_good(tmp_path: Path) -> None:
    as_parquet(
        CANDLES.with_columns(pl.col("trades").cast(pl.Float64), pl.col("time").dt.cast_time_unit("ns")), tmp_path
    )
    assert found(tmp_path) == CERTIFIED
