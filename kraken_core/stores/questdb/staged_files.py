"""Staged candles: Parquet files in the workbench's folder, which the server can read where it has that folder too."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from kraken_core.domain.averages import VWAP
from kraken_core.domain.market import Pair
from kraken_core.ports import StagedFile
from kraken_core.stores.files.candle_files import CandleFiles
from kraken_core.stores.files.errors import store_errors
from kraken_core.stores.files.folder import LocalFolder

_NO_VWAP = pl.lit(None, pl.Float64).alias(VWAP)


class StagedFiles(CandleFiles):
    """Candles on their way to QuestDB, with its numbers of assets."""

    def __init__(self, root: Path, ids: Callable[[set[str]], Mapping[str, int]]) -> None:
        super().__init__(LocalFolder(root))
        self.root = root
        self.ids = ids

    def _laid_out(self, candles: pl.DataFrame) -> pl.DataFrame:
        return candles.with_columns(*numbered(candles, self.ids))

    def columns(self, file: StagedFile, columns: Sequence[str | pl.Expr]) -> pl.DataFrame:
        """Some columns of a staged file, in its order; those for the server are among them. Raises StoreError."""
        path = self.root / file.path
        with store_errors("read", path):
            rows = pl.scan_parquet(path, glob=False, hive_partitioning=False)
            return rows.with_columns(*(() if file.has_vwap else (_NO_VWAP,))).select(*columns).collect()


@dataclass(frozen=True, slots=True)
class StagedFolder:
    """A Staging: the folder, and the numbers of the assets that will be staged there."""

    root: Path
    numbers: Mapping[str, int]

    def stage(self, candles: pl.DataFrame) -> StagedFile:
        """See Staging."""
        return StagedFiles(self.root, lambda _: self.numbers).write(candles)


def numbered(candles: pl.DataFrame, ids: Callable[[set[str]], Mapping[str, int]]) -> list[pl.Series]:
    """The columns asset_id and quote_currency of candles; the latter is a market's name at another exchange."""
    stored = {name: Pair.stored(name) for name in candles["pair"].unique()}
    known = ids({pair.base for pair in stored.values()})
    ids_of = {name: known[pair.base] for name, pair in stored.items()}
    quotes = {name: pair.quoted for name, pair in stored.items()}
    pairs = candles["pair"]
    return [
        pairs.replace_strict(ids_of, default=None, return_dtype=pl.Int32).alias("asset_id"),
        pairs.replace_strict(quotes, default=None, return_dtype=pl.String).alias("quote_currency"),
    ]
