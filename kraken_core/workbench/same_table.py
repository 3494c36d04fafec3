"""A ledger speaks of one candle table: what it tells of candles has to be true of the table that is used with it."""

from __future__ import annotations

from kraken_core.domain.errors import HomeError
from kraken_core.domain.market import first_of
from kraken_core.pipeline.cover import CoverageTracker
from kraken_core.ports import Ledger


def require_same(ledger: Ledger, tracker: CoverageTracker, table: str) -> None:
    """Raises HomeError where the ledger tells of candles that jobs brought into another table, and ours does not hold.

    A table may change its name, as a folder that was moved does. So where the names differ, candles are counted.
    """
    before = ledger.last_table()
    if before in {None, table}:
        return
    _, lost = tracker.recounted()
    if lost:
        raise HomeError(
            f"the ledger tells of candles in {before}, but the store is {table}, which lacks candles of "
            f"{first_of(lost)}. Nothing was done: copy them there first (kraken copy --to), name the other store "
            "again, or use another ledger for this one."
        )
