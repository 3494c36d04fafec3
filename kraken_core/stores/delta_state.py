"""How a candle table stands, told by its log and its folder without reading a candle."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import polars as pl
from deltalake import DeltaTable

from kraken_core.stores.delta_files import store_errors


class TableState(NamedTuple):
    """The newest version of a table: its files, candles and bytes; ``lost`` are files that are not there as written."""

    version: int = 0
    files: int = 0
    candles: int = 0
    size: int = 0
    lost: tuple[str, ...] = ()


def table_state(root: Path) -> TableState:
    """The state of the table in ``root``; all zero where there is none. Raises StoreError."""
    with store_errors("load", root):
        if not DeltaTable.is_deltatable(str(root)):
            return TableState()
        table = DeltaTable(root)
        files = pl.DataFrame(table.get_add_actions(flatten=True)).select("path", "size_bytes", "num_records")
    lost = (path for path, size, _ in files.iter_rows() if _size(root / path) != size)
    return TableState(
        version=table.version(),
        files=files.height,
        candles=int(files["num_records"].sum()),
        size=int(files["size_bytes"].sum()),
        lost=tuple(sorted(lost)),
    )


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
