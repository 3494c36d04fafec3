"""Candles as files for other tools: one a series."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import polars as pl

from kraken_core.domain.candles import PRICES
from kraken_core.domain.errors import UsageError
from kraken_core.domain.market import Series
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.ports import CandleStore


def export_series(
    store: CandleStore, series: Iterable[Series], window: TimeRange, folder: Path, *, kind: str, overwrite: bool
) -> dict[Path, int]:
    """Write each series' candles of the window; returns the files and how many candles each got.

    Raises UsageError before anything is written where a file exists and may not be replaced.
    """
    targets = {s: folder / f"{Path(s.file_name).stem}.{kind}" for s in series}
    existing = [path for path in targets.values() if path.exists()]
    if existing and not overwrite:
        raise UsageError(f"{existing[0]} exists, and {len(existing) - 1} more: nothing was written; add --overwrite.")
    try:
        return _write(store, targets, window, folder, kind)
    except OSError as error:
        raise UsageError(
            f"{error.filename or folder} cannot be written: {error.strerror}. Choose another folder."
        ) from error


def _write(
    store: CandleStore, targets: Mapping[Series, Path], window: TimeRange, folder: Path, kind: str
) -> dict[Path, int]:
    written = {}
    for each, path in targets.items():
        candles = store.candles({each: TimeRanges.single(*window)})
        if not candles.height:
            continue
        folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.part")
        if kind == "csv":
            seconds = pl.col("time").dt.epoch("s")
            candles.select(seconds, *PRICES, "volume", "trades").write_csv(partial, include_header=False)
        elif kind == "feather":
            candles.drop("rank").write_ipc(partial)
        else:
            candles.drop("rank").write_parquet(partial)
        partial.replace(path)
        written[path] = candles.height
    return written
