"""Candle tables in QuestDB, for tests."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Protocol

from kraken_core.ports import AssetRecord, KeepReplaced
from kraken_core.stores.questdb.address import parse_address
from kraken_core.stores.questdb.store import QuestDBStore
from tests.support.questdb_server import QuestDB


class SomeAssets:
    """Numbers assets in the order in which they are asked for, as a ledger does."""

    def __init__(self) -> None:
        self.known: dict[str, int] = {}
        self.tiers: dict[str, str] = {}

    def __call__(self, tickers: Collection[str] = ()) -> list[AssetRecord]:
        for ticker in sorted(tickers):
            self.known.setdefault(ticker, len(self.known) + 1)
        return [AssetRecord(number, ticker, self.tiers.get(ticker)) for ticker, number in self.known.items()]


class Opens(Protocol):
    """Opens the table of a folder."""

    def __call__(self, folder: Path, /, *, keep: KeepReplaced | None = None) -> QuestDBStore: ...


def questdb_adapter(server: QuestDB, *, reads_files: bool) -> Opens:
    """Opens the table that belongs to a folder. A server has one, so that one of another folder is dropped."""
    last: list[Path] = []
    assets = [SomeAssets()]
    staged = server.folder if reads_files else Path(server.folder).with_name(f"{server.folder.name}-elsewhere")

    def opened(folder: Path, /, *, keep: KeepReplaced | None = None) -> QuestDBStore:
        if last != [folder]:
            server.wipe()
            last[:], assets[:] = [folder], [SomeAssets()]
        return QuestDBStore(parse_address(server.url), staged / "staged", assets[0], keep=keep)

    return opened
