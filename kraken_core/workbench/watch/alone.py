"""One process alone keeps a home up to date, on a schedule or live."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from kraken_core.domain.errors import JobRunningError
from kraken_core.workbench.jobs.worker_process import is_here

LOCK = "watch.lock"


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """Nobody else keeps the home up to date meanwhile; a process that dies lets go. Raises JobRunningError."""
    with (home / LOCK).open("a+") as file:
        while not _locked(file, fcntl.LOCK_EX):
            if not _locked(file, fcntl.LOCK_SH):  # which is refused by a watch, and not by those who only look
                raise JobRunningError(
                    f"{home} is being watched already: end that kraken-history watch, or kraken-history live, first."
                )
        yield


def has_let_go(home: Path, worker: str) -> bool:
    """Whether a process is surely gone of which no process id is known here, as it had let go of the home's lock.

    It was of another host, of another container, or of this one before it was started anew. Where nothing can be
    locked, nothing is known of it.
    """
    if is_here(worker):
        return False
    try:
        with (home / LOCK).open() as file:
            return _locked(file, fcntl.LOCK_SH)
    except FileNotFoundError:  # nobody has kept this home up to date: it is a copy
        return True
    except OSError:
        return False


def _locked(file: IO[str], how: int) -> bool:
    """Lock the file until it is closed, unless another process has; whether that could be done. Raises OSError."""
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
