"""A candle table in QuestDB."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from kraken_core.domain.table_mark import KnownTable
from kraken_core.ports import CandleTable, KeepReplaced, StoreState
from kraken_core.ports.stores import Assets
from kraken_core.stores.questdb.address import EXAMPLE, SCHEME, parse_address


@dataclass(frozen=True, slots=True)
class QuestDBKind:
    """A table on a QuestDB server."""

    example: str = EXAMPLE
    local: bool = False
    staged_here: bool = True

    def address(self, text: str) -> str | None:
        """See StoreKind."""
        if urlsplit(text).scheme != SCHEME:
            return None
        parse_address(text)
        return text

    def name(self, address: str, folder: Path) -> str:  # noqa: ARG002 - it is nowhere here
        """See StoreKind."""
        return str(parse_address(address))

    def open(
        self, address: str, folder: Path, assets: Assets, known: KnownTable, keep: KeepReplaced | None = None
    ) -> CandleTable:
        """See StoreKind. Candles on their way there are in ``folder``."""
        from kraken_core.stores.questdb.store import QuestDBStore  # noqa: PLC0415 - only who uses it pays for its drivers

        return QuestDBStore(parse_address(address), folder, assets, known, keep)

    def state(self, address: str, folder: Path, known: KnownTable) -> StoreState:  # noqa: ARG002 - see above
        """See StoreKind."""
        from kraken_core.stores.questdb.state import server_state  # noqa: PLC0415 - as above

        text, better = server_state(parse_address(address), known())
        return StoreState(f"{text} {better}".rstrip(), improvable=bool(better))
