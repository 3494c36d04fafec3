"""Sending rows to QuestDB over ILP/HTTP, with its own client: every part is acknowledged, or refused with a reason."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

import polars as pl
import pyarrow as pa

from kraken_core.stores.questdb.address import Address

if TYPE_CHECKING:
    import pandas as pd
    from questdb import Sender

PART_ROWS = 250_000  # sent and acknowledged at once: some 50 MB; the client takes 100 MB at most
SIDE_BY_SIDE = 2  # while the server takes one part in, the next one is written
_REQUEST_MS = 120_000
_LINE = re.compile(r"\bline (\d+)\b")


class GoneError(Exception):
    """The server does not answer, or a connection broke."""


class RowsRefusedError(Exception):
    """The server takes none of a part: its own message, and the row, where it names one."""

    def __init__(self, reason: str, row: int | None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.row = row


class RowBatch(NamedTuple):
    """Rows to be sent at once; ``first`` is the number of the first one."""

    table: str
    rows: pl.DataFrame
    symbols: Sequence[str]
    first: int


def in_parts(table: str, rows: pl.DataFrame, symbols: Sequence[str]) -> Iterator[RowBatch]:
    """Rows in parts of a size that is worth a request."""
    for first in range(0, rows.height, PART_ROWS):
        yield RowBatch(table, rows.slice(first, PART_ROWS), symbols, first)


class Senders:
    """Connections to one server, as many as are used at once. Thread-safe."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._idle: list[Sender] = []
        self._lock = Lock()

    def close(self) -> None:
        """Let go of those that are idle."""
        with self._lock:
            for sender in self._idle:
                sender.close(flush=False)
            self._idle.clear()

    def flush(self, part: RowBatch) -> None:
        """Send a part; it is written when this returns. Raises GoneError, RefusedError: then none of it is."""
        from questdb import QuestDBError, QuestDBErrorCode  # noqa: PLC0415 - an extra that reading does without

        sender: Sender | None = None
        try:
            sender = self._taken()
            sender.dataframe(_frame(part), table_name=part.table, symbols=list(part.symbols), at="time")
            sender.flush()
        except QuestDBError as error:
            if sender is None:  # nothing was sent: not even its protocol is known
                raise GoneError(str(error)) from error
            sender.close(flush=False)
            if error.code in {QuestDBErrorCode.SocketError, QuestDBErrorCode.CouldNotResolveAddr}:
                raise GoneError(str(error)) from error
            reason, line = _refusal(str(error))
            raise RowsRefusedError(reason, part.first + line - 1 if line else None) from error
        with self._lock:
            self._idle.append(sender)

    def _taken(self) -> Sender:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        from questdb import Sender  # noqa: PLC0415 - an extra that reading does without

        a = self._address
        sender = Sender.from_conf(
            f"http::addr={a.host}:{a.http};auto_flush=off;retry_timeout=0;request_timeout={_REQUEST_MS};",
            username=a.user if a.has_login else None,
            password=a.password if a.has_login else None,
        )
        sender.establish()  # type: ignore[no-untyped-call]
        return sender


def _frame(part: RowBatch) -> pd.DataFrame:
    categories = part.rows.with_columns(pl.col(part.symbols).cast(pl.Categorical))
    frame: pd.DataFrame = categories.to_arrow().to_pandas(types_mapper=_nullable)
    return frame


def _nullable(kind: pa.DataType) -> object:
    """Whole numbers stay whole where one is missing."""
    import pandas as pd  # noqa: PLC0415 - slow to load

    return {pa.int32(): pd.Int32Dtype(), pa.int64(): pd.Int64Dtype()}.get(kind)


def _refusal(text: str) -> tuple[str, int]:
    """Why the server refused, by its own message, and the line it names; 0 where it names none."""
    start = text.find("{")
    try:
        answer = json.loads(text[start:])
        reason, line = str(answer["message"]).splitlines()[-1], int(answer.get("line", 0))
    except (ValueError, KeyError, IndexError):
        reason, line = text, 0
    found = _LINE.search(reason)
    return reason, line or (int(found[1]) if found else 0)
