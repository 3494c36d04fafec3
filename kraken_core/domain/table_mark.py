"""What identifies a candle table, and when it is not the one that a ledger belongs to.

Candles are committed before the ledger records them, so that a table may always be newer than in its ledger: after
a crash between the two, after merging files, undoing a job, or restoring an older ledger. It is never older.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from kraken_core.domain.errors import TableLostError


class TableMark(NamedTuple):
    """A candle table at one version.

    ``identity`` identifies it, and is "" where there is none; ``version`` rises with every commit;
    ``stamp`` distinguishes the commit that made the version from any other one of that number, "" where unknown.
    A known one without an identity is whichever: its home was moved, or candles were copied to another store.
    """

    identity: str = ""
    version: int = 0
    stamp: str = ""


_NOUNS = {"candles": "candle table", "trades": "table of trades"}
KnownTable = Callable[[], TableMark | None]  # what the ledger has recorded of a table by now


def nothing_known() -> TableMark | None:
    """Of a table that no ledger has recorded, whatever is there is right."""
    return None


def why_not(known: TableMark | None, found: TableMark, stamp_of: Callable[[int], str]) -> str | None:
    """Why the table found does not continue the known one; None where it does.

    ``stamp_of`` is a version's stamp in the table found, "" where it is no longer known.
    """
    if known is None:
        return None
    if not found.identity:
        return "there is none"
    if found.identity != (known.identity or found.identity):
        return "it is another one"
    if found.version < known.version:
        return f"it is older: at version {found.version:,}, where {known.version:,} is known"
    stamp = stamp_of(known.version)
    if stamp and known.stamp and stamp != known.stamp:
        return f"its version {known.version:,} was not made by the commit that is known"
    return None


def require_known(
    table: object,
    known: TableMark | None,
    found: TableMark,
    stamp_of: Callable[[int], str],
    *,
    rows: str = "candles",
) -> None:
    """Raises TableLostError where :func:`why_not` has a reason why the table found is not the known one."""
    if why := why_not(known, found, stamp_of):
        raise TableLostError(
            f"The {_NOUNS[rows]} {table} is not the one that the ledger counts {rows} of: {why}. Nothing was changed. "
            "See that its disk is mounted, or put the table back; where it is lost for good, kraken-history doctor "
            "--repair reads again what its archives still have, and makes gaps of the rest."
        )
