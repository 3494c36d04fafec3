"""Very many rows at once, past what makes a database slow to talk to: a statement for each, an object for each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Column, Connection, Select, Table, insert

CHUNK = 10_000  # rows named in one statement, by up to three values each: SQLite takes 32,766 values
Item = TypeVar("Item")


def chunks(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """The items in parts small enough to name all of one in a statement."""
    return (items[at : at + CHUNK] for at in range(0, len(items), CHUNK))


def add_rows(connection: Connection, table: Table, rows: Iterable[Mapping[str, object]]) -> None:
    """Insert rows that all have the same columns, in order."""
    found = list(rows)
    if found:
        connection.execute(insert(table), found)


def read_many(connection: Connection, query: Select[Any], values: Mapping[str, object] | None = None) -> Sequence[Any]:
    """Read very many rows, half as long again as fast: their values as the database's driver gives them."""
    rows: Sequence[Any] = connection.execute(query, values).cursor.fetchall()
    return rows


def add_many(
    connection: Connection,
    table: Table,
    names: Sequence[str],
    rows: Iterable[tuple[object, ...]],
    **same: object,
) -> None:
    """Insert very many rows, in order, several times as fast: the values of the columns named, and those all share.

    Values are taken as the database's driver takes them: text, whole numbers, None; only shared ones may be moments.
    """
    quote = connection.dialect.identifier_preparer.quote
    columns = ", ".join(map(quote, (*names, *same)))
    shared = _bound(connection, table, same)
    values = [row + shared for row in rows]
    if values and connection.dialect.name == "postgresql":
        driver: Any = connection.connection.driver_connection
        with driver.cursor() as cursor, cursor.copy(f"COPY {quote(table.name)} ({columns}) FROM STDIN") as copy:
            for value in values:
                copy.write_row(value)
    elif values:
        marks = ", ".join("?" * len(values[0]))
        connection.exec_driver_sql(f"INSERT INTO {quote(table.name)} ({columns}) VALUES ({marks})", values)  # noqa: S608


def change_many(
    connection: Connection,
    table: Table,
    names: Sequence[str],
    rows: Iterable[tuple[tuple[object, ...], tuple[object, ...]]],
    *,
    where: Sequence[str],
    **same: object,
) -> int:
    """Change very many rows, as :func:`add_many` inserts them; returns how many there were.

    Each comes as the new values of the columns named, and the values of the columns ``where`` that it is found by.
    """
    changes = list(rows)
    if not changes:
        return 0
    shared = _bound(connection, table, same)
    if connection.dialect.name == "postgresql":
        columns = zip(*(new + keys for new, keys in changes), strict=True)
        statement = _change_all(connection, table, names, where, same)
        return connection.exec_driver_sql(statement, (*shared, *map(list, columns))).rowcount
    quote = connection.dialect.identifier_preparer.quote
    sets = ", ".join(f"{quote(name)} = ?" for name in (*names, *same))
    found_by = " AND ".join(f"{quote(name)} = ?" for name in where)
    statement = f"UPDATE {quote(table.name)} SET {sets} WHERE {found_by}"  # noqa: S608 - our own names
    return connection.exec_driver_sql(statement, [new + shared + keys for new, keys in changes]).rowcount


def _change_all(
    connection: Connection, table: Table, names: Sequence[str], where: Sequence[str], same: Iterable[str]
) -> str:
    """One statement for PostgreSQL, which takes the values that all rows share, and a list for every column."""
    quote = connection.dialect.identifier_preparer.quote
    lists = ", ".join(f"%s::{table.c[name].type.compile(connection.dialect)}[]" for name in (*names, *where))
    new, keys = [f"new{at}" for at in range(len(names))], [f"key{at}" for at in range(len(where))]
    sets = (
        *(f"{quote(name)} = %s" for name in same),
        *(f"{quote(name)} = given.{given}" for name, given in zip(names, new, strict=True)),
    )
    found_by = (f"{quote(table.name)}.{quote(name)} = given.{key}" for name, key in zip(where, keys, strict=True))
    return (
        f"UPDATE {quote(table.name)} SET {', '.join(sets)} "  # noqa: S608 - our own names
        f"FROM unnest({lists}) AS given ({', '.join((*new, *keys))}) WHERE {' AND '.join(found_by)}"
    )


def _bound(connection: Connection, table: Table, values: Mapping[str, object]) -> tuple[object, ...]:
    """Values of some columns as the database's driver takes them."""
    return tuple(_bound_to(connection, table.c[name], value) for name, value in values.items())


def _bound_to(connection: Connection, column: Column[Any], value: object) -> object:
    processor = column.type.dialect_impl(connection.dialect).bind_processor(connection.dialect)
    return processor(value) if processor else value
