"""Candles as files for other tools: one a series."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import polars as pl

from kraken_core.domain.archives import StatedCoverage
from kraken_core.domain.candles import PRICES
from kraken_core.domain.errors import BadFileError, UsageError
from kraken_core.domain.file_errors import write_errors
from kraken_core.domain.interval_text import short
from kraken_core.domain.market import Series
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.sources.coverage import COVERAGE, coverage_text, parse_coverage
from kraken_core.workbench.queries.candles import Reading
from kraken_core.workbench.queries.renames import RenamedReading
from kraken_core.workbench.queries.written import Shortfall

_NO_FILE_NAME = re.compile(r"[^A-Z0-9]")  # freqtrade has an underscore for each


class Exported(NamedTuple):
    """A file that was written: how many candles are in it, and how many of them are fills.

    Of the slots from its first to its last known one, some may be ``missing``, and the candles of ``doubtful`` ones are
    written, but may not be all there was.
    """

    path: Path
    candles: int
    filled: int
    missing: int
    doubtful: int


class ExportFormat(NamedTuple):
    """A kind of file: how the one of a series is called, and how its candles are written.

    ``described``: it can be ingested again, so that COVERAGE.json beside it lists what it covers.
    """

    name: Callable[[Series], str]
    write: Callable[[pl.DataFrame, Path], None]
    described: bool = False
    joins: bool = False  # has columns for whose candle each is, where names are joined, and for vwap


def _as_kraken(candles: pl.DataFrame, path: Path) -> None:
    """As Kraken's archives: no header, times in seconds. A fill is a row without trades, as OHLC answers have them."""
    seconds = pl.col("time").dt.epoch("s")
    candles.select(seconds, *PRICES, "volume", "trades").write_csv(path, include_header=False)


def _as_freqtrade(candles: pl.DataFrame, path: Path) -> None:
    """As freqtrade stores: exactly these six columns, times in milliseconds, lz4. A fill is a candle without volume."""
    date = pl.col("time").dt.cast_time_unit("ms").alias("date")
    candles.select(date, *PRICES, "volume").write_ipc(path, compression="lz4", compat_level=pl.CompatLevel.oldest())


def _as_table(candles: pl.DataFrame, path: Path) -> None:
    candles.drop("rank", strict=False).write_parquet(path)


KINDS = {
    "csv": ExportFormat(lambda series: series.file_name, _as_kraken, described=True),
    "feather": ExportFormat(
        lambda series: f"{_NO_FILE_NAME.sub('_', str(series.pair))}-{short(series.interval)}.feather", _as_freqtrade
    ),
    "parquet": ExportFormat(lambda series: f"{Path(series.file_name).stem}.parquet", _as_table, joins=True),
}
NAUTILUS = "nautilus"  # a catalog, of many files: see nautilus.py


def check_how(kind: str, fill: str | None, *, follow_renames: bool, vwap: bool) -> None:
    """Raises UsageError for what no export can be."""
    if kind not in {*KINDS, NAUTILUS} or fill not in {None, "previous"}:
        raise UsageError(f"kind is one of {', '.join((*KINDS, NAUTILUS))}, and fill 'previous' or left out.")
    if follow_renames and (kind == NAUTILUS or not KINDS[kind].joins):
        raise UsageError(f"{kind} has no columns for whose candle each is: follow renames in parquet.")
    if vwap and (kind == NAUTILUS or not KINDS[kind].joins):
        raise UsageError(f"{kind} has no column for vwap: export it in parquet.")


def not_replaced(folder: Path, kind: str, series: Iterable[Series], written: Iterable[Exported]) -> list[Path]:
    """The files of series that an earlier export left in a folder, and this one has no candles for."""
    if kind == NAUTILUS:  # which is written to a new folder
        return []
    named = {folder / KINDS[kind].name(each) for each in series} - {file.path for file in written}
    return sorted(path for path in named if path.exists())


@dataclass(frozen=True, slots=True)
class Export:
    """Writes candles of series to a folder, whole files or none; by all names of each pair where ``by_all_names``."""

    reading: Reading
    folder: Path
    kind: str
    fill: bool
    by_all_names: RenamedReading | None = None

    def _describe(self, files: Iterable[tuple[Series, Exported]], window: TimeRange) -> None:
        """Write beside the files what each covers, so that missing slots do not come back as slots without trades.

        Nor do doubtful ones come back as known, to whoever has no other source than the file. Entries of other files of
        the folder stay.
        """
        path = self.folder / COVERAGE
        described = dict(parse_coverage(path.read_bytes())) if path.exists() else {}
        for series, file in files:
            covers = self.reading.sure(series) & TimeRanges.single(*window)
            content_hash = hashlib.sha256(_partial(file.path).read_bytes()).hexdigest()
            described[file.path.name] = StatedCoverage(content_hash, covers)
        _partial(path).write_bytes(coverage_text(described))
        _partial(path).replace(path)

    def write(self, shortfalls: Mapping[Series, Shortfall], window: TimeRange, *, overwrite: bool) -> list[Exported]:
        """Write each series' candles of the window, where there are any; of each is given what it lacks.

        Raises UsageError before anything is written where a file exists and may not be replaced.
        """
        targets = {each: self.folder / KINDS[self.kind].name(each) for each in shortfalls}
        existing = [path for path in targets.values() if path.exists()]
        if existing and not overwrite:
            more = f", and {len(existing) - 1} more" if len(existing) > 1 else ""
            raise UsageError(f"{existing[0]} exists{more}: nothing was written; add --overwrite.")
        with self._whole_or_not_at_all(targets.values()):
            files = [(each, self._one(each, path, window, shortfalls[each])) for each, path in targets.items()]
            written = [(each, file) for each, file in files if file.candles]
            if written and KINDS[self.kind].described:
                self._describe(written, window)  # before there is a file without an entry
            for _, file in written:
                _partial(file.path).replace(file.path)
        return [file for _, file in written]

    @contextmanager
    def _whole_or_not_at_all(self, targets: Iterable[Path]) -> Iterator[None]:
        """Leave nothing of files that were not written whole: it is of no use, and may be what fills the disk."""
        try:
            with write_errors(self.folder, "Choose another folder."):
                yield
        except BadFileError as error:
            raise UsageError(f"{self.folder}: {error}: take it away, or choose another folder.") from error
        finally:
            for path in (*targets, self.folder / COVERAGE):
                with suppress(OSError):
                    _partial(path).unlink(missing_ok=True)

    def _one(self, series: Series, path: Path, window: TimeRange, shortfall: Shortfall) -> Exported:
        if self.by_all_names:
            candles = self.by_all_names.candles(*series, window, fill=self.fill, partial=False, version=None)
        else:
            candles = (self.reading.filled if self.fill else self.reading.stored)(series, window)
        if candles.height:
            self.folder.mkdir(parents=True, exist_ok=True)
            KINDS[self.kind].write(candles, _partial(path))
        fills = int(candles["filled"].sum()) if self.fill else 0
        return Exported(path, candles.height, fills, *shortfall)


def _partial(path: Path) -> Path:
    """Where a file is while it is written."""
    return path.with_name(f".{path.name}.part")
