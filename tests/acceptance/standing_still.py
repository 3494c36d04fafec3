"""A job in a process of its own that stands still in the middle of a batch, until it is told to go on."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from kraken_core import Workbench
from kraken_core.domain.jobs import Control
from tests.support.command_line import asked, environment

PATIENCE_S = 60  # how long another process may take; nothing here waits when it is quicker
# A job that stands still in the middle of its first batch, until a line comes on its stdin.
STANDING_STILL = """
import sys
from kraken_core.cli.main import run
from kraken_core.ledger.ledger import SqlLedger

record_files = SqlLedger.record_files

def watched(ledger, *args):
    print("in the middle", file=sys.stderr, flush=True)
    sys.stdin.readline()
    SqlLedger.record_files = record_files
    record_files(ledger, *args)

SqlLedger.record_files = watched
sys.exit(run(sys.argv[1:]))
"""


def started(words: list[str]) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen(words, env=environment(), text=True, stdin=pipe, stdout=pipe, stderr=pipe)


@contextmanager
def standing_still(folder: Path, *words: object) -> Iterator[subprocess.Popen[str]]:
    """A process whose job 1 is in the middle of a batch."""
    with started([sys.executable, "-c", STANDING_STILL, *asked(folder, *words)]) as child:
        try:
            assert child.stderr is not None
            while "in the middle" not in child.stderr.readline():
                assert child.poll() is None
            yield child
        finally:
            child.kill()


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.02)


def heard(home: Path, control: Control) -> Callable[[], bool]:
    """Whether the worker renewed its lease, and so has heard, since it was asked."""
    seen: list[int | None] = []

    def look() -> bool:
        with Workbench.open(home) as workbench:
            job = workbench.ledger.job(1)
        if job.requested is control:
            seen.append(job.lease_until)
        return bool(seen) and job.lease_until != seen[0]

    return look
