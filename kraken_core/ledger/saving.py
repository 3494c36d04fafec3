"""A ledger saved as a file, as of one instant, whatever others write meanwhile; and moved to another candle table.

What was saved with it is noted in the file itself, so that the two are replaced at once.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, delete, select, update

from kraken_core.domain.errors import LedgerError
from kraken_core.ledger.bulk import CHUNK, add_rows
from kraken_core.ledger.engine import file_of, open_engine, reading, shown, writing
from kraken_core.ledger.models import ingestion_job, metadata, table_mark
from kraken_core.ledger.schema import bring_up_to_date
from kraken_core.ledger.sqlite import is_full


def save_ledger(url: str, file: Path) -> None:
    """Write all of a ledger, on SQLite or PostgreSQL, to a new SQLite file.

    Raises LedgerError, also where the ledger is damaged, and OSError where the file's disk is full.
    """
    engine = open_engine(url)
    try:
        if file_of(url):
            with reading(engine) as connection:
                _copy_file(connection, file)
        else:
            _copy_rows(engine, file)
        _check(file, engine)
    finally:
        engine.dispose()


def add_note(file: Path, note: str) -> None:
    """Note in a saved ledger what it was saved with. Raises OSError where its disk is full."""
    with _room_for(file), closing(sqlite3.connect(file)) as saved, saved:
        saved.execute("CREATE TABLE backup_note (note TEXT NOT NULL)")
        saved.execute("INSERT INTO backup_note VALUES (?)", [note])


def note_in(file: Path) -> str:
    """What a saved ledger was saved with. Raises LedgerError."""
    try:
        with closing(sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True)) as saved:
            return str(saved.execute("SELECT note FROM backup_note").fetchone()[0])
    except (sqlite3.Error, TypeError) as error:
        raise LedgerError(f"{file} is not of a backup, or is damaged ({error}): use another backup.") from error


def move_to_table(file: Path, before: str, now: str) -> None:
    """Make a saved ledger, which counts candles of one table, that of another. Raises LedgerError."""
    engine = open_engine(_address(file))
    try:
        with writing(engine) as connection:
            connection.exec_driver_sql("DROP TABLE backup_note")
            if now != before:  # it may have been there before it was moved to where it was saved
                connection.execute(delete(table_mark).where(table_mark.c.candle_table == now))
            for table in (ingestion_job, table_mark):
                connection.execute(update(table).where(table.c.candle_table == before).values(candle_table=now))
    finally:
        engine.dispose()


def _copy_file(connection: Connection, file: Path) -> None:
    ours = connection.connection.driver_connection
    if not isinstance(ours, sqlite3.Connection):
        raise TypeError(f"{ours} is none of ours")
    with _room_for(file), closing(sqlite3.connect(file)) as saved:
        ours.backup(saved)
        saved.execute("PRAGMA journal_mode = DELETE")  # all of it is in the one file


@contextmanager
def _room_for(file: Path) -> Iterator[None]:
    """Raises OSError where the disk of a new file is full, which is not that of the ledger it is made of."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if is_full(error):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file)) from error
        raise


def _copy_rows(engine: Engine, file: Path) -> None:
    target = open_engine(_address(file))
    try:
        bring_up_to_date(target)
        with reading(engine) as theirs, writing(target) as saved:
            for table in metadata.sorted_tables:
                columns = [column for column in table.columns if column.computed is None]
                rows = theirs.execution_options(yield_per=CHUNK).execute(select(*columns)).mappings()
                for some in rows.partitions():
                    add_rows(saved, table, map(dict, some))
        with target.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode = DELETE")
    finally:
        target.dispose()


def _check(file: Path, engine: Engine) -> None:
    with closing(sqlite3.connect(file)) as saved:
        [[found], *_] = saved.execute("PRAGMA quick_check").fetchall()
    if found != "ok":
        raise LedgerError(
            f"the ledger {shown(engine)} is damaged ({found}). Nothing was changed: restore an earlier backup."
        )


def _address(file: Path) -> str:
    return f"sqlite:///{quote(str(file))}"
