"""The tables in QuestDB: how they are made, and what is made of those that are there already.

``assetprice`` has the candles and is the contract's; it has no column for a candle's rank, which ``assetprice_rank``
keeps as a step function. ``asset`` mirrors the ledger's, so that SQL per ticker and tier works in place.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from kraken_core.domain.averages import VWAP
from kraken_core.domain.errors import StoreError
from kraken_core.domain.table_mark import TableMark
from kraken_core.ports import AssetRecord
from kraken_core.stores.questdb.server import QuestDbServer, progress_or_fail

TABLE, RANKS, KEPT, ASSETS = "assetprice", "assetprice_rank", "assetprice_kept", "asset"
# The contract's columns, in its order, and the types that QuestDB gives them.
COLUMNS = {
    "asset_id": "INT",
    "time": "TIMESTAMP",
    **dict.fromkeys(("open", "high", "low", "close", "volume"), "DOUBLE"),
    "interval_minutes": "INT",
    "trade_count": "INT",
    "quote_currency": "SYMBOL",
    "source": "SYMBOL",
}
LATER = {VWAP: "DOUBLE"}  # which tables of earlier versions of this program, and of others, may lack
KEYS = ("time", "asset_id", "interval_minutes", "quote_currency")
SYMBOLS = ("quote_currency", "source")
_ROWS_A_STATEMENT = 100
_RANK_COLUMNS = {name: COLUMNS[name] for name in KEYS} | {"rank": "LONG"}


class TableKey(NamedTuple):
    """What changes whenever the content of the candle table or of its ranks does."""

    ids: tuple[int, ...] = ()
    transactions: tuple[int, ...] = ()
    kept: bool = False  # a purge is under way, or was interrupted
    ranked: bool = False  # there is a table of ranks

    @property
    def version(self) -> int:
        """The port's version; 0 while there is no table."""
        return sum(self.transactions)

    @property
    def mark(self) -> TableMark:
        """What the candle table is known by: its number at the server, which gives no number twice."""
        return TableMark(f"questdb:{self.ids[0]}", self.version) if self.ids else TableMark()


class TableLayout(NamedTuple):
    """What an ``assetprice`` made elsewhere does its own way.

    ``by_source``: rows of several sources may have one slot, as ``source`` is one of its keys for deduplication.
    ``has_vwap``: it has the column.
    """

    partition: str = "MONTH"
    by_source: bool = False
    has_vwap: bool = True


def create(server: QuestDbServer) -> None:
    """Make what is missing of the tables; those that exist are used as they are."""
    for table, columns, partition in ((RANKS, _RANK_COLUMNS, "YEAR"), (TABLE, COLUMNS | LATER, "MONTH")):
        described = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        server.execute(
            f"CREATE TABLE IF NOT EXISTS {table} ({described}) "
            f"TIMESTAMP(time) PARTITION BY {partition} WAL DEDUP UPSERT KEYS({', '.join(KEYS)})"
        )
    create_assets(server)


def widen(server: QuestDbServer) -> None:
    """Give a table of candles the columns that it lacks; what is stored has nothing in them."""
    for name, kind in LATER.items():
        server.execute(f"ALTER TABLE {TABLE} ADD COLUMN IF NOT EXISTS {name} {kind}")


def create_assets(server: QuestDbServer) -> None:
    """Make the table of assets, where it is missing."""
    server.execute(f"CREATE TABLE IF NOT EXISTS {ASSETS} (id INT, ticker SYMBOL, tier SYMBOL)")


def state(server: QuestDbServer) -> tuple[TableKey, bool]:
    """What was written so far, and whether all of it can be read by now. Raises StoreError where it never will be."""
    everything = sorted(
        server.rows(
            "SELECT t.table_name, t.id, w.sequencerTxn, w.writerTxn, w.suspended, w.errorMessage FROM tables() t "
            "JOIN wal_tables() w ON w.name = t.table_name "
            f"WHERE t.table_name IN ('{TABLE}', '{RANKS}', '{KEPT}', '{KEPT}_new')"
        )
    )
    found = [row for row in everything if row[0] in {TABLE, RANKS}]
    for name, *_, suspended, reason in everything:
        if suspended:
            raise StoreError(
                f"QuestDB at {server.address} stopped applying what was written to {name}: "
                f"{reason or 'no reason given'}. Nothing is lost: fix that (its disk may be full), "
                f"run ALTER TABLE {name} RESUME WAL there, and try again."
            )
    names = {row[0] for row in everything}
    if TABLE not in names:
        return TableKey(), True
    applied = all(applied >= written for _, _, written, applied, *_ in everything)
    ids, transactions = (tuple(row[column] for row in found) for column in (1, 2))
    return TableKey(ids, transactions, kept=KEPT in names, ranked=RANKS in names), applied


def settled(server: QuestDbServer) -> TableKey:
    """Wait until all that was written can be read. Raises StoreError where that makes no progress."""
    key, applied = state(server)
    if applied:
        return key
    server.check_takes_changes()

    def look() -> tuple[bool, object]:
        nonlocal key
        key, applied = state(server)
        return applied, server.rows("SELECT name, writerTxn FROM wal_tables()") if not applied else None

    progress_or_fail(look, lambda: f"QuestDB at {server.address} does not get on with applying what was written.")
    return key


def layout(server: QuestDbServer) -> TableLayout:
    """Look at an ``assetprice`` that is there. Raises StoreError where candles cannot be kept in it."""
    columns = server.rows(f"SELECT \"column\", type, upsertKey FROM table_columns('{TABLE}')")
    found = {name: (kind, key) for name, kind, key in columns}
    missing = [f"{name} {kind}" for name, kind in COLUMNS.items() if found.get(name, ("",))[0] != kind]
    missing += [f"{name} {kind}" for name, kind in LATER.items() if found.get(name, (kind,))[0] != kind]
    if missing:
        raise StoreError(
            f"The table {TABLE} in QuestDB at {server.address} is not a table of candles: no {', '.join(missing)}. "
            "Nothing was changed: name another server, or rename that table."
        )
    [(partition, wal, dedup, time)] = server.rows(
        f"SELECT partitionBy, walEnabled, dedup, designatedTimestamp FROM tables() WHERE table_name = '{TABLE}'"
    )
    keys = {name for name, (_, key) in found.items() if key}
    if not wal or not dedup or time != "time" or keys - {"source"} != set(KEYS):
        raise StoreError(
            f"The table {TABLE} in QuestDB at {server.address} would store candles twice: it must be a WAL table with "
            f"the timestamp time, deduplicated on {', '.join(KEYS)}. Nothing was changed: run ALTER TABLE {TABLE} "
            f"DEDUP ENABLE UPSERT KEYS({', '.join(KEYS)}) there (on a table that is not WAL, SET TYPE WAL before)."
        )
    return TableLayout(partition, "source" in keys, VWAP in found)


def read_assets(server: QuestDbServer) -> list[AssetRecord]:
    """The assets in QuestDB. Raises StoreError where its table ``asset`` has none."""
    if not server.rows(f"SELECT 1 FROM tables() WHERE table_name = '{ASSETS}'"):
        return []
    columns = {name for (name,) in server.rows(f"SELECT \"column\" FROM table_columns('{ASSETS}')")}
    if not {"id", "ticker"} <= columns:
        raise StoreError(
            f"The table {ASSETS} in QuestDB at {server.address} has no columns id and ticker. Nothing was changed: "
            "rename it, and the ledger's assets will be put in its place."
        )
    tier = "tier" if "tier" in columns else "NULL"
    return [AssetRecord(*row) for row in server.rows(f"SELECT id::int, ticker::string, {tier}::string FROM {ASSETS}")]


def check_assets(server: QuestDbServer, there: Collection[AssetRecord], ours: Collection[AssetRecord]) -> None:
    """Raises StoreError where the server's assets and the ledger's have different numbers."""
    by_ticker, by_id = {a.ticker: a for a in there}, {a.id: a for a in there}
    for asset in ours:
        found = by_ticker.get(asset.ticker) or by_id.get(asset.id)
        if found and (found.id, found.ticker) != (asset.id, asset.ticker):
            raise StoreError(
                f"QuestDB at {server.address} has {found.ticker} as asset {found.id}, this ledger has "
                f"{asset.ticker} as asset {asset.id}: the candles there are another ledger's. Nothing was changed: use "
                "that ledger, or take the table into a new home with kraken-history import-assetprice."
            )


def check_named(server: QuestDbServer, there: Collection[AssetRecord]) -> None:
    """Raises StoreError where candles are stored of assets without a name."""
    if not there and server.rows(f"SELECT 1 FROM {TABLE} LIMIT 1"):
        raise StoreError(
            f"QuestDB at {server.address} has candles but not which assets their numbers mean. Nothing was changed: "
            "name them with kraken-history import-assetprice --assets FILE."
        )


def mirror_assets(server: QuestDbServer, assets: Collection[AssetRecord]) -> None:
    """Store the ledger's assets on the server. Raises StoreError where their numbers are different."""
    there = read_assets(server)
    check_assets(server, there, assets)
    tiers = {asset.id: asset.tier for asset in there}
    new = sorted(asset for asset in assets if asset.id not in tiers)
    for start in range(0, len(new), _ROWS_A_STATEMENT):
        some = new[start : start + _ROWS_A_STATEMENT]
        marks = ", ".join(["(%s, %s, %s)"] * len(some))
        server.execute(
            f"INSERT INTO {ASSETS} (id, ticker, tier) VALUES {marks}", [each for row in some for each in row]
        )
    for asset in assets:
        if tiers.get(asset.id, asset.tier) != asset.tier:
            server.execute(f"UPDATE {ASSETS} SET tier = %s WHERE id = %s", (asset.tier, asset.id))
