"""A ledger counts the candles of one table: what it knows of them has to be true of the table that is used with it."""

from __future__ import annotations

from kraken_core.domain.errors import HomeError, TableLostError
from kraken_core.domain.market import first_of
from kraken_core.pipeline.cover import CoverageTracker
from kraken_core.ports import CandleTable, Ledger


def require_same_table(ledger: Ledger, store: CandleTable, tracker: CoverageTracker, table: str) -> None:
    """Raises TableLostError, or HomeError, where the ledger counts candles that the table does not hold.

    A table that the last job used is known by its mark, and refused by the store itself. One of another name may be
    the same all the same, as a folder that was moved is, and of one that an earlier version of this program used
    nothing is known: then candles are counted.
    """
    before = ledger.last_table()
    if before is None:
        return
    if before == table and ledger.known_table():
        _ = store.mark  # refused where it is not the known one
        return
    _, lost = tracker.recounted()
    if lost and before == table:
        raise TableLostError(
            f"The candle table {table} lacks candles of {first_of(lost)} that the ledger counts. Nothing was done. See "
            "that its disk is mounted, or put the table back; where it is lost for good, kraken-history doctor "
            "--repair reads again what its archives still have, and makes gaps of the rest."
        )
    if lost:
        raise HomeError(
            f"the ledger tells of candles in {before}, but the store is {table}, which lacks candles of "
            f"{first_of(lost)}. Nothing was done: copy them there first (kraken-history copy --to), name the other "
            "store again, or use another ledger for this one."
        )
