"""Archives to measure with, and the raw loop they are measured against; both from ../shared/bench."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from bench.processes import children_s, environment

SHARED = Path(__file__).resolve().parents[2] / "shared" / "bench"


def made(archive: Path, pairs: int, minutes: int) -> Path:
    """An archive of so many pairs, each over so many minutes, at eight intervals."""
    _script(SHARED / "make_dump.py", archive, "--pairs", pairs, "--minutes", minutes)
    return archive


class RawLoop(NamedTuple):
    """What inflating, parsing and writing alone achieve."""

    rows_per_second: float
    processor_s: float  # of its whole process


def raw_loop(archive: Path, out: Path) -> RawLoop:
    """The raw loop, once, in a process of its own."""
    before = children_s()
    line = _script(SHARED / "raw_loop.py", archive, out).split()
    shutil.rmtree(out)
    return RawLoop(float(line[-2]), children_s() - before)


def _script(path: Path, *args: object) -> str:
    if not path.exists():
        sys.exit(f"the benchmark's archives and raw loop are made by scripts in {SHARED}, which is absent")
    command = [sys.executable, str(path), *map(str, args)]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment()).stdout
