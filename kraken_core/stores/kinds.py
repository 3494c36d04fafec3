"""Every kind of candle table there is. To add one: its folder beside this, and a line here."""

from __future__ import annotations

from kraken_core.ports import StoreKind
from kraken_core.stores.delta.kind import FolderKind, ObjectStoreKind
from kraken_core.stores.questdb.kind import QuestDBKind

KINDS: list[StoreKind] = [FolderKind(), ObjectStoreKind(), QuestDBKind()]


def store_address(text: str) -> tuple[StoreKind, str]:
    """The kind that an address is of, and the address as that keeps it. Raises ValueError with what one looks like."""
    for kind in KINDS:
        if (address := kind.address(text)) is not None:
            return kind, address
    *some, last = (kind.example for kind in KINDS)
    raise ValueError(f"{', '.join(some)}, or {last}")
