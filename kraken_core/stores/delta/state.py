"""A candle table's state, from its log and its folder without reading a candle."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import polars as pl
from deltalake import DeltaTable

from kraken_core.stores.delta.log import is_table
from kraken_core.stores.files.errors import store_errors
from kraken_core.stores.files.open_location import open_location


class TableState(NamedTuple):
    """The newest version of a table: its files, candles and bytes; ``lost`` are files that are not there as written."""

    version: int = 0
    files: int = 0
    candles: int = 0
    size: int = 0
    lost: tuple[str, ...] = ()


def table_state(address: str | Path) -> TableState:
    """The state of the table at an address; all zero where there is none. Raises StoreError."""
    place = open_location(address)
    with store_errors("load", place):
        if not is_table(place):
            return TableState()
        table = DeltaTable(place.at(), storage_options=place.delta_options)
        files = pl.DataFrame(table.get_add_actions(flatten=True)).select("path", "size_bytes", "num_records")
        lost = [path for path, size, _ in files.iter_rows() if place.size(path) != size]
    return TableState(
        version=table.version(),
        files=files.height,
        candles=int(files["num_records"].sum()),
        size=int(files["size_bytes"].sum()),
        lost=tuple(sorted(lost)),
    )
