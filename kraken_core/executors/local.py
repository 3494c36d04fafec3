"""Batches read by threads of this process: the hot loops let go of Python's lock."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from kraken_core.ports import WorkerPool


@contextmanager
def threads(count: int) -> Iterator[WorkerPool]:
    """A pool of ``count`` threads, which end with the batches they are at."""
    with ThreadPoolExecutor(count, thread_name_prefix="batch") as pool:
        yield WorkerPool(pool, count)
