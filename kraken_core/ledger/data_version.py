"""Whether anything in the ledger changed since it was last looked at, for a few microseconds."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from threading import Lock

from kraken_core.ledger.transactions import Transactions, transaction


class DataVersion(Transactions):
    """The part of the ledger that shows whether what was read of it may be used again."""

    _watching: sqlite3.Connection | None = None
    _watch_lock = Lock()

    @transaction
    def data_version(self) -> int | None:
        """Another number after every commit, whoever made it; None where nobody can say that so cheaply.

        A connection of its own, which never writes: SQLite counts for each what all others commit. Servers and ledgers
        in memory have no such number.
        """
        with self._watch_lock:
            try:
                self._watching = self._watching or self._watch()
                if self._watching is None:
                    return None
                return int(self._watching.execute("PRAGMA data_version").fetchone()[0])
            except sqlite3.Error:  # whoever reads the ledger next finds out why
                self._stop_watching()
                return None

    def _watch(self) -> sqlite3.Connection | None:
        file = None if self._engine.dialect.name != "sqlite" else self._engine.url.database
        if not file:
            return None
        return sqlite3.connect(f"{Path(file).absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False)

    def _stop_watching(self) -> None:
        if self._watching is not None:
            self._watching.close()
            self._watching = None
