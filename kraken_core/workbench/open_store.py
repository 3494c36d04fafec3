"""Opens the candle table that the settings name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from importlib.util import find_spec

from kraken_core.domain.errors import SettingError
from kraken_core.domain.table_mark import KnownTable, nothing_known
from kraken_core.ports import AssetRecord, CandleTable
from kraken_core.settings import Settings
from kraken_core.stores.delta.store import DeltaStore


def open_store(
    settings: Settings,
    assets: Callable[[Collection[str]], Sequence[AssetRecord]],
    known: KnownTable = nothing_known,
) -> CandleTable:
    """The candle table; nothing is connected or created yet. ``assets``: see Ledger.assets; ``known``: its known_table.

    Raises SettingError where what it takes is not installed.
    """
    address = settings.questdb
    if address is None:
        return DeltaStore(settings.table, known=known)
    if find_spec("questdb") is None:
        raise SettingError(
            f"the setting 'store' is {address}, which takes the client of QuestDB: "
            "pip install 'kraken-history-workbench[questdb]', or name a folder as the store."
        )
    from kraken_core.stores.questdb.store import QuestDBStore  # noqa: PLC0415 - only who uses QuestDB pays for its drivers

    return QuestDBStore(address, settings.store_path, assets, known)
