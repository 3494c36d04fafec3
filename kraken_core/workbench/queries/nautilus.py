"""Candles as a catalog of NautilusTrader's own: bars, and the instruments they are of.

The library writes it, in a Python of its own: it needs another pandas than the workbench.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from kraken_core.domain.candles import PRICES
from kraken_core.domain.errors import UsageError
from kraken_core.domain.file_errors import write_errors
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRange
from kraken_core.workbench.queries.candles import Reading
from kraken_core.workbench.queries.export import Exported
from kraken_core.workbench.queries.written import Shortfall

PYTHON = "NAUTILUS_PYTHON"  # names a Python that has the library, in the environment
_WRITER = Path(__file__).with_name("nautilus_writer.py")
_MOST_DECIMALS = 16  # that the library has
_MINUTES = {"MINUTE": 1, "HOUR": 60, "DAY": 1440}


@dataclass(frozen=True, slots=True)
class NautilusCatalog:
    """Writes candles of series to a new catalog, all or nothing.

    A bar's time is when it closes, as a strategy may not see it before.
    """

    reading: Reading
    folder: Path
    fill: bool

    def write(self, shortfalls: Mapping[Series, Shortfall], window: TimeRange, *, overwrite: bool) -> list[Exported]:
        """Write the series' candles of the window; a line for each of which there are any, its path a folder of bars.

        Of each series is given what it lacks.

        Raises UsageError for pairs of other exchanges than Kraken spot, where no Python has the library, or the folder
        is there and has anything in it: two catalogs are not one, whatever may be overwritten.
        """
        if overwrite or (self.folder.exists() and any(self.folder.iterdir())):
            raise UsageError(
                f"a catalog is written to a new folder, never over another one: {self.folder} stays as is."
            )
        if other := next((each.pair for each in shortfalls if each.pair.market), None):
            raise UsageError(f"{other} is of another exchange: catalogs are of pairs of Kraken spot. Leave it out.")
        python = _python()
        by_pair: dict[Pair, list[Series]] = defaultdict(list)
        for each in shortfalls:
            by_pair[each.pair].append(each)
        part, bars = (self.folder.with_name(f".{self.folder.name}.{what}") for what in ("part", "bars"))
        try:
            with write_errors(part, "Choose another folder."):
                _begin(part, bars)
                found = [of for pair in sorted(by_pair) for of in self._pair(bars, by_pair[pair], window, shortfalls)]
                if found:
                    _run(python, part, [what for what, _ in found])
                    part.replace(self.folder)  # it takes the place of a folder that is empty
            return [file for _, file in found]
        finally:
            for folder in (part, bars):
                shutil.rmtree(folder, ignore_errors=True)

    def _pair(
        self, bars: Path, series: Iterable[Series], window: TimeRange, shortfalls: Mapping[Series, Shortfall]
    ) -> Iterator[tuple[dict[str, Any], Exported]]:
        """For each series with candles what its bars are, in a file, and the line about it."""
        read = self.reading.filled if self.fill else self.reading.stored
        frames = {each: candles for each in series if (candles := read(each, window)).height}
        decimals = max(map(_decimals, frames.values()), default=0)
        for each, candles in frames.items():
            length = _length(each.interval)
            closes = (pl.col("time") + pl.duration(seconds=each.width)).alias("timestamp")
            file = bars / each.file_name
            candles.select(closes, *PRICES, "volume").write_parquet(file)
            what = {"pair": str(each.pair), "base": each.pair.base, "quote": each.pair.quote, "file": str(file)}
            of_bars: dict[str, Any] = {"name": each.pair.altname, "decimals": decimals, "length": length}
            path = self.folder / "data" / "bar" / f"{each.pair.base}{each.pair.quote}.KRAKEN-{length}-LAST-EXTERNAL"
            fills = int(candles["filled"].sum()) if self.fill else 0
            yield {**what, **of_bars}, Exported(path, candles.height, fills, *shortfalls[each])


def _python() -> str:
    if python := os.environ.get(PYTHON):
        return python
    if find_spec("nautilus_trader"):
        return sys.executable
    raise UsageError(
        "nautilus_trader writes its own catalogs, and is not installed here: install it in an environment of its own, "
        f"and name that one's Python in {PYTHON}."
    )


def _begin(*folders: Path) -> None:
    try:
        for folder in folders:
            folder.mkdir(parents=True)
    except FileExistsError as error:
        raise UsageError(f"{error.filename} is left of an export that ended early: take it away.") from error


def _run(python: str, folder: Path, series: list[dict[str, Any]]) -> None:
    command = [python, "-I", str(_WRITER), str(folder)]
    done = subprocess.run(command, input=json.dumps(series), capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise UsageError(f"{python} ({PYTHON}) could not write the catalog: {reason}")


def _decimals(candles: pl.DataFrame) -> int:
    """The fewest decimals in which every price is what it is."""
    prices = candles.select(PRICES).to_numpy()
    exact = (decimals for decimals in range(_MOST_DECIMALS) if np.array_equal(np.round(prices, decimals), prices))
    return next(exact, _MOST_DECIMALS)


def _length(minutes: int) -> str:
    """An interval as the library writes it: ``12-HOUR``."""
    unit = max((name for name, length in _MINUTES.items() if minutes % length == 0), key=_MINUTES.__getitem__)
    return f"{minutes // _MINUTES[unit]}-{unit}"
