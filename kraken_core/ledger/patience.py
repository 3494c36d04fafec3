"""Waiting for a database that went away: it is restarted, or a network is."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from kraken_core.domain.errors import LedgerAwayError

FIRST_WAIT_S, LONGEST_WAIT_S = 0.05, 1.0

LOG = logging.getLogger("kraken_core")
Result = TypeVar("Result")


class OutageWait:
    """How long a ledger waits for its database: not at all, unless entered. Shared by threads.

    Waiting ends for all of them at once, so that what is still tried afterwards does not wait again.
    """

    def __init__(self) -> None:
        self._seconds = 0.0
        self._stop: Callable[[], bool] = lambda: False
        self._away_since: float | None = None

    @contextmanager
    def of(self, seconds: float, stop: Callable[[], bool]) -> Iterator[None]:
        """While entered, wait for so long, or until a stop is requested."""
        before = self._seconds, self._stop
        self._seconds, self._stop = seconds, stop
        try:
            yield
        finally:
            self._seconds, self._stop = before

    def until_answered(self, operation: Callable[[], Result]) -> Result:
        """What it returns, done again while the database is away. Raises LedgerAwayError once patience has ended."""
        wait = FIRST_WAIT_S
        while True:
            try:
                result = operation()
            except LedgerAwayError as error:
                now = time.monotonic()
                if self._away_since is None:
                    self._away_since = now
                    LOG.warning("%s", error)
                if now + wait > self._away_since + self._seconds or self._stop():
                    raise
            else:
                self._away_since = None
                return result
            time.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT_S)
