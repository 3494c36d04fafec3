"""Candles as files for other tools: one a series."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import polars as pl

from kraken_core.domain.candles import PRICES
from kraken_core.domain.errors import UsageError
from kraken_core.domain.lengths import short
from kraken_core.domain.market import Series
from kraken_core.domain.timerange import TimeRange
from kraken_core.workbench.reading import Reading

_NO_FILE_NAME = re.compile(r"[^A-Z0-9]")  # freqtrade has an underscore for each


class Exported(NamedTuple):
    """A file that was written: candles in it, how many of them are fills, and wanted slots that are missing there."""

    path: Path
    candles: int
    filled: int
    missing: int


class Kind(NamedTuple):
    """A kind of file: how the one of a series is called, and how its candles are written."""

    name: Callable[[Series], str]
    write: Callable[[pl.DataFrame, Path], None]


def _as_kraken(candles: pl.DataFrame, path: Path) -> None:
    """As Kraken's archives: no header, times in seconds. A fill is a row without trades, as OHLC answers have them."""
    seconds = pl.col("time").dt.epoch("s")
    candles.select(seconds, *PRICES, "volume", "trades").write_csv(path, include_header=False)


def _as_freqtrade(candles: pl.DataFrame, path: Path) -> None:
    """As freqtrade stores: exactly these six columns, times in milliseconds, lz4. A fill is a candle without volume."""
    date = pl.col("time").dt.cast_time_unit("ms").alias("date")
    candles.select(date, *PRICES, "volume").write_ipc(path, compression="lz4", compat_level=pl.CompatLevel.oldest())


def _as_table(candles: pl.DataFrame, path: Path) -> None:
    candles.drop("rank").write_parquet(path)


KINDS = {
    "csv": Kind(lambda series: series.file_name, _as_kraken),
    "feather": Kind(
        lambda series: f"{_NO_FILE_NAME.sub('_', str(series.pair))}-{short(series.interval)}.feather", _as_freqtrade
    ),
    "parquet": Kind(lambda series: f"{Path(series.file_name).stem}.parquet", _as_table),
}


@dataclass(frozen=True, slots=True)
class Export:
    """Writes candles of series to a folder, whole files or none."""

    reading: Reading
    folder: Path
    kind: str
    fill: bool

    def write(
        self, series: Iterable[Series], window: TimeRange, missing: Mapping[Series, int], *, overwrite: bool
    ) -> list[Exported]:
        """Write each series' candles of the window, where there are any; ``missing``: wanted slots nobody knows.

        Raises UsageError before anything is written where a file exists and may not be replaced.
        """
        targets = {each: self.folder / KINDS[self.kind].name(each) for each in series}
        existing = [path for path in targets.values() if path.exists()]
        if existing and not overwrite:
            more = f", and {len(existing) - 1} more" if len(existing) > 1 else ""
            raise UsageError(f"{existing[0]} exists{more}: nothing was written; add --overwrite.")
        try:
            written = [self._one(each, path, window, missing.get(each, 0)) for each, path in targets.items()]
        except OSError as error:
            raise UsageError(
                f"{error.filename or self.folder} cannot be written: {error.strerror}. Choose another folder."
            ) from error
        return [file for file in written if file.candles]

    def _one(self, series: Series, path: Path, window: TimeRange, missing: int) -> Exported:
        read = self.reading.filled if self.fill else self.reading.held
        candles = read(series, window)
        if candles.height:
            self.folder.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f".{path.name}.part")
            KINDS[self.kind].write(candles, partial)
            partial.replace(path)
        fills = int(candles["filled"].sum()) if self.fill else 0
        return Exported(path, candles.height, fills, missing)
