"""Proving the table in QuestDB whole: every slot once, every candle one, and of an asset that is known."""

from __future__ import annotations

from collections.abc import Iterator

from kraken_core.domain.plural import counted
from kraken_core.ports import Damage
from kraken_core.stores.questdb.server import QuestDbServer
from kraken_core.stores.questdb.tables import ASSETS, KEYS, TABLE

# Not count() of them: that one counts before the condition (9.3.4).
_SLOTS = f"SELECT {', '.join(KEYS)}, count() AS held FROM {TABLE} WHERE close IS NOT NULL"
_CHECKS = {
    ("slot", "stored twice"): f"SELECT count(held) FROM ({_SLOTS}) WHERE held > 1",
    ("candle", "without a price or volume, or with a low above the high"): (
        f"SELECT count() FROM {TABLE} WHERE close IS NOT NULL "
        "AND (open IS NULL OR high IS NULL OR low IS NULL OR volume IS NULL OR low > high)"
    ),
    ("candle", f"of an asset that is not in the table {ASSETS}"): (
        f"SELECT count() FROM {TABLE} p LEFT JOIN {ASSETS} a ON a.id = p.asset_id "
        "WHERE p.close IS NOT NULL AND a.id IS NULL"
    ),
}


def damages(server: QuestDbServer) -> Iterator[Damage]:
    """What is wrong with the table. Raises StoreError."""
    for (noun, problem), sql in _CHECKS.items():
        [(found,)] = server.rows(sql)
        if found:
            yield Damage(TABLE, f"{counted(found, noun)} {problem}")
