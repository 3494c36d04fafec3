"""A QuestDB server as seen from here: queried over PostgreSQL's wire, written to over HTTP, and waited for.

Everything that is done here may be done twice without harm, so whatever a connection's end leaves in doubt is simply
done again, until the server answers or patience ends.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import RLock
from typing import Any, TypeVar

import polars as pl
import psycopg
import requests

from kraken_core import postgres_wire
from kraken_core.domain.errors import StoreError
from kraken_core.postgres_wire import AnsweringConnection
from kraken_core.stores.questdb.address import Address
from kraken_core.stores.questdb.sender import SIDE_BY_SIDE, GoneError, RowsRefusedError, Senders, in_parts

PATIENCE_S = 60.0  # a server that is restarted answers well before
_CONNECT_S = 5
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.05, 2.0
_APPLY_PATIENCE_S = 600  # without any progress
_REFUSED_LOGIN = ("password", "permission", "authent")
_READ_ONLY = ("read-only", "read only", "readonly", "cannot receive writes")
Result = TypeVar("Result")


class QuestDbServer:
    """One server. Thread-safe: statements take turns."""

    def __init__(self, address: Address, patience_s: float | None = None) -> None:
        self.address = address
        self._patience_s = PATIENCE_S if patience_s is None else patience_s
        self._connection: AnsweringConnection | None = None
        self._senders = Senders(address)
        self._lock = RLock()

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connections; whatever comes next makes others."""
        with self._lock:
            self._senders.close()
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """What a query answers. Raises StoreError."""
        return self._patiently("ask", lambda: self._execute(sql, values))

    def execute(self, sql: str, values: Sequence[object] = ()) -> None:
        """Carry out a statement. Raises StoreError."""
        self._patiently("change", lambda: self._execute(sql, values))

    def check_takes_changes(self) -> None:
        """Raises StoreError where the server refuses it; it then applies none that came before, either."""
        if self.rows("SELECT 1 FROM (SHOW PARAMETERS) WHERE property_path = 'readonly' AND value = 'true'"):
            raise StoreError(self._describe("write to", "read-only"))

    def send(self, table: str, rows: pl.DataFrame, symbols: Sequence[str], describe: Callable[[int], str]) -> None:
        """Write rows over ILP/HTTP, in parts of which each is acknowledged; rows are not to depend on their order.

        Raises StoreError: where the server refuses a row, with its ``describe``. Other parts are kept.
        """
        parts = [
            partial(self._patiently, "write to", partial(self._senders.flush, part))
            for part in in_parts(table, rows, symbols)
        ]
        try:
            with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
                for done in [pool.submit(part) for part in parts]:
                    done.result()
        except RowsRefusedError as error:
            of_what = f" (of {describe(error.row)})" if error.row is not None else ""
            raise StoreError(self._describe("write to", f"{error.reason}{of_what}")) from error

    def download(self, sql: str, target: Path) -> None:
        """Write what a query answers to a Parquet file. Raises StoreError."""
        a = self.address
        login = (a.user, a.password) if a.has_login else None
        waits = (_CONNECT_S, postgres_wire.ANSWER_S)
        parameters = {"query": sql, "fmt": "parquet"}

        def fetch() -> None:
            try:
                with (
                    requests.get(
                        f"http://{a.host}:{a.http}/exp", parameters, auth=login, stream=True, timeout=waits
                    ) as answer,
                    target.open("wb") as file,
                ):
                    if not answer.ok:
                        raise StoreError(self._describe("ask", answer.json().get("error", answer.reason)))
                    for chunk in answer.iter_content(1 << 20):
                        file.write(chunk)
            except requests.RequestException as error:  # before, or in the middle of it
                raise GoneError(str(error)) from error

        self._patiently("ask", fetch)

    def _execute(self, sql: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = self._connect()
                with self._connection.cursor(binary=True) as cursor:
                    cursor.execute(sql.encode(), values or None)
                    return cursor.fetchall() if cursor.description else []
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                self.close()
                if any(word in str(error).lower() for word in _REFUSED_LOGIN):
                    raise StoreError(self._describe("log in to", str(error))) from error
                raise GoneError(str(error)) from error

    def _connect(self) -> AnsweringConnection:
        a = self.address
        return AnsweringConnection.connect(
            host=a.host,
            port=a.pg,
            user=a.user,
            password=a.password,
            dbname="qdb",
            autocommit=True,
            connect_timeout=_CONNECT_S,
            prepare_threshold=None,  # each statement is planned for its own values
        )

    def _patiently(self, verb: str, operation: Callable[[], Result]) -> Result:
        until, wait = time.monotonic() + self._patience_s, _FIRST_WAIT_S
        while True:
            try:
                return operation()
            except psycopg.Error as error:
                raise StoreError(self._describe(verb, str(error))) from error
            except GoneError as error:
                if time.monotonic() + wait > until:
                    raise StoreError(
                        f"QuestDB at {self.address} does not answer ({_first_line(str(error))}). "
                        "What was committed is kept: start it, or correct the setting 'store', and try again."
                    ) from error
            time.sleep(wait)
            wait = min(wait * 2, _LONGEST_WAIT_S)

    def _describe(self, verb: str, reason: str) -> str:
        shown = _first_line(reason)
        if any(word in shown.lower() for word in _READ_ONLY):
            advice = "it takes no changes; have its owner allow them (readonly=false in its server.conf)"
            return f"Cannot {verb} QuestDB at {self.address}: {advice}. The table is as it was."
        return f"Cannot {verb} QuestDB at {self.address}: {shown}. What was committed is kept; fix that and try again."


def progress_or_fail(look: Callable[[], tuple[bool, object]], describe: Callable[[], str]) -> None:
    """Poll until it is true, as long as what it sees keeps changing. Raises StoreError."""
    seen: object = None
    since, wait = time.monotonic(), 0.002
    while True:
        done, sight = look()
        if done:
            return
        if sight != seen:
            seen, since = sight, time.monotonic()
        elif time.monotonic() - since > _APPLY_PATIENCE_S:
            raise StoreError(describe())
        time.sleep(wait)
        wait = min(wait * 1.5, 0.2)


def _first_line(text: str) -> str:
    lines = text.strip().splitlines() or ["no reason was given"]
    return " ".join(lines[0].split()).rstrip(".")
