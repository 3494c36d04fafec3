"""A job in a process of its own that stands still in the middle of a batch, until it is told to go on."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.acceptance.command_line import asked, environment

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
