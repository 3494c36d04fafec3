"""Named points at which a test may have the process die, to prove that nothing is lost (tests only).

``KRAKEN_FAILPOINT=table.commit.after:3`` kills the process, as ``kill -9`` would, the third time it gets there.
"""

from __future__ import annotations

import os
import signal
from itertools import count

NAMES = frozenset(
    {
        "table.stage.before",
        "table.stage.after",
        "table.commit.before",
        "table.commit.after",
        "table.widened",
        "table.remove.before",
        "table.checkpoint.before",
        "table.checkpoint.after",
        "ledger.commit.before",
        "ledger.commit.after",
        "rejects.before",
        "rejects.after",
        "rejects.rename.before",
        "rejects.rename.after",
        "rename.candles",
        "rename.copied",
        "report.before",
        "backup.file",
        "backup.log",
        "backup.ledger",
    }
)
_NAME, _, _TIMES = os.environ.get("KRAKEN_FAILPOINT", "").partition(":")
_VISITS = count(1)


def reached(name: str) -> None:
    """Die here if this is the point, and the visit, that the environment names."""
    if name == _NAME and next(_VISITS) == int(_TIMES or 1):
        os.kill(os.getpid(), signal.SIGKILL)
