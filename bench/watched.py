"""``kraken-history``, watched: python -m bench.watched FILE ARGUMENTS… runs it and writes what was seen to FILE.

Seconds from the start of the process to the first read of data, seconds spent in the ledger and in coverage (whichever
calls the other, counted once), the processor's seconds of the check at the end of the job and of the whole process, and
the peak of memory in bytes. Of what is recorded while the workers go on reading,
the processor's seconds count: for the rest of that time the workers had the processor, and nobody waited.
"""

from __future__ import annotations

import functools
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import get_ident
from typing import Any, ParamSpec, TypeVar
from unittest.mock import patch

import psutil

from kraken_core.cli.main import run
from kraken_core.ledger.ledger import SqlLedger
from kraken_core.pipeline import ingest
from kraken_core.pipeline.batches import BatchReceipt
from kraken_core.pipeline.cover import CoverageTracker
from kraken_core.pipeline.crosscheck import CrossCheck
from kraken_core.pipeline.read import read_batch

P = ParamSpec("P")
R = TypeVar("R")

BESIDE_THE_WORKERS = {"record_files"}


class Watch:
    """Adds up the time that some calls take in the main thread, those inside of another one not again."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._depth = 0
        self._thread = get_ident()

    def timed(self, call: Callable[P, R], clock: Callable[[], float] = time.perf_counter) -> Callable[P, R]:
        """The call, its time counted by the clock."""

        @functools.wraps(call)
        def watched(*args: P.args, **more: P.kwargs) -> R:
            if self._depth or get_ident() != self._thread:
                return call(*args, **more)
            self._depth, began = 1, clock()
            try:
                return call(*args, **more)
            finally:
                self._depth = 0
                self.seconds += clock() - began

        return watched


def main() -> int:
    seen, *arguments = sys.argv[1:]
    watch = Watch()
    for kind in (SqlLedger, CoverageTracker):
        for name in dir(kind):
            if not name.startswith("_") and callable(getattr(kind, name)) and name not in {"open", "close"}:
                clock = time.thread_time if name in BESIDE_THE_WORKERS else time.perf_counter
                setattr(kind, name, watch.timed(getattr(kind, name), clock))
    check = Watch()
    CrossCheck.run = check.timed(CrossCheck.run, time.process_time)  # type: ignore[method-assign]
    first: list[float] = []

    def first_read(*args: Any, **more: Any) -> BatchReceipt:  # noqa: ANN401 - passed on
        first.append(time.time())
        return read_batch(*args, **more)

    with patch.object(ingest, "read_batch", first_read):
        code = run(arguments)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    found = {
        "first_byte": min(first, default=time.time()) - psutil.Process().create_time(),
        "ledger": watch.seconds,
        "check": check.seconds,
        "processor": time.process_time(),
        "memory": usage.ru_maxrss * 1024,
    }
    Path(seen).write_text(json.dumps(found))
    return code


if __name__ == "__main__":
    sys.exit(main())
