"""Brings a ledger's tables to the version of this program."""

from __future__ import annotations

import logging
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, create_mock_engine, inspect, select

from kraken_core.domain.errors import HomeError, LedgerError
from kraken_core.ledger import sqlite
from kraken_core.ledger.engine import reading, shown, writing
from kraken_core.ledger.models import REVISION, metadata, version

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy.sql.ddl import ExecutableDDLElement

_DIALECTS = {"sqlite": "sqlite://", "postgresql": "postgresql+psycopg://"}
log = logging.getLogger(__name__)


def bring_up_to_date(engine: Engine, *, create: bool = True, migrate: bool = True) -> bool:
    """Create the tables, or migrate those of an older version, in one transaction; whether there are any then.

    Where there are none, and none are to be created, nothing is written. Raises HomeError where a newer version wrote
    them, or an older one and they are not to be migrated, LedgerError where the ledger cannot be opened.
    """
    with reading(engine) as connection:
        found = revision_of(connection)
    if found is None and not create:
        return False
    if found is not None and found != REVISION and not migrate:
        with reading(engine) as connection:
            refuse_newer(connection, found)
        raise HomeError(
            f"the ledger {shown(engine)} was written by an older version of this program, and is only to be read here: "
            "kraken-history jobs brings it up to date. Nothing was changed."
        )
    if found != REVISION:
        if engine.url.database and sqlite.may_only_read(Path(engine.url.database)):
            raise LedgerError(
                f"the ledger {shown(engine)} is of revision {found}, and may only be read: to bring it to revision "
                f"{REVISION} takes the right to write it. Nothing was changed: have its owner do it, or copy it."
            )
        with writing(engine) as connection:
            found = revision_of(connection)  # again: another process may have been faster
            if found is None:
                _create(connection)
            elif found != REVISION:
                _migrate(connection, found)
    return True


def revision_of(connection: Connection) -> str | None:
    """The version of the ledger's tables; None where there are none."""
    if not inspect(connection).has_table(version.name):
        return None
    revision: str | None = connection.scalar(select(version.c.version_num))
    return revision


def _create(connection: Connection) -> None:
    """As the models say, at once: to load alembic and walk through all migrations takes ten times as long.

    A test compares where the two lead. A table of such a name that is somebody else's is not taken over: the database
    refuses to create it again.
    """
    for statement in _definitions(connection.dialect.name):
        connection.exec_driver_sql(statement)
    version.create(connection, checkfirst=True)
    connection.execute(version.insert().values(version_num=REVISION))


@cache
def _definitions(database: str) -> tuple[str, ...]:
    """The statements that create the tables, in one where the database takes that; to word them takes longest."""
    statements: list[str] = []

    def word(statement: ExecutableDDLElement, *_: object) -> None:
        statements.append(str(statement.compile(dialect=engine.dialect)))

    engine = create_mock_engine(_DIALECTS[database], word)
    metadata.create_all(engine, checkfirst=False)
    return tuple(statements) if database == "sqlite" else (";\n".join(statements),)


def _migrate(connection: Connection, found: str) -> None:
    from alembic import command  # noqa: PLC0415 - takes as long as all the rest, and a ledger is seldom migrated

    refuse_newer(connection, found)
    log.warning("migrating the ledger %s from revision %s to %s", shown(connection.engine), found, REVISION)
    command.upgrade(alembic_config(connection), "head")


def refuse_newer(connection: Connection, found: str) -> None:
    """Raises HomeError where ``found``, the version of the ledger's tables, is unknown to this program."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - see above

    scripts = ScriptDirectory.from_config(alembic_config(connection))
    if found not in {script.revision for script in scripts.walk_revisions()}:
        raise HomeError(
            f"the ledger {shown(connection.engine)} was written by a newer version of this program (its tables are of "
            f"revision {found}, this version reads up to {REVISION}). Nothing was changed: update "
            "kraken-history-workbench, or name another home."
        )


def alembic_config(connection: Connection) -> Config:
    """What alembic's commands need to work on this connection, inside its transaction."""
    from alembic.config import Config  # noqa: PLC0415 - see above

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "kraken_core.ledger:migrations")
    return config
