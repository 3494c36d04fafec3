"""Making very many values at once."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Pauses:
    """How many are under way, in any thread, and whether collection was on before the first one."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.count = 0
        self.resume = False


_PAUSES = _Pauses()
_NEW_VALUES = 100_000  # that are made, and not gone, before cyclic garbage is searched for; by default it is 700


def collect_rarely() -> None:
    """Search for cyclic garbage seldom, for the rest of this process: for one that runs a single command or job.

    Loading libraries makes hundreds of thousands of values that stay. To search them again and again took an eighth of
    the processor's time of a report, and as much of what a job takes before it reads its first file.
    """
    gc.set_threshold(_NEW_VALUES)


@contextmanager
def gc_paused() -> Iterator[None]:
    """No search for cyclic garbage meanwhile. For work that makes hundreds of thousands of values and no cycles.

    Searching all of them again and again took two thirds of the time of reading and of adding up 600,000 claims.
    """
    with _PAUSES.lock:
        if not _PAUSES.count:
            _PAUSES.resume = gc.isenabled()
            gc.disable()
        _PAUSES.count += 1
    try:
        yield
    finally:
        with _PAUSES.lock:
            _PAUSES.count -= 1
            if not _PAUSES.count and _PAUSES.resume:
                gc.enable()
