"""The state of the candle table in QuestDB, for doctor."""

from __future__ import annotations

import re

from kraken_core.domain.plural import counted
from kraken_core.domain.table_mark import TableMark, require_known
from kraken_core.stores.questdb.address import Address
from kraken_core.stores.questdb.server import QuestDbServer
from kraken_core.stores.questdb.tables import ASSETS, TABLE, TableLayout, layout, state

_VERSION = re.compile(r"QuestDB ([\d.]+)")


def server_state(address: Address, known: TableMark | None = None) -> tuple[str, str]:
    """What is there, and what would better be otherwise, "" where nothing.

    Raises StoreError, TableLostError where it does not continue the ``known`` table.
    """
    server = QuestDbServer(address, patience_s=0)
    try:
        [(build,)] = server.rows("SELECT build()")
        found = _VERSION.search(build)
        named = f"QuestDB {found[1] if found else 'of some version'} at {address}"
        key, applied = state(server)
        require_known(named, known, key.mark, lambda _: "")
        if not key.ids:
            return f"{named}: there is no table yet; the first job makes it.", ""
        kind = layout(server)
        [(candles,)] = server.rows(f"SELECT count() FROM {TABLE} WHERE close IS NOT NULL")
        waiting = "" if applied else ", and more about to be applied"
        text = f"{named}: version {key.version:,}, {counted(candles, 'candle')}, by {kind.partition}{waiting}."
        return text, _better(server, kind)
    finally:
        server.close()


def _better(server: QuestDbServer, kind: TableLayout) -> str:
    wrong = []
    if kind.partition in {"HOUR", "DAY"}:
        wrong.append("so many partitions slow writing down")
    if kind.by_source:
        wrong.append("source is one of its keys, so that a slot may have rows of several sources (the highest counts)")
    if not server.rows(f"SELECT 1 FROM tables() WHERE table_name = '{ASSETS}'"):
        wrong.append("which assets its numbers mean is not stored (kraken-history import-assetprice)")
    return f"It works, but {', and '.join(wrong)}: kraken-history copy makes one without that." if wrong else ""
