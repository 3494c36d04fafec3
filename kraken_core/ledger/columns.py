"""The kinds of columns that the ledger's tables are made of, each with the constraints it always has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Integer,
    String,
    Text,
    TypeDecorator,
)
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeEngine

from kraken_core.domain.market import INTERVALS


class Instant(TypeDecorator[int]):
    """Epoch seconds, UTC."""

    impl: TypeEngine[Any] | type[TypeEngine[Any]] = BigInteger
    cache_ok: bool | None = True


class Moment(TypeDecorator[datetime]):
    """An aware datetime, read back in UTC. SQLite has no zones and stores UTC."""

    impl: TypeEngine[Any] | type[TypeEngine[Any]] = DateTime(timezone=True)
    cache_ok: bool | None = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC; without the zone where the database has none."""
        if value is None:
            return None
        return value.astimezone(UTC).replace(tzinfo=None if dialect.name == "sqlite" else UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


def row_id() -> Column[int]:
    """The row's number, in the order of insertion."""
    # SQLite numbers rows by itself only where the type is INTEGER
    return Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True)


def reference(to: str, *, primary_key: bool = False) -> Column[int]:
    """The id of a row of another table, whose name it takes: ``pair_id``."""
    name = f"{to.removeprefix('ingestion_')}_id"
    return Column(name, ForeignKey(f"{to}.id"), primary_key=primary_key, nullable=False)


def series(*, primary_key: bool = False) -> Iterator[SchemaItem]:
    """A pair and an interval in minutes."""
    yield reference("pair", primary_key=primary_key)
    yield from each_interval(primary_key=primary_key)


def each_interval(*, primary_key: bool = False) -> Iterator[SchemaItem]:
    """An interval in minutes."""
    yield Column("interval", Integer, primary_key=primary_key, nullable=False)
    yield _holding("interval", map(str, INTERVALS))


def words(*names: str) -> Iterator[Column[str]]:
    """Text, empty by default."""
    return (Column(name, Text, nullable=False) for name in names)


def one_of(name: str, values: Iterable[str], *, primary_key: bool = False) -> Iterator[SchemaItem]:
    """One of a few values."""
    yield Column(name, String(16), primary_key=primary_key, nullable=False)
    yield _holding(name, (f"'{value}'" for value in values))


def _holding(name: str, values: Iterable[str]) -> CheckConstraint:
    """One of these. Written out, as of a list SQLite makes a table, again for every row: half of what a row took."""
    return CheckConstraint(" OR ".join(f'"{name}" = {value}' for value in values), name=name)


def counts(*names: str) -> Iterator[SchemaItem]:
    """Numbers that are never negative."""
    yield from (Column(name, BigInteger, nullable=False) for name in names)
    yield CheckConstraint(" AND ".join(f"{name} >= 0" for name in names), name="counts")


def added_counts(*names: str) -> Iterator[Column[int]]:
    """Numbers that are never negative, of columns that a table got later: each brings its check along.

    SQLite can add such a column to a table that is there; it cannot change the checks of a table.
    """
    for name in names:
        yield Column(name, BigInteger, CheckConstraint(f"{name} >= 0", name=name), nullable=False, server_default="0")


def added_word(name: str, values: Iterable[str], default: str) -> Column[str]:
    """One of a few values, of a column that a table got later: see :func:`added_counts`."""
    return Column(
        name, String(16), _holding(name, (f"'{v}'" for v in values)), nullable=False, server_default=str(default)
    )


def span(*, primary_key: bool = False, may_be_empty: bool = False) -> Iterator[SchemaItem]:
    """A half-open range of time."""
    yield Column("start", Instant, primary_key=primary_key, nullable=False)
    yield Column("end", Instant, nullable=False)
    yield CheckConstraint(f'"start" {"<=" if may_be_empty else "<"} "end"', name="range")


def moments(*names: str) -> Iterator[Column[datetime]]:
    """When the ledger wrote something."""
    return (Column(name, Moment, nullable=False) for name in names)
