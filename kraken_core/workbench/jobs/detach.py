"""Starting a worker that outlives whoever starts it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def start_worker(home: Path, job_id: int, log: Path, workers: int | None = None) -> None:
    """Run a job in a process of its own; returns at once. What the process says goes to ``log``."""
    # -P: the process works in the home, and a file random.py there is no module of Python's.
    command = [sys.executable, "-P", "-m", "kraken_core.worker", str(home), str(job_id)]
    with log.open("ab") as output:
        subprocess.run(
            command + ([str(workers)] if workers else []),
            check=True,
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
