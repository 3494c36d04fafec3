"""Opens the candle table that the settings name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from kraken_core.domain.table_mark import KnownTable, nothing_known
from kraken_core.ports import AssetRecord, CandleTable, KeepReplaced
from kraken_core.settings import Settings


def open_store(
    settings: Settings,
    assets: Callable[[Collection[str]], Sequence[AssetRecord]],
    known: KnownTable = nothing_known,
    keep: KeepReplaced | None = None,
) -> CandleTable:
    """The candle table; nothing is connected or created yet.

    ``assets`` is the ledger's ``assets``, ``known`` its ``known_table``, ``keep`` its ``keep_replaced``.
    """
    return settings.store_kind.open(settings.store, settings.store_path, assets, known, keep)
