"""One process alone keeps a home up to date, on a schedule or live."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kraken_core.domain.errors import JobRunningError

LOCK = "watch.lock"


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """Nobody else keeps the home up to date meanwhile; a process that dies lets go. Raises JobRunningError."""
    with (home / LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise JobRunningError(
                f"{home} is being watched already: end that kraken-history watch, or kraken-history live, first."
            ) from None
        yield
