"""From an address to where a candle table lies."""

from __future__ import annotations

from pathlib import Path

from kraken_core.stores.files.folder import LocalFolder
from kraken_core.stores.files.location import Location


def open_location(address: str | Path) -> Location:
    """The location that a path, or an address of an object store, names."""
    text = str(address)
    if "://" not in text:
        return LocalFolder(Path(text).absolute())
    from kraken_core.stores.files.object_store import ObjectStore  # noqa: PLC0415 - slow to load, and for whom it matters

    return ObjectStore(text.rstrip("/"))
