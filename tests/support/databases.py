"""Empty databases on servers that are there."""

from __future__ import annotations

from itertools import count
from urllib.parse import urlencode

import psycopg

_schemas = count(1)


def new_schema(server: str) -> str:
    """The address of an empty database of its own on a PostgreSQL server."""
    schema = f"test_{next(_schemas)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}".encode())
    separator = "&" if "?" in server else "?"
    options = urlencode({"options": f"-csearch_path={schema}"})
    return server.replace("postgresql://", "postgresql+psycopg://") + separator + options
