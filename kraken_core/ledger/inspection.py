"""A look at a ledger that leaves it as it is: whether it can be reached, and in what state it is."""

from __future__ import annotations

from typing import NamedTuple

from kraken_core.ledger.engine import file_of, open_engine, reading, shown
from kraken_core.ledger.models import REVISION
from kraken_core.ledger.schema import refuse_newer, revision_of
from kraken_core.ledger.sqlite import is_read_only


class LedgerState(NamedTuple):
    """How a ledger was found."""

    address: str  # without its password
    revision: str | None  # of its tables; None where there are none yet
    journal: str  # SQLite's journal mode; "" for other databases, and where it may only be read
    damage: str  # what SQLite finds wrong with its file; "" where nothing is

    @property
    def is_current(self) -> bool:
        """Whether its tables are those of this program, neither absent nor to be migrated."""
        return self.revision == REVISION


def inspect_ledger(url: str) -> LedgerState | None:
    """The state of the ledger at ``url``; None where it does not exist yet.

    Raises SettingError for a wrong address, LedgerError where it cannot be reached or read, HomeError where a newer
    version wrote it.
    """
    file = file_of(url)
    if file and not file.exists():
        return None
    engine = open_engine(url)
    try:
        with reading(engine) as connection:
            revision = revision_of(connection)
            if revision not in {None, REVISION}:
                refuse_newer(connection, revision)
            journal = damage = ""
            if file:
                if not is_read_only(connection):
                    journal = str(connection.exec_driver_sql("PRAGMA journal_mode").scalar())
                found = str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar())
                damage = "" if found == "ok" else " ".join(found.split())
            return LedgerState(shown(engine), revision, journal, damage)
    finally:
        engine.dispose()
