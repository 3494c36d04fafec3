"""A connection over PostgreSQL's wire, which QuestDB has too, on which waits for answers end."""

from __future__ import annotations

from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus

ANSWER_S = 120.0  # to one statement; a stopped server breaks no connection
Result = TypeVar("Result")


class AnsweringConnection(psycopg.Connection[Any]):
    """Is closed once its server gave no answer for ANSWER_S."""

    def wait(self, gen: PQGen[Result], interval: float = 0.1, timeout: float | None = None) -> Result:
        """As ever, but for ANSWER_S at most. Raises psycopg.OperationalError."""
        try:
            return super().wait(gen, interval, ANSWER_S if timeout is None else timeout)
        except psycopg.OperationalError as error:
            if self.pgconn.transaction_status != TransactionStatus.ACTIVE:
                raise
            self.close()  # or the next statement would wait behind this
            raise psycopg.OperationalError(f"no answer within {ANSWER_S:g} s") from error
