"""Candle tables of Delta Lake: in a folder, or on an object store."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kraken_core.domain.formatting import byte_size
from kraken_core.domain.plural import counted
from kraken_core.domain.table_mark import KnownTable
from kraken_core.ports import CandleTable, KeepReplaced, StoreState
from kraken_core.ports.stores import Assets

if TYPE_CHECKING:
    from kraken_core.stores.delta.store import DeltaStore

_BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]+/.*[^/]/*")


@dataclass(frozen=True, slots=True)
class FolderKind:
    """A folder of this machine."""

    example: str = "a folder"
    local: bool = True
    staged_here: bool = False

    def address(self, text: str) -> str | None:
        """See StoreKind."""
        return text.removeprefix("file://") if urlsplit(text).scheme in {"", "file"} else None

    def name(self, address: str, folder: Path) -> str:  # noqa: ARG002 - the folder is enough
        """See StoreKind."""
        return str(folder)

    def open(
        self,
        address: str,
        folder: Path,
        assets: Assets,  # noqa: ARG002 - it needs no numbers
        known: KnownTable,
        keep: KeepReplaced | None = None,
    ) -> CandleTable:
        """See StoreKind."""
        return _open(self.name(address, folder), known, keep)

    def state(self, address: str, folder: Path, known: KnownTable) -> StoreState:
        """See StoreKind."""
        return _state(self.name(address, folder), known)


@dataclass(frozen=True, slots=True)
class ObjectStoreKind:
    """A prefix of an object store."""

    example: str = "s3://bucket/prefix"
    local: bool = False
    staged_here: bool = False

    def address(self, text: str) -> str | None:
        """See StoreKind."""
        return text.rstrip("/") if _BUCKET.fullmatch(text) else None

    def name(self, address: str, folder: Path) -> str:  # noqa: ARG002 - it is nowhere here
        """See StoreKind."""
        return address

    def open(
        self,
        address: str,
        folder: Path,  # noqa: ARG002 - it is nowhere here
        assets: Assets,  # noqa: ARG002 - it needs no numbers
        known: KnownTable,
        keep: KeepReplaced | None = None,
    ) -> CandleTable:
        """See StoreKind."""
        return _open(address, known, keep)

    def state(self, address: str, folder: Path, known: KnownTable) -> StoreState:  # noqa: ARG002 - see above
        """See StoreKind."""
        return _state(address, known)._replace(size=0)


def _open(path: str, known: KnownTable, keep: KeepReplaced | None = None) -> DeltaStore:
    from kraken_core.stores.delta.store import DeltaStore  # noqa: PLC0415 - only who opens a table pays for its libraries

    return DeltaStore(path, known=known, keep=keep)


def _state(path: str, known: KnownTable) -> StoreState:
    from kraken_core.stores.delta.state import table_state  # noqa: PLC0415 - as above

    found = table_state(path)
    store = _open(path, known)
    _ = store.mark  # refused where it is not the known one
    if not found.version:
        return StoreState("there is none yet: the first job makes it.")
    if found.lost:
        advice = "restore them from a backup, or read their archives again with kraken-history doctor --repair"
        text = f"{path} is missing {counted(len(found.lost), 'file')}, such as {found.lost[0]}: {advice}."
        return StoreState(text, damaged=True, size=found.size)
    files = counted(found.files, "file")
    text = f"version {found.version:,}: {counted(found.candles, 'candle')} in {files}, {byte_size(found.size)}."
    if pays := sum(each.files for each in store.fragmentation()):
        text += f" Merge {counted(pays, 'small file')} for faster reads: kraken-history doctor --repair"
    return StoreState(text, improvable=bool(pays), size=found.size)
